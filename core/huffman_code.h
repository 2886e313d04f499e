#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// Huffman codes as deflate has them: canonical, of limited length. Source: RFC 1951, 3.2.2.
namespace frdpu::core::rfc1951 {

/// The bits of a byte, the last one first.
inline constexpr std::array<std::uint8_t, 256> kReversed = [] {
  std::array<std::uint8_t, 256> reversed{};
  for (unsigned i = 1; i < 256; ++i) {
    reversed[i] = static_cast<std::uint8_t>(reversed[i / 2] / 2 | (i % 2) << 7);
  }
  return reversed;
}();

/// The code for the symbols of one alphabet that occur. Reused from block to block.
/// Threads: one at a time. Cost of building: about 10 ns for each symbol in use.
class HuffmanCode {
 public:
  static constexpr std::size_t kMostSymbols = 288;

  /// A word as it is written, its first bit lowest, and the number of its bits above them.
  using Word = std::uint32_t;
  static constexpr unsigned kLengthShift = 16;
  [[nodiscard]] static constexpr unsigned bits_of(Word word) noexcept { return word & 0xFFFF; }
  [[nodiscard]] static constexpr unsigned length_of(Word word) noexcept {
    return word >> kLengthShift;
  }

  /// Makes a word of a number whose first bit is the highest of `length`, 1 to 16.
  [[nodiscard]] static constexpr Word make_word(unsigned number, unsigned length) noexcept {
    number = static_cast<unsigned>(kReversed[number & 0xFF] << 8 | kReversed[number >> 8]);
    return number >> (16 - length) | length << kLengthShift;
  }

  /// Makes the shortest code with words of up to `most_bits`, for symbols that occur `counts`
  /// times. A symbol that is alone has a word of one bit, as the format wants it. Requires: at most
  /// kMostSymbols counts, at most 2^most_bits of them not 0; most_bits <= 15.
  void build(std::span<const std::uint16_t> counts, unsigned most_bits) noexcept;

  /// The symbols that have a word, ascending.
  [[nodiscard]] std::span<const std::uint16_t> used() const noexcept {
    return std::span(used_).first(count_);
  }
  /// The words by symbol. Only those of used() count, others are left from
  /// earlier blocks. The last, of no symbol, is always 0: no bits.
  [[nodiscard]] const Word* words() const noexcept { return words_.data(); }

 private:
  void find_used(std::span<const std::uint16_t> counts) noexcept;

  std::array<Word, kMostSymbols> words_{};
  std::array<std::uint16_t, kMostSymbols> used_;
  std::size_t count_ = 0;
};

}  // namespace frdpu::core::rfc1951
