#pragma once

#include <cstddef>
#include <cstdint>

#include "core/engine/match_finder.h"

/// Encodes LZ4 blocks at levels 1 to 9.
///
///   level 1    fast: one candidate a position from a hash table, taken at once
///   level 2    the same, but a longer match one byte on wins (lazy), as at level 1 below 4 KiB
///   level 3    dense: lazy, with two candidates a position
///   4 to 8     hash chains of growing depth, lazy
///   level 9    the longest match at every position, then the cheapest way through them (optimal);
///              but a block in which next to nothing occurred before is given back after one look
///
/// How a block becomes sequences, from the outside in: encode() below picks the level's parser,
/// which walks the block (fast_parser.cc for 1 to 3, lazy_parser.cc for 4 to 8, optimal_parser.cc
/// for 9; parsers.h lists them). At a position it asks for an earlier occurrence of the bytes
/// there: the fast parser its own hash table, the others match_finder.h and longest_finder.h. What
/// it decides goes to sequence_writer.h, which knows the format's bytes. All tables hold positions
/// modulo 65,536, as match_finder.h explains, and are cleared by forget() only.
namespace frdpu::core::lz4 {

/// What an encoder is to handle; decides the size of its tables.
struct BlockEncoderConfig {
  int level = 1;
  std::size_t window = kMaxOffset;                  ///< no offset is larger; at most 65,535
  std::size_t reach = kMaxOffset + 1;               ///< most bytes of history and block together
  std::size_t block_bytes = std::size_t{64} << 10;  ///< largest block
};

/// Life: constructed over tables, forget(), then encode() for one block after the other.
/// Invariant: from forget() on, what the tables hold decides about size, never about correctness.
/// A copy works on the same tables: with these restored, too, it goes on from where it was copied.
/// Threads: one at a time. Cost: no allocation.
class BlockEncoder {
 public:
  /// Bytes that the tables take. Requires: level in 1..9.
  [[nodiscard]] static std::size_t table_bytes(const BlockEncoderConfig& config) noexcept;

  /// Those of them that are worth a copy of what learn() wrote there; 0 from level 4 on, where they
  /// are too large.
  [[nodiscard]] static std::size_t learned_bytes(const BlockEncoderConfig& config) noexcept;

  /// `tables` is 64-aligned and has table_bytes(config).
  BlockEncoder(const BlockEncoderConfig& config, void* tables) noexcept;

  /// Forgets all history; the next block starts at `begin`. Cost: clears the tables.
  void forget(const std::uint8_t* begin) noexcept;

  /// Enters bytes that lie right before the next block, as history that was not encoded.
  void learn(const std::uint8_t* from, const std::uint8_t* to) noexcept;

  /// Tells that history and block moved down in memory by `bytes`.
  void moved_down(std::size_t bytes) noexcept { base_ -= bytes; }

  /// Encodes a block whose history lies right before it in memory.
  /// Returns: the size, or 0 when it does not fit the room or the block does not compress.
  [[nodiscard]] std::size_t encode(const EncodeViews& views) noexcept;

 private:
  BlockEncoderConfig config_;
  std::uint16_t* tables_;
  std::uintptr_t base_ = 0;    // address of position 0
  std::size_t unindexed_ = 0;  // bytes before the next block that are in no table yet
  std::size_t unlinked_ = 0;   // the same for the longer grams of level 9
};

}  // namespace frdpu::core::lz4
