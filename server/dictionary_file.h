#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "core/dictionary.h"

/// A dictionary that stands in a file of its own.
namespace frdpu::server {

/// The id that frames name a dictionary by: the one it declares, or for raw content one made from
/// its SHA-256 and never one of the ranges that RFC 8878, 5 reserves (below 32768, from 2^31 on).
[[nodiscard]] std::uint32_t dictionary_id(core::Bytes content) noexcept;

/// One dictionary, found by its id. Life: outlives the codecs that use it.
class DictionaryFile final : public core::DictionarySource {
 public:
  /// Reads a dictionary. Errors: one line; unreadable, empty, or larger than 16 MiB.
  [[nodiscard]] static std::expected<DictionaryFile, std::string> read(const std::string& path);

  explicit DictionaryFile(std::vector<std::byte> content)
      : content_(std::move(content)), dictionary_(content_, dictionary_id(content_)) {}
  DictionaryFile(DictionaryFile&& other) noexcept
      : content_(std::move(other.content_)), dictionary_(content_, other.dictionary_.id()) {}

  [[nodiscard]] const core::Dictionary& dictionary() const noexcept { return dictionary_; }
  [[nodiscard]] const core::Dictionary* find(std::uint32_t id) noexcept override {
    return id == dictionary_.id() ? &dictionary_ : nullptr;
  }

 private:
  std::vector<std::byte> content_;
  core::Dictionary dictionary_;  // views content_
};

}  // namespace frdpu::server
