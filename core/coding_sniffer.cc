#include "core/coding_sniffer.h"

#include <cstdint>

namespace frdpu::core {
namespace {

constexpr std::uint32_t kZstdMagic = 0xFD2FB528;       // RFC 8878, 3.1.1
constexpr std::uint32_t kLz4Magic = 0x184D2204;        // lz4_Frame_format.md
constexpr std::uint32_t kLz4LegacyMagic = 0x184C2102;  // the same, "Legacy frame"
constexpr std::uint32_t kSkippableMagic = 0x184D2A50;  // ... to 0x184D2A5F, in both formats

std::uint32_t u8(Bytes bytes, std::size_t at) noexcept {
  return std::to_integer<std::uint32_t>(bytes[at]);
}

std::uint32_t u32(Bytes bytes, std::size_t at) noexcept {
  return u8(bytes, at) | u8(bytes, at + 1) << 8 | u8(bytes, at + 2) << 16 | u8(bytes, at + 3) << 24;
}

// RFC 1950, 2.2: deflate, a window of at most 32 KiB, no preset dictionary, a multiple of 31.
bool starts_like_zlib(Bytes bytes) noexcept {
  if (bytes.size() < 2) return false;
  const std::uint32_t cmf = u8(bytes, 0);
  const std::uint32_t flg = u8(bytes, 1);
  return (cmf & 0x0F) == 8 && cmf >> 4 <= 7 && (flg & 0x20) == 0 && (cmf << 8 | flg) % 31 == 0;
}

}  // namespace

std::optional<Coding> sniff(Bytes first) noexcept {
  if (first.size() >= 3 && u8(first, 0) == 0x1F && u8(first, 1) == 0x8B && u8(first, 2) == 8) {
    return Coding::gzip;
  }
  bool skipped = false;
  while (first.size() >= 4) {
    const std::uint32_t magic = u32(first, 0);
    if (magic == kZstdMagic) return Coding::zstd;
    if (magic == kLz4Magic || magic == kLz4LegacyMagic) return Coding::lz4;
    if ((magic & 0xFFFFFFF0) != kSkippableMagic) break;
    skipped = true;
    if (first.size() < 8 || u32(first, 4) > first.size() - 8) break;
    first = first.subspan(std::size_t{8} + u32(first, 4));
  }
  if (skipped) return Coding::zstd;
  if (starts_like_zlib(first)) return Coding::deflate;
  return std::nullopt;
}

}  // namespace frdpu::core
