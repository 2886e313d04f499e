#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// Decoding tables for the prefix codes of deflate (RFC 1951, 3.2). One look-up turns the next
/// bits of a stream into everything that is to be known about a symbol.
///
/// An entry, 32 bits:
///
///   31        literal
///   30..16    literal, base of a length or distance, or where a second table starts
///   15        exceptional: nothing that the common path can use
///   14 / 13   ... because a second table decides / because the block ends here; else: no such code
///   11..8     bits of the code alone; of an entry that points on: index bits of the second table
///   5..0      bits of code and extra bits together; of an entry that points on: of the first table
namespace frdpu::core::inflate {

inline constexpr std::uint32_t kLiteral = 1u << 31;
inline constexpr std::uint32_t kExceptional = 1u << 15;
inline constexpr std::uint32_t kSecondTable = 1u << 14;
inline constexpr std::uint32_t kEndOfBlock = 1u << 13;

[[nodiscard]] constexpr std::uint32_t entry_value(std::uint32_t entry) noexcept {
  return (entry >> 16) & 0x7FFF;
}
[[nodiscard]] constexpr unsigned entry_code_bits(std::uint32_t entry) noexcept {
  return (entry >> 8) & 0xF;
}
[[nodiscard]] constexpr unsigned entry_bits(std::uint32_t entry) noexcept {
  return entry & 0x3F;
}

enum class Alphabet : std::uint8_t { code_lengths, literals, distances };

inline constexpr std::size_t kCodeLengthSymbols = 19;
inline constexpr std::size_t kLiteralSymbols = 288;
inline constexpr std::size_t kDistanceSymbols = 32;
inline constexpr unsigned kMaxCodeBits = 15;

/// Index bits of the first tables, at most, and room for these with all second tables that a code
/// may need. Source: zlib's examples/enough.c for (288, 11, 15) and (32, 8, 15).
inline constexpr unsigned kCodeLengthIndexBits = 7;
inline constexpr unsigned kLiteralIndexBits = 11;
inline constexpr unsigned kDistanceIndexBits = 8;
inline constexpr std::size_t kCodeLengthEntries = 128;
inline constexpr std::size_t kLiteralEntries = 2342;
inline constexpr std::size_t kDistanceEntries = 402;

/// Builds the table of a code from its code lengths (0: symbol not used, at most 15).
/// Requires: `table` with room for the alphabet's entries.
/// Returns: the index bits of the first table; 0 when the lengths make no code. As zlib has it,
/// a code must be complete, but for distances and literals one of a single symbol with one bit;
/// a distance code may also be empty. Bits that are no code get exceptional entries.
/// Cost: about 1 us for a full literal alphabet.
[[nodiscard]] unsigned build_table(Alphabet alphabet, std::span<const std::uint8_t> lengths,
                                   std::uint32_t* table) noexcept;

/// The tables of the fixed code (RFC 1951, 3.2.6). Threads: any; built once.
struct FixedTables {
  std::array<std::uint32_t, 512> literals;
  std::array<std::uint32_t, 32> distances;
  static constexpr unsigned kLiteralBits = 9;
  static constexpr unsigned kDistanceBits = 5;
};
[[nodiscard]] const FixedTables& fixed_tables() noexcept;

}  // namespace frdpu::core::inflate
