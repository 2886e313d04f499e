#include "core/text.h"

#include <algorithm>

namespace frdpu::core {
namespace {

// Four to seven octets as one word: the last four again behind the first four.
std::uint64_t short_word(std::string_view text) noexcept {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
  return std::uint64_t{last} << 32 | first;
}

// Eight octets at once: those from A to Z get the bit that makes them small.
constexpr std::uint64_t all_lower(std::uint64_t word) noexcept {
  constexpr std::uint64_t kHighBits = in_each_octet(0x80);
  const std::uint64_t low_bits = word & ~kHighBits;
  const std::uint64_t from_a = low_bits + in_each_octet(0x80 - 'A');
  const std::uint64_t behind_z = low_bits + in_each_octet(0x7F - 'Z');
  return word | ((from_a & ~behind_z & ~word & kHighBits) >> 2);
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size < kWord / 2) return std::ranges::equal(a, b, {}, lower, lower);
  if (size < kWord) return all_lower(short_word(a)) == all_lower(short_word(b));
  for (std::size_t at = 0; at < size - kWord; at += kWord) {
    if (all_lower(eight_at(a, at)) != all_lower(eight_at(b, at))) return false;
  }
  // The last step looks at some octets again rather than at each of a rest.
  return all_lower(eight_at(a, size - kWord)) == all_lower(eight_at(b, size - kWord));
}

}  // namespace frdpu::core
