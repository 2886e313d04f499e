#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bit_writer.h"
#include "core/deflate_format.h"
#include "core/huffman_code.h"

namespace frdpu::core::rfc1951 {

/// What a dynamic block says of its two codes: the lengths of all words, runs of them shortened,
/// in a code of their own. Source: RFC 1951, 3.2.7.
/// Life: describe(), then write() if that is worth it. Threads: one at a time.
class CodeLengths {
 public:
  /// Takes the codes of literals and lengths, and of distances.
  /// Requires: the first has a word for the end of the block. Returns: bits that write() takes.
  std::size_t describe(const HuffmanCode& literals, const HuffmanCode& distances) noexcept;

  void write(BitWriter& out) const noexcept;

 private:
  void describe_words(const HuffmanCode& code, std::size_t first) noexcept;
  void add_zeros(std::size_t count) noexcept;
  void add_length(unsigned length) noexcept;

  // A symbol of the third alphabet, with its extra bits from bit 5 up.
  using Token = std::uint16_t;

  std::array<Token, kLiteralSymbols + kDistanceSymbols + 2> tokens_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;   // the place in the row of lengths that comes next
  unsigned previous_ = 0;  // the length there before
  unsigned repeats_ = 0;   // how often it came again
  std::size_t literal_lengths_ = 0;
  std::size_t distance_lengths_ = 0;
  std::size_t own_lengths_ = 0;
  HuffmanCode code_;
};

}  // namespace frdpu::core::rfc1951
