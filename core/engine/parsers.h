#pragma once

#include <cstddef>
#include <cstdint>

#include "core/engine/match_finder.h"

/// The parsers that turn a block into sequences; one file each. All return the size of the encoded
/// block, or 0 when it does not fit the room or is not worth it.
/// Requires, all of them: a block of at least kMatchStartMargin + 1 bytes.
namespace frdpu::core::lz4 {

/// The hash table of the fast parser: positions by the hash of 5 bytes.
struct FastTable {
  std::uint16_t* entries;
  unsigned bits;
};

/// Levels 1 and 2. One candidate a position; `lazy` looks one byte further before it takes one.
/// fast_parser.cc
[[nodiscard]] std::size_t parse_fast(const EncodeViews& views, const FastTable& table,
                                     std::uintptr_t base, std::size_t window, bool lazy) noexcept;

/// Levels 3 to 8: hash chains, and a look at the next byte before a match is taken.
/// lazy_parser.cc
[[nodiscard]] std::size_t parse_lazy(const EncodeViews& views, ChainFinder& finder,
                                     const std::uint8_t* unindexed, std::uintptr_t base) noexcept;

/// Scratch of the optimal parser for one position of the block.
struct OptimalStep {
  std::uint32_t cost;    ///< bytes from here to the end of the block
  std::uint16_t length;  ///< of the longest match; then of what is taken, 0 for a literal
  std::uint16_t offset;
};

/// Level 9. `steps` has room for one more than the block has bytes. optimal_parser.cc
[[nodiscard]] std::size_t parse_optimal(const EncodeViews& views, ChainFinder& finder,
                                        const std::uint8_t* unindexed, std::uintptr_t base,
                                        OptimalStep* steps) noexcept;

}  // namespace frdpu::core::lz4
