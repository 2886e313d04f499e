#pragma once

#include <cstdint>
#include <optional>

#include "core/bytes.h"

/// Bytes that encoder and decoder both know beforehand, for zstd and lz4.
namespace frdpu::core {

/// A dictionary as a codec uses it: a view of its bytes and the id that frames name it by.
/// Ownership: none; the bytes must outlive every codec that was given the dictionary.
/// Threads: immutable, any.
class Dictionary {
 public:
  /// The first four bytes of a dictionary in zstd's format. Source: RFC 8878, 5.
  static constexpr std::uint32_t kZstdMagic = 0xEC30A437;

  Dictionary(Bytes content, std::uint32_t id) noexcept;

  /// All bytes of the file. lz4 takes them as history as they are, zstd reads its format.
  [[nodiscard]] Bytes content() const noexcept { return content_; }

  /// The id in frame headers, the same in zstd and lz4 frames; never 0.
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

  /// A number that no other dictionary of this process has, copies of this one aside: says whether
  /// what was prepared from a dictionary is of this one. Never 0.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }

  /// True when the content is in zstd's dictionary format (entropy tables and an id of its own);
  /// false for raw content.
  [[nodiscard]] bool is_zstd_format() const noexcept { return declared_id(content_).has_value(); }

  /// The id that bytes in zstd's dictionary format declare. Returns: nothing for raw content, and
  /// for an id of 0, which the format does not allow: no frame could name it.
  [[nodiscard]] static std::optional<std::uint32_t> declared_id(Bytes content) noexcept;

 private:
  Bytes content_;
  std::uint32_t id_;
  std::uint64_t serial_;
};

/// Where decoders find the dictionary that a frame names.
class DictionarySource {
 public:
  DictionarySource() = default;
  DictionarySource(const DictionarySource&) = delete;
  DictionarySource& operator=(const DictionarySource&) = delete;
  virtual ~DictionarySource() = default;

  /// Finds a dictionary by a frame's id. Returns: null when there is none.
  /// Ownership: what is returned must stay valid until the decoder is gone. Cost: no allocation.
  [[nodiscard]] virtual const Dictionary* find(std::uint32_t id) noexcept = 0;
};

}  // namespace frdpu::core
