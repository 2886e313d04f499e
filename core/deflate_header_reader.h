#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"
#include "core/error.h"

/// Reads the header of a gzip member or zlib stream as it arrives, fields of any length, keeping
/// nothing of it but a checksum and a few bytes.
namespace frdpu::core {

class DeflateHeaderReader {
 public:
  enum class Format : std::uint8_t { gzip, zlib, raw };

  explicit DeflateHeaderReader(Format format) noexcept;

  /// Takes header bytes as they come.
  /// Returns: how many of the input's bytes belong to the header.
  /// Errors: corrupt_input (no such header, reserved flags), checksum_mismatch (gzip's FHCRC),
  /// missing_dictionary (zlib's FDICT); `offset` counts from the header's first byte.
  [[nodiscard]] Result<std::size_t> take(Bytes input) noexcept;

  /// True once the raw data begins; at once for `raw`.
  [[nodiscard]] bool done() const noexcept { return part_ == Part::done; }

 private:
  // In the order of the wire. Source: RFC 1952, 2.3; RFC 1950, 2.2.
  enum class Part : std::uint8_t {
    fixed,
    extra_length,
    extra,
    name,
    comment,
    checksum,
    zlib,
    done
  };

  [[nodiscard]] Result<std::size_t> take_part(Bytes input) noexcept;
  std::size_t gather(Bytes input, std::size_t wanted) noexcept;
  std::size_t skip_text(Bytes input) noexcept;
  [[nodiscard]] Result<void> check_fixed() noexcept;
  [[nodiscard]] Result<void> check_sum() noexcept;
  [[nodiscard]] Result<void> check_zlib() noexcept;
  void enter_after(Part part) noexcept;
  [[nodiscard]] std::uint32_t held(std::size_t i) const noexcept {
    return std::to_integer<std::uint32_t>(held_[i]);
  }

  Part part_;
  bool part_done_ = false;
  std::uint32_t flags_ = 0;
  std::uint32_t sum_ = 0;  // CRC-32 of everything before the checksum field
  std::size_t extra_left_ = 0;
  std::array<std::byte, 10> held_{};  // a field of fixed size, as far as it came
  std::size_t held_bytes_ = 0;
  std::uint64_t offset_ = 0;  // taken so far
};

}  // namespace frdpu::core
