#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"
#include "core/coding.h"

/// What stands around raw deflate data (RFC 1951) on the wire: the gzip member (RFC 1952) or the
/// zlib stream (RFC 1950), as an encoder writes them, and the checksums of both.
namespace frdpu::core {

/// The running checksum of a wrapper: CRC-32 for gzip, Adler-32 for zlib.
/// Threads: one at a time. Cost: about 0.02 ns a byte, vector instructions where there are any.
class DeflateChecksum {
 public:
  enum class Kind : std::uint8_t { none, crc32, adler32 };

  explicit DeflateChecksum(Kind kind) noexcept
      : kind_(kind), value_(kind == Kind::adler32 ? 1 : 0) {}

  /// Takes the next bytes of content.
  void update(Bytes content) noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint32_t value() const noexcept { return value_; }

 private:
  Kind kind_;
  std::uint32_t value_;
};

/// Header, checksum and trailer of one frame.
class DeflateWrapper {
 public:
  /// The longest header (gzip) and trailer (gzip). Source: RFC 1952, 2.3.
  static constexpr std::size_t kMaxHeaderBytes = 10;
  static constexpr std::size_t kMaxTrailerBytes = 8;

  /// Requires: gzip or deflate; a window that is a power of two from 512 to 32768. A zlib header
  /// states that window, so the raw data must keep to it. gzip: no name, no time, system unknown.
  DeflateWrapper(Coding coding, int level, std::uint32_t window_bytes) noexcept;

  /// The bytes in front of the raw data. Ownership: dies with the wrapper.
  [[nodiscard]] Bytes header() const noexcept { return {header_.data(), header_bytes_}; }

  /// Takes the next bytes of content into checksum and length.
  void update(Bytes content) noexcept {
    checksum_.update(content);
    content_bytes_ += content.size();
  }

  /// Content so far. Units: bytes, not only the 32 bits that gzip writes.
  [[nodiscard]] std::uint64_t content_bytes() const noexcept { return content_bytes_; }

  /// The bytes behind the raw data, for the content so far. Ownership: dies with the wrapper.
  [[nodiscard]] Bytes trailer() noexcept;

 private:
  std::array<std::byte, kMaxHeaderBytes> header_{};
  std::array<std::byte, kMaxTrailerBytes> trailer_{};
  std::size_t header_bytes_;
  DeflateChecksum checksum_;
  std::uint64_t content_bytes_ = 0;
};

}  // namespace frdpu::core
