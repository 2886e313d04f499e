#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Constants of the LZ4 block and frame formats, and the unaligned loads and stores that reading
/// and writing them takes. Source: the public LZ4 block and frame format descriptions.
///
/// A block is a row of sequences:
///
///   token | literal length, cont. | literals | offset (2, LE) | match length, cont.
///   hi 4 bits: literal length, 15 = goes on in bytes of 255 up to a smaller one
///   lo 4 bits: match length - 4, 15 = goes on likewise
///
/// The last sequence ends after its literals. It holds at least 5 of them, and the last match
/// starts at least 12 bytes before the end of the block.
///
/// A frame is
///
///   magic (4) | FLG BD [content size 8] [dictionary id 4] header checksum (1)
///   | { block size (4, high bit: stored raw) | block | [block checksum 4] }*
///   | 0 (4) | [content checksum 4]
namespace frdpu::core::lz4 {

inline constexpr std::uint32_t kFrameMagic = 0x184D2204;
inline constexpr std::uint32_t kLegacyMagic = 0x184C2102;
inline constexpr std::uint32_t kSkippableMagic = 0x184D2A50;  ///< and the 15 that follow
inline constexpr std::uint32_t kSkippableMask = 0xFFFFFFF0;

inline constexpr std::uint32_t kRawBlockFlag = 0x80000000;
inline constexpr std::size_t kLegacyBlockBytes = std::size_t{8} << 20;

inline constexpr std::size_t kMinFrameHeaderBytes = 7;
inline constexpr std::size_t kMaxFrameHeaderBytes = 19;

inline constexpr std::size_t kMinMatch = 4;
inline constexpr std::size_t kLastLiterals = 5;       ///< a block's last bytes are literals
inline constexpr std::size_t kMatchStartMargin = 12;  ///< no match starts closer to the end
inline constexpr std::size_t kMaxOffset = 65535;
inline constexpr unsigned kLengthMask = 15;

/// FLG byte of the descriptor.
inline constexpr unsigned kFlagVersion = 0x40;
inline constexpr unsigned kFlagVersionMask = 0xC0;
inline constexpr unsigned kFlagIndependent = 0x20;
inline constexpr unsigned kFlagBlockChecksum = 0x10;
inline constexpr unsigned kFlagContentSize = 0x08;
inline constexpr unsigned kFlagContentChecksum = 0x04;
inline constexpr unsigned kFlagReserved = 0x02;
inline constexpr unsigned kFlagDictionaryId = 0x01;

/// Block size of BD's code 4, 5, 6, 7: 64 KiB, 256 KiB, 1 MiB, 4 MiB.
[[nodiscard]] constexpr std::size_t block_bytes_of_code(unsigned code) noexcept {
  return std::size_t{1} << (8 + 2 * code);
}

/// The most bytes a block of `size` can grow to: all literals.
[[nodiscard]] constexpr std::size_t block_bound(std::size_t size) noexcept {
  return size + size / 255 + 16;
}

template <class T>
[[nodiscard]] inline T load_native(const std::uint8_t* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

[[nodiscard]] inline std::uint16_t load_le16(const std::uint8_t* from) noexcept {
  const auto value = load_native<std::uint16_t>(from);
  if constexpr (std::endian::native == std::endian::little) return value;
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}

[[nodiscard]] inline std::uint32_t load_le32(const std::uint8_t* from) noexcept {
  const auto value = load_native<std::uint32_t>(from);
  if constexpr (std::endian::native == std::endian::little) return value;
  return __builtin_bswap32(value);
}

[[nodiscard]] inline std::uint64_t load_le64(const std::uint8_t* from) noexcept {
  const auto value = load_native<std::uint64_t>(from);
  if constexpr (std::endian::native == std::endian::little) return value;
  return __builtin_bswap64(value);
}

inline void store_le16(std::uint8_t* to, std::size_t value) noexcept {
  to[0] = static_cast<std::uint8_t>(value);
  to[1] = static_cast<std::uint8_t>(value >> 8);
}

inline void store_le32(std::uint8_t* to, std::uint32_t value) noexcept {
  store_le16(to, value & 0xFFFF);
  store_le16(to + 2, value >> 16);
}

inline void store_le64(std::uint8_t* to, std::uint64_t value) noexcept {
  store_le32(to, static_cast<std::uint32_t>(value));
  store_le32(to + 4, static_cast<std::uint32_t>(value >> 32));
}

/// N bytes on their way from one place to another.
template <std::size_t N>
struct Chunk {
  std::uint8_t bytes[N];
};
template <std::size_t N>
[[nodiscard]] inline Chunk<N> load_chunk(const std::uint8_t* from) noexcept {
  Chunk<N> chunk;
  std::memcpy(&chunk, from, N);
  return chunk;
}
template <std::size_t N>
inline void store_chunk(std::uint8_t* to, const Chunk<N>& chunk) noexcept {
  std::memcpy(to, &chunk, N);
}

/// Copies exactly N bytes between places that may overlap: all is loaded before any is stored.
template <std::size_t N>
inline void copy_block(std::uint8_t* to, const std::uint8_t* from) noexcept {
  store_chunk(to, load_chunk<N>(from));
}

}  // namespace frdpu::core::lz4
