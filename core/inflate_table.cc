#include "core/inflate_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace frdpu::core::inflate {
namespace {

// Entries without the bits of their code. Source: RFC 1951, 3.2.5.
constexpr auto kLiteralResults = [] {
  std::array<std::uint32_t, kLiteralSymbols> results{};
  for (std::uint32_t i = 0; i < 256; ++i) results[i] = kLiteral | i << 16;
  results[256] = kExceptional | kEndOfBlock;
  std::uint32_t base = 3;
  for (std::uint32_t i = 257; i < 285; ++i) {
    const std::uint32_t extra_bits = i < 265 ? 0 : (i - 261) / 4;
    results[i] = base << 16 | extra_bits;
    base += 1u << extra_bits;
  }
  results[285] = 258u << 16;
  results[286] = results[287] = kExceptional;
  return results;
}();

constexpr auto kDistanceResults = [] {
  std::array<std::uint32_t, kDistanceSymbols> results{};
  std::uint32_t base = 1;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const std::uint32_t extra_bits = i < 4 ? 0 : i / 2 - 1;
    results[i] = base << 16 | extra_bits;
    base += 1u << extra_bits;
  }
  results[30] = results[31] = kExceptional;
  return results;
}();

constexpr auto kCodeLengthResults = [] {
  std::array<std::uint32_t, kCodeLengthSymbols> results{};
  for (std::uint32_t i = 0; i < kCodeLengthSymbols; ++i) results[i] = i << 16;
  return results;
}();

struct Traits {
  const std::uint32_t* results;
  unsigned index_bits;
};

constexpr Traits traits_of(Alphabet alphabet) noexcept {
  switch (alphabet) {
    case Alphabet::code_lengths:
      return {kCodeLengthResults.data(), kCodeLengthIndexBits};
    case Alphabet::literals:
      return {kLiteralResults.data(), kLiteralIndexBits};
    case Alphabet::distances:
      break;
  }
  return {kDistanceResults.data(), kDistanceIndexBits};
}

// Adds a code's bits to both fields that count them.
constexpr std::uint32_t with_bits(std::uint32_t result, unsigned bits) noexcept {
  return result + bits * 0x101u;
}

using Counts = std::array<unsigned, kMaxCodeBits + 1>;

// Codes stand in the stream from their highest bit on, so they are kept with their bits reversed.
// The next code of the same length: a one is added at the top end.
constexpr unsigned next_code(unsigned code, unsigned bits) noexcept {
  const unsigned top_zero = std::bit_floor(code ^ ((1u << bits) - 1));
  return (code & (top_zero - 1)) | top_zero;
}

// Fills the tables of a complete code in the order of its codes. A first table is doubled as codes
// get longer, so that each code is written once. Source: the method is libdeflate's.
class Filler {
 public:
  Filler(const Traits& traits, const Counts& counts, const std::uint16_t* sorted, unsigned max_bits,
         std::uint32_t* table) noexcept
      : traits_(traits),
        counts_(counts),
        symbol_(sorted),
        index_bits_(std::min(max_bits, traits.index_bits)),
        max_bits_(max_bits),
        table_(table) {}

  unsigned fill() noexcept {
    unsigned code = 0;
    unsigned filled_bits = 0;
    for (unsigned bits = 1; bits <= index_bits_; ++bits) {
      for (unsigned left = counts_[bits]; left != 0; --left) {
        for (; filled_bits < bits; ++filled_bits) double_up(filled_bits);
        table_[code] = with_bits(traits_.results[*symbol_++], bits);
        if (code == (1u << bits) - 1) {  // all ones: the last code
          for (; filled_bits < index_bits_; ++filled_bits) double_up(filled_bits);
          return index_bits_;
        }
        code = next_code(code, bits);
      }
    }
    for (; filled_bits < index_bits_; ++filled_bits) double_up(filled_bits);
    fill_second_tables(code);
    return index_bits_;
  }

 private:
  void double_up(unsigned bits) noexcept {
    std::memcpy(table_ + (std::size_t{1} << bits), table_,
                (std::size_t{1} << bits) * sizeof(*table_));
  }

  void fill_second_tables(unsigned code) noexcept {
    const unsigned index_mask = (1u << index_bits_) - 1;
    unsigned prefix = ~0u;
    unsigned begin = 0;
    unsigned end = 1u << index_bits_;
    for (unsigned bits = index_bits_ + 1; bits <= max_bits_; ++bits) {
      for (unsigned left = counts_[bits]; left != 0; --left) {
        if ((code & index_mask) != prefix) {
          prefix = code & index_mask;
          begin = end;
          const unsigned second_bits = second_index_bits(bits, left);
          end = begin + (1u << second_bits);
          table_[prefix] =
              kExceptional | kSecondTable | begin << 16 | second_bits << 8 | index_bits_;
        }
        const std::uint32_t entry = with_bits(traits_.results[*symbol_++], bits - index_bits_);
        const unsigned stride = 1u << (bits - index_bits_);
        for (unsigned i = begin + (code >> index_bits_); i < end; i += stride) table_[i] = entry;
        if (code == (1u << bits) - 1) return;
        code = next_code(code, bits);
      }
    }
  }

  // Index bits that hold all codes with one prefix, of which the shortest has `bits` and `left`
  // codes of that length are still to come.
  unsigned second_index_bits(unsigned bits, unsigned left) const noexcept {
    unsigned second_bits = bits - index_bits_;
    unsigned used = left;
    while (used < (1u << second_bits)) {
      ++second_bits;
      used = used * 2 + counts_[index_bits_ + second_bits];
    }
    return second_bits;
  }

  const Traits& traits_;
  const Counts& counts_;
  const std::uint16_t* symbol_;
  unsigned index_bits_;
  unsigned max_bits_;
  std::uint32_t* table_;
};

}  // namespace

unsigned build_table(Alphabet alphabet, std::span<const std::uint8_t> lengths,
                     std::uint32_t* table) noexcept {
  const Traits traits = traits_of(alphabet);
  Counts counts{};
  for (const std::uint8_t bits : lengths) ++counts[bits];
  counts[0] = 0;
  unsigned max_bits = kMaxCodeBits;
  while (max_bits > 0 && counts[max_bits] == 0) --max_bits;

  int codes_left = 1;
  Counts offsets{};
  for (unsigned bits = 1; bits <= max_bits; ++bits) {
    codes_left = codes_left * 2 - static_cast<int>(counts[bits]);
    if (codes_left < 0) return 0;
    offsets[bits] = offsets[bits - 1] + counts[bits - 1];
  }
  if (codes_left > 0 && (max_bits > 1 || alphabet == Alphabet::code_lengths)) return 0;

  std::array<std::uint16_t, kLiteralSymbols> sorted;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] != 0) sorted[offsets[lengths[i]]++] = static_cast<std::uint16_t>(i);
  }
  if (codes_left > 0) {  // one symbol or none
    table[0] = table[1] = with_bits(kExceptional, 1);
    if (max_bits == 1) table[0] = with_bits(traits.results[sorted[0]], 1);
    return 1;
  }
  return Filler(traits, counts, sorted.data(), max_bits, table).fill();
}

const FixedTables& fixed_tables() noexcept {
  static const FixedTables tables = [] {
    FixedTables made{};
    std::array<std::uint8_t, kLiteralSymbols> lengths;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    }
    static_cast<void>(build_table(Alphabet::literals, lengths, made.literals.data()));
    const std::array<std::uint8_t, kDistanceSymbols> distances = [] {
      std::array<std::uint8_t, kDistanceSymbols> fives{};
      fives.fill(5);
      return fives;
    }();
    static_cast<void>(build_table(Alphabet::distances, distances, made.distances.data()));
    return made;
  }();
  return tables;
}

}  // namespace frdpu::core::inflate
