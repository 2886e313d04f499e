#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// The numbers of raw deflate data (RFC 1951), as one who writes it needs them.
namespace frdpu::core::rfc1951 {

inline constexpr std::size_t kMinMatch = 3;
inline constexpr std::size_t kMaxMatch = 258;
inline constexpr std::size_t kMaxOffset = 32768;
inline constexpr std::size_t kMaxStoredBytes = 65535;

enum class BlockType : std::uint8_t { stored = 0, fixed = 1, dynamic = 2 };

/// Symbols of the first alphabet: a literal is its own, then the end, then the codes of lengths.
inline constexpr std::size_t kEndOfBlock = 256;
inline constexpr std::size_t kFirstLength = 257;
inline constexpr std::size_t kLengthCodes = 29;
inline constexpr std::size_t kLiteralSymbols = kFirstLength + kLengthCodes;
inline constexpr std::size_t kDistanceSymbols = 30;
inline constexpr std::size_t kCodeLengthSymbols = 19;

/// The longest words: of the two codes, and of the code that says their lengths.
inline constexpr unsigned kMostCodeBits = 15;
inline constexpr unsigned kMostCodeLengthBits = 7;

/// Extra bits behind a length code, 0 to 28. They hold the low bits of length - 3, as many as there
/// are: all codes but the last start at a multiple. Source: RFC 1951, 3.2.5.
inline constexpr std::array<std::uint8_t, 32> kLengthExtraBits = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

/// The code of each length, by length - 3.
inline constexpr auto kLengthCode = [] {
  std::array<std::uint8_t, kMaxMatch - kMinMatch + 1> codes{};
  std::size_t at = 0;
  for (std::size_t code = 0; code + 1 < kLengthCodes; ++code) {
    for (std::size_t i = 0; i < std::size_t{1} << kLengthExtraBits[code] && at < codes.size();
         ++i) {
      codes[at++] = static_cast<std::uint8_t>(code);
    }
  }
  codes.back() = kLengthCodes - 1;  // 258 has one to itself
  return codes;
}();

/// The code of a distance: two for each power of two.
[[nodiscard]] constexpr unsigned distance_code(std::size_t distance) noexcept {
  const auto before = static_cast<std::uint32_t>(distance - 1);
  if (before < 2) return before;
  const auto log2 = static_cast<unsigned>(std::bit_width(before)) - 1;
  return 2 * log2 + ((before >> (log2 - 1)) & 1);
}

/// Extra bits behind a distance code. They hold the low bits of distance - 1.
inline constexpr std::array<std::uint8_t, 32> kDistanceExtraBits = {
    0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
    6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

/// Bits of a symbol in the fixed codes. Source: RFC 1951, 3.2.6.
[[nodiscard]] constexpr unsigned fixed_literal_bits(std::size_t symbol) noexcept {
  return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
}
inline constexpr unsigned kFixedDistanceBits = 5;

}  // namespace frdpu::core::rfc1951
