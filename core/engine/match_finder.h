#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/engine/lz4_format.h"

/// Finds earlier occurrences of the bytes at a position.
///
/// All tables hold positions modulo 65,536, in 16 bits. That is enough because no offset of the
/// format is larger: the distance to a candidate is the 16-bit difference of two positions, and
/// every candidate is compared with the data before it is believed. So tables need no rebasing
/// however long the stream, and small inputs have small tables. What slid out of the window does no
/// harm; entries of another input might, and are cleared before the first block.
namespace frdpu::core::lz4 {

/// Turns addresses into table positions. `base` moves when the data moves in memory.
inline std::uint16_t position_of(const std::uint8_t* at, std::uintptr_t base) noexcept {
  return static_cast<std::uint16_t>(reinterpret_cast<std::uintptr_t>(at) - base);
}

/// Hashes 4 bytes.
inline std::size_t hash4(const std::uint8_t* at, unsigned bits) noexcept {
  return static_cast<std::size_t>(load_le32(at) * 0x9E3779B1u >> (32 - bits));
}

/// Counts equal bytes of two places, up to `end` of the second.
inline std::size_t count_equal(const std::uint8_t* match, const std::uint8_t* at,
                               const std::uint8_t* end) noexcept {
  const auto most = static_cast<std::size_t>(end - at);
  std::size_t count = 0;
  for (; count + 8 <= most; count += 8) {
    const std::uint64_t difference = load_le64(match + count) ^ load_le64(at + count);
    if (difference != 0) {
      return count + static_cast<std::size_t>(std::countr_zero(difference)) / 8;
    }
  }
  while (count < most && match[count] == at[count]) ++count;
  return count;
}

/// A block to encode and what matches may refer to.
struct EncodeViews {
  const std::uint8_t* floor;  ///< the first byte of history; history ends where the block begins
  const std::uint8_t* begin;
  const std::uint8_t* end;
  std::uint8_t* out;
  std::uint8_t* out_end;
};

struct Match {
  std::size_t length = 0;
  std::size_t offset = 0;
};

/// Hash chains: every position is linked to the one before it with the same hash.
/// Ownership: none; the tables lie in the encoder's workspace.
/// The sizes of its tables are known to the compiler: loads that wait for a shift cost 10 %.
template <unsigned kHeadBits, unsigned kLinkBits>
class ChainFinder {
 public:
  /// Most bytes of history and block together.
  static constexpr std::size_t kReach = std::size_t{1} << kLinkBits;
  static constexpr std::size_t kTableEntries = (std::size_t{1} << kHeadBits) + kReach;

  /// `tables` has room for kTableEntries.
  ChainFinder(std::uint16_t* tables, std::size_t window, unsigned depth) noexcept
      : heads_(tables), links_(tables + (1u << kHeadBits)), window_(window), depth_(depth) {}

  void clear() noexcept { std::fill_n(heads_, std::size_t{1} << kHeadBits, std::uint16_t{0}); }

  /// Enters the positions in [from, to). Requires: 4 readable bytes at each.
  void insert(const std::uint8_t* from, const std::uint8_t* to, std::uintptr_t base) noexcept {
    for (; from < to; ++from) {
      std::uint16_t& head = heads_[hash4(from, kHeadBits)];
      const std::uint16_t position = position_of(from, base);
      link_of(position) = head;
      head = position;
    }
  }

  /// Finds the longest match at a position that is longer than `longer_than`, among the latest
  /// `depth` candidates. The position itself may have been entered before or not.
  [[nodiscard]] Match find(const std::uint8_t* at, const EncodeViews& views,
                           const std::uint8_t* match_end, std::uintptr_t base,
                           std::size_t longer_than) const noexcept {
    const std::size_t reach = std::min(static_cast<std::size_t>(at - views.floor), window_);
    const std::uint16_t position = position_of(at, base);
    std::uint16_t candidate = heads_[hash4(at, kHeadBits)];
    if (candidate == position) candidate = link_of(position);
    Match best{.length = std::max<std::size_t>(longer_than, kMinMatch - 1)};
    std::size_t nearer = 0;
    for (unsigned left = depth_; left != 0; --left) {
      const std::size_t offset = static_cast<std::uint16_t>(position - candidate);
      if (offset <= nearer || offset > reach) break;  // the chain ends, or leaves the window
      nearer = offset;
      const std::uint8_t* const match = at - offset;
      if (static_cast<std::size_t>(match_end - at) <= best.length) break;
      if (match[best.length] == at[best.length] && load_le32(match) == load_le32(at)) {
        const std::size_t length = count_equal(match, at, match_end);
        if (length > best.length) best = {.length = length, .offset = offset};
      }
      candidate = link_of(candidate);
    }
    return best;
  }

 private:
  [[nodiscard]] std::uint16_t& link_of(std::uint16_t position) const noexcept {
    return links_[position & (kReach - 1)];
  }

  std::uint16_t* heads_;
  std::uint16_t* links_;
  std::size_t window_;
  unsigned depth_;
};

using Chains = ChainFinder<15, 16>;
using PacketChains = ChainFinder<12, 12>;  // a tenth of the memory to clear and to keep at hand

}  // namespace frdpu::core::lz4
