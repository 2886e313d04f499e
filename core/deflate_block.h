#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bit_writer.h"
#include "core/code_lengths.h"
#include "core/deflate_format.h"
#include "core/huffman_code.h"

/// One block of raw deflate data, from what it says to its bits (RFC 1951, 3.2.3).
namespace frdpu::core::rfc1951 {

/// Literals, and the match behind them.
struct Sequence {
  std::uint16_t literals;
  std::uint16_t length;  ///< 3 to 258
  std::uint16_t offset;  ///< 1 to 32768
  std::uint8_t length_code;
  std::uint8_t distance_code;
};

/// What a block says: sequences, and literals behind the last of them. The literals of all lie one
/// behind the other. Ownership: none.
struct BlockContent {
  const Sequence* sequences;
  std::size_t sequence_count;
  const std::uint8_t* literals;  ///< 3 bytes behind the last can be read
  std::size_t literal_count;     ///< at most 65535
  const std::uint8_t* bytes;     ///< all of it, as it is before compression
  std::size_t byte_count;
};

/// How often symbols occur in a block. The counts of literals need not be filled in.
struct BlockCounts {
  alignas(16) std::array<std::uint16_t, kLiteralSymbols + 2> literals;
  alignas(16) std::array<std::uint16_t, kDistanceSymbols + 2> distances;
};

/// Writes blocks in the shortest of the three ways: stored, with the fixed codes, or with codes of
/// their own. Ownership: none; it lies in the encoder's workspace for its size. Threads: one at a
/// time. Cost: about 2 us for a block, and 3 ns for a symbol.
class BlockWriter {
 public:
  /// Bytes behind the written ones that may be written to.
  static constexpr std::size_t kSlackBytes = 8;

  /// Writes a block; counts its literals on the way.
  /// Returns: false, and nothing is written, where `out_end` is nearer than the block's end and
  /// kSlackBytes.
  [[nodiscard]] bool write(const BlockContent& content, BlockCounts& counts, bool last,
                           BitWriter& out, const std::uint8_t* out_end) noexcept;

 private:
  HuffmanCode literals_;
  HuffmanCode distances_;
  CodeLengths lengths_;
};

}  // namespace frdpu::core::rfc1951
