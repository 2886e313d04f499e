#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/engine/lz4_format.h"

/// How the decoder copies literals and matches: in blocks that may run past the end where there is
/// room for it, exactly where there is none.
/// Requires, all of them: the caller has checked what is read and written, kOverrun included.
namespace frdpu::core::lz4 {

/// How far copies may run beyond a long run of literals or a long match.
inline constexpr std::size_t kOverrun = 32;

/// For offsets below 8: a multiple of the offset that is at least 8, so that 8 bytes can be copied
/// ...
inline constexpr std::uint8_t kSpread[8] = {0, 8, 8, 9, 8, 10, 12, 14};
/// ... once the unit was repeated over 8 bytes, by a factor with a bit for each repetition.
inline constexpr std::uint64_t kRepeat[8] = {0,
                                             0x0101010101010101,
                                             0x0001000100010001,
                                             0x0001000001000001,
                                             0x0000000100000001,
                                             0x0000010000000001,
                                             0x0001000000000001,
                                             0x0100000000000001};

/// Copies between places that do not overlap, or whose overlap is 16 or more bytes behind. Reads
/// and writes up to kOverrun bytes beyond.
inline void copy_wild(std::uint8_t* to, const std::uint8_t* from, std::size_t length) noexcept {
  std::uint8_t* const end = to + length;
  do {
    copy_block<16>(to, from);
    copy_block<16>(to + 16, from + 16);
    to += 32;
    from += 32;
  } while (to < end);
}

/// Copies a match within the output. May write up to kOverrun bytes beyond `out + length`.
inline void copy_match_wild(std::uint8_t* out, std::size_t offset, std::size_t length) noexcept {
  const std::uint8_t* from = out - offset;
  if (offset >= 16) [[likely]] {
    copy_wild(out, from, length);
    return;
  }
  std::uint8_t* const end = out + length;
  if (offset < 8) {
    const std::uint64_t unit = load_le64(from) & ((std::uint64_t{1} << 8 * offset) - 1);
    store_le64(out, unit * kRepeat[offset]);
    out += 8;
    from = out - kSpread[offset];
  }
  while (out < end) {
    copy_block<8>(out, from);
    out += 8;
    from += 8;
  }
}

/// Copies exactly `length` bytes between places that do not overlap, without a call.
inline void copy_exactly(std::uint8_t* to, const std::uint8_t* from, std::size_t length) noexcept {
  const auto ends = [&]<std::size_t kBytes>() {  // two blocks, which may overlap
    copy_block<kBytes>(to, from);
    copy_block<kBytes>(to + length - kBytes, from + length - kBytes);
  };
  if (length > 32) {
    std::memcpy(to, from, length);
  } else if (length >= 16) {
    ends.operator()<16>();
  } else if (length >= 8) {
    ends.operator()<8>();
  } else if (length >= 4) {
    ends.operator()<4>();
  } else if (length != 0) {
    to[0] = from[0];
    to[length / 2] = from[length / 2];
    to[length - 1] = from[length - 1];
  }
}

}  // namespace frdpu::core::lz4
