#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/engine/match_finder.h"

/// Finds the longest earlier occurrence at every position, for optimal parsing.
///
/// Of the short matches any one will do, so the latest position with the same 4, 5, 6 and 7 bytes
/// is all there is to know: one table each. Only matches of 8 bytes and more are searched for, in
/// chains of positions with the same 8 bytes. Those chains are long where data repeats itself, but
/// just there a long match is known at once, from the position before. What beats a match of
/// length n must have the same bytes up to n, so the chain that is followed is not that of the
/// first 8 bytes but that of the 8 which end with byte n, where the known match fails:
///
///   at                  n-7       n
///   | same as the known match     | differs from it
///                        [8 bytes ]  follow the chain of these
///
/// and it is changed as n grows. For that, all positions of a block are linked before the search.
namespace frdpu::core::lz4 {

/// Ownership: none; the tables lie in the encoder's workspace.
class LongestFinder {
 public:
  static constexpr std::size_t kHashed = 8;  ///< bytes that are read at a position

  /// Entries that the tables take for so many bytes of history and block together.
  static constexpr std::size_t table_entries(std::size_t reach) noexcept {
    return (kTables << bits_for(reach)) + std::bit_ceil(reach);
  }

  /// `tables` has room for table_entries(reach).
  LongestFinder(std::uint16_t* tables, std::size_t reach, std::size_t window) noexcept
      : tables_(tables),
        links_(tables + (kTables << bits_for(reach))),
        links_mask_(std::bit_ceil(reach) - 1),
        bits_(bits_for(reach)),
        window_(window) {}

  void clear() noexcept { std::fill_n(tables_, kTables << bits_, std::uint16_t{0}); }

  /// Links the positions in [from, to). Requires: kHashed readable bytes at each.
  void link(const std::uint8_t* from, const std::uint8_t* to, std::uintptr_t base) noexcept {
    for (; from < to; ++from) {
      const std::uint16_t position = position_of(from, base);
      const std::uint16_t before = std::exchange(head(load_le64(from), kHashed), position);
      link_of(from, base) = static_cast<std::uint16_t>(position - before);
    }
  }

  /// Enters a position for short matches.
  void enter(const std::uint8_t* at, std::uintptr_t base) noexcept {
    const std::uint64_t bytes = load_le64(at);
    for (std::size_t count = kMinMatch; count < kHashed; ++count) {
      head(bytes, count) = position_of(at, base);
    }
  }

  /// Finds the longest match at a position, and enters it. `known` is a match there, or none.
  /// Requires: all positions of the block were linked.
  [[nodiscard]] Match find(const std::uint8_t* at, const EncodeViews& views,
                           const std::uint8_t* match_end, std::uintptr_t base,
                           Match known) noexcept {
    const std::size_t reach = std::min(static_cast<std::size_t>(at - views.floor), window_);
    if (known.length < kHashed) {
      known = find_short(at, reach, match_end, base, known);
    } else {
      enter(at, base);
    }
    return find_long(at, reach, match_end, base, known);
  }

 private:
  static constexpr std::size_t kTables = kHashed - kMinMatch + 1;
  static constexpr unsigned kSteps = 128;  // along chains, at most

  static constexpr unsigned bits_for(std::size_t reach) noexcept {
    return std::clamp(static_cast<unsigned>(std::bit_width(reach)) + 2, 9u, 16u);
  }
  std::uint16_t& head(std::uint64_t bytes, std::size_t count) noexcept {
    const std::uint64_t hash = (bytes << (64 - 8 * count)) * 0x9E3779B97F4A7C15u >> (64 - bits_);
    return tables_[((count - kMinMatch) << bits_) + hash];
  }
  std::uint16_t& link_of(const std::uint8_t* at, std::uintptr_t base) noexcept {
    return links_[(reinterpret_cast<std::uintptr_t>(at) - base) & links_mask_];
  }

  /// Enters a position. Returns: a match of at most 7 bytes that is longer than `known`, or that.
  Match find_short(const std::uint8_t* at, std::size_t reach, const std::uint8_t* match_end,
                   std::uintptr_t base, Match known) noexcept {
    const std::uint64_t bytes = load_le64(at);
    const std::uint16_t position = position_of(at, base);
    const auto most = static_cast<std::size_t>(match_end - at);
    for (std::size_t count = kHashed - 1; count >= kMinMatch; --count) {
      const std::uint16_t latest = std::exchange(head(bytes, count), position);
      const std::size_t offset = static_cast<std::uint16_t>(position - latest);
      if (count <= known.length || offset - 1 >= reach) continue;
      const std::uint64_t difference = (load_le64(at - offset) ^ bytes) | std::uint64_t{1} << 63;
      const auto length =
          std::min(static_cast<std::size_t>(std::countr_zero(difference)) / 8, most);
      if (length >= count) known = {.length = length, .offset = offset};
    }
    return known;
  }

  /// Returns: the longest match of 8 bytes and more, or `known` when there is none longer.
  Match find_long(const std::uint8_t* at, std::size_t reach, const std::uint8_t* match_end,
                  std::uintptr_t base, Match known) noexcept {
    const std::uint64_t bytes = load_le64(at);
    const auto most = static_cast<std::size_t>(match_end - at);
    std::size_t length = std::max(known.length, kHashed - 1);
    std::size_t best_offset = 0;
    std::size_t offset = 0;
    for (unsigned left = kSteps; left != 0 && length < most; --left) {
      const std::uint16_t step = link_of(at + (length - (kHashed - 1)) - offset, base);
      offset += step;
      if (step == 0 || offset > reach) break;  // the chain ends, or leaves the window
      const std::uint8_t* const match = at - offset;
      if (offset <= best_offset || match[length] != at[length] || load_le64(match) != bytes) {
        continue;
      }
      const std::size_t longer = count_equal(match, at, match_end);
      if (longer <= length) continue;
      length = longer;
      best_offset = offset;
      offset = 0;  // on another chain now
    }
    return best_offset == 0 ? known : Match{.length = length, .offset = best_offset};
  }

  std::uint16_t* tables_;
  std::uint16_t* links_;
  std::size_t links_mask_;
  unsigned bits_;
  std::size_t window_;
};

}  // namespace frdpu::core::lz4
