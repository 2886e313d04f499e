#pragma once

#include <cstddef>
#include <cstdint>

#include "core/engine/longest_finder.h"
#include "core/engine/match_finder.h"

namespace frdpu::core::rfc1951 {
class SequenceWriter;
}

/// The parsers that turn a block into sequences; one file each. All return the size of the encoded
/// block, or 0 when it does not fit the room or is not worth it.
/// Requires, all of them: a block of more than kLeastParsed bytes.
namespace frdpu::core::lz4 {

/// Blocks up to this are not worth a look: literals are copied in 16s, and some must be last.
inline constexpr std::size_t kLeastParsed = 24;

/// The hash table of the fast parser: the latest positions by the hash of their first bytes.
struct FastTable {
  std::uint16_t* entries = nullptr;  ///< the caller's
  std::size_t entry_count = 0;
  unsigned bits = 0;  ///< of the hash
  int level = 1;      ///< decides about hash and layout
  bool far = false;   ///< brief blocks with a much longer history
};

/// What a table has to be like for so many bytes of history and block together. Its entries are to
/// be set by the caller.
[[nodiscard]] FastTable fast_table_of(int level, std::size_t reach,
                                      std::size_t block_bytes) noexcept;

/// Enters the positions in [from, to) into the table. Requires: 8 readable bytes at each.
void enter_fast(const FastTable& table, const std::uint8_t* from, const std::uint8_t* to,
                std::uintptr_t base) noexcept;

/// Levels 1 to 3. Requires: `views.floor` is where `base` began, or at least `window` bytes before
/// the block; the table has been cleared since it last held what is not behind `base`.
/// fast_parser.cc
[[nodiscard]] std::size_t parse_fast(const EncodeViews& views, const FastTable& table,
                                     std::uintptr_t base, std::size_t window) noexcept;

/// Levels 1 and 3 for raw deflate data, of all there is between two places. Requires: the table has
/// been cleared; `window` is at most 32768. Returns: what the writer's finish() does.
/// fast_parser.cc
[[nodiscard]] std::size_t parse_for_deflate(const std::uint8_t* begin, const std::uint8_t* end,
                                            const FastTable& table, std::size_t window,
                                            rfc1951::SequenceWriter& writer) noexcept;

/// Levels 4 to 8: hash chains, and a look at the next byte before a match is taken. `Finder` is
/// Chains or PacketChains.
/// lazy_parser.cc
template <class Finder>
[[nodiscard]] std::size_t parse_lazy(const EncodeViews& views, Finder& finder,
                                     const std::uint8_t* unindexed, std::uintptr_t base) noexcept;

/// Scratch of the optimal parser for one position of the block.
struct OptimalStep {
  std::uint32_t cost;    ///< bytes from here to the end of the block
  std::uint16_t length;  ///< of the longest match; then of what is taken, 0 for a literal
  std::uint16_t offset;
};

/// Level 9. Requires: the block is linked; `steps` has room for one more than the block has bytes.
/// optimal_parser.cc
[[nodiscard]] std::size_t parse_optimal(const EncodeViews& views, const LongestFinder& finder,
                                        std::uintptr_t base, OptimalStep* steps) noexcept;

}  // namespace frdpu::core::lz4
