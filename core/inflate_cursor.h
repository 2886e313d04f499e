#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/bytes.h"

/// Where a run of the inflater stands in its two views, and the bits between bytes. Meant to live
/// in registers; all of it is inline.
namespace frdpu::core::inflate {

/// Invariant: bits at and above `bit_count` are zero or equal what stands at `in`, so that reading
/// a byte twice changes nothing.
struct Cursor {
  const std::byte* in;
  const std::byte* in_end;
  std::byte* out;
  std::byte* out_begin;
  std::byte* out_end;
  std::uint64_t bits = 0;
  unsigned bit_count = 0;

  [[nodiscard]] std::size_t input_left() const noexcept {
    return static_cast<std::size_t>(in_end - in);
  }
  [[nodiscard]] std::size_t room() const noexcept {
    return static_cast<std::size_t>(out_end - out);
  }
  [[nodiscard]] std::size_t written() const noexcept {
    return static_cast<std::size_t>(out - out_begin);
  }

  /// Fills up to 56 bits or more. Requires: 8 bytes of input.
  void refill() noexcept {
    std::uint64_t word;
    std::memcpy(&word, in, sizeof(word));
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    bits |= word << bit_count;
    in += (63 - bit_count) >> 3;
    bit_count |= 56;
  }

  /// Makes `count` bits available, at most 48. Returns: false when the input is used up.
  bool need(unsigned count) noexcept {
    if (bit_count >= count) return true;
    if (input_left() >= 8) {
      refill();
      return true;
    }
    while (bit_count < count) {
      if (in == in_end) return false;
      bits |= std::to_integer<std::uint64_t>(*in++) << bit_count;
      bit_count += 8;
    }
    return true;
  }

  [[nodiscard]] std::uint32_t peek(unsigned count) const noexcept {
    return static_cast<std::uint32_t>(bits & ((std::uint64_t{1} << count) - 1));
  }
  void drop(unsigned count) noexcept {
    bits >>= count;
    bit_count -= count;
  }
  std::uint32_t take(unsigned count) noexcept {
    const std::uint32_t value = peek(count);
    drop(count);
    return value;
  }

  /// Gives whole bytes back that were read since `begin` and not used.
  void give_back(const std::byte* begin) noexcept {
    const std::size_t unused = bit_count / 8;
    const auto read = static_cast<std::size_t>(in - begin);
    const std::size_t bytes = unused < read ? unused : read;
    in -= bytes;
    bit_count -= static_cast<unsigned>(bytes * 8);
    bits &= (std::uint64_t{1} << bit_count) - 1;
  }
};

inline void copy_three_words(std::byte* out, const std::byte* from) noexcept {
  std::uint64_t word;
  for (int i = 0; i < 3; ++i) {
    std::memcpy(&word, from + 8 * i, sizeof(word));
    std::memcpy(out + 8 * i, &word, sizeof(word));
  }
}

/// How far the wide copies may read and write behind the end of what they copy.
inline constexpr std::size_t kCopyOverrun = 32;

/// Copies in steps of three words. Most matches are short: then there is no loop to guess the end
/// of. Requires: at least 8 bytes between source and destination, kCopyOverrun behind both.
inline void copy_wide(std::byte* out, const std::byte* from, std::size_t length) noexcept {
  const std::byte* const end = out + length;
  copy_three_words(out, from);
  while (end - out > 24) {
    out += 24;
    from += 24;
    copy_three_words(out, from);
  }
}

/// Copies a match that lies within the view, in wide steps.
/// Requires: room for the match and kCopyOverrun more; a distance of at least 1.
inline void copy_match_wide(std::byte* out, std::size_t distance, std::size_t length) noexcept {
  const std::byte* from = out - distance;
  if (distance >= 8) {
    copy_wide(out, from, length);
  } else if (distance == 1) {
    std::memset(out, std::to_integer<int>(*from), (length + 31) & ~std::size_t{31});
  } else {
    const std::byte* const end = out + length;
    // Of each word, as many bytes are right as the pattern is long; the next word mends the rest.
    do {
      std::uint64_t word;
      std::memcpy(&word, from, sizeof(word));
      std::memcpy(out, &word, sizeof(word));
      out += distance;
      from += distance;
    } while (out < end);
  }
}

}  // namespace frdpu::core::inflate
