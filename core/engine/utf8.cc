#include "core/engine/utf8.h"

#include <cstdint>
#include <cstring>

namespace frdpu::core {
namespace {

/// A lead byte's sequence: its length, and the range of the second byte, which alone decides
/// about overlong forms, surrogates and the upper end.
struct Sequence {
  std::size_t length;
  std::uint8_t second_min;
  std::uint8_t second_max;
};

Sequence sequence_of(std::uint8_t lead) noexcept {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

bool is_utf8(Bytes bytes) noexcept {
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* const end = at + bytes.size();
  while (at != end) {
    if (end - at >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, at, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Sequence sequence = sequence_of(*at);
    if (sequence.length == 0 || static_cast<std::size_t>(end - at) < sequence.length) return false;
    if (sequence.length > 1 && (at[1] < sequence.second_min || at[1] > sequence.second_max)) {
      return false;
    }
    for (std::size_t i = 2; i < sequence.length; ++i) {
      if ((at[i] & 0xC0) != 0x80) return false;
    }
    at += sequence.length;
  }
  return true;
}

}  // namespace frdpu::core
