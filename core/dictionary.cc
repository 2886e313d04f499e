#include "core/dictionary.h"

#include <atomic>

namespace frdpu::core {
namespace {

std::uint32_t load_u32(Bytes bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  }
  return value;
}

}  // namespace

Dictionary::Dictionary(Bytes content, std::uint32_t id) noexcept : content_(content), id_(id) {
  static std::atomic<std::uint64_t> latest{0};
  serial_ = latest.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::optional<std::uint32_t> Dictionary::declared_id(Bytes content) noexcept {
  if (content.size() < 8 || load_u32(content, 0) != kZstdMagic) return std::nullopt;
  const std::uint32_t id = load_u32(content, 4);
  return id != 0 ? std::optional(id) : std::nullopt;
}

}  // namespace frdpu::core
