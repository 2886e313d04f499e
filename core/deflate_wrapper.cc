#include "core/deflate_wrapper.h"

#include <isa-l/crc.h>
#include <libdeflate.h>

#include <bit>

namespace frdpu::core {
namespace {

using Kind = DeflateChecksum::Kind;

constexpr std::byte to_byte(std::uint32_t value) noexcept {
  return static_cast<std::byte>(value & 0xFF);
}

// RFC 1950: compression method and window, then level and check bits that make both divisible
// by 31. No dictionary.
std::array<std::byte, 2> zlib_header(int level, std::uint32_t window_bytes) noexcept {
  const auto window_log2 = static_cast<std::uint32_t>(std::bit_width(window_bytes)) - 1;
  const std::uint32_t cmf = 8u | ((window_log2 - 8) << 4);
  const std::uint32_t effort = level <= 1 ? 0u : level <= 5 ? 1u : level == 6 ? 2u : 3u;
  std::uint32_t flags = effort << 6;
  flags += (31 - (cmf * 256 + flags) % 31) % 31;
  return {to_byte(cmf), to_byte(flags)};
}

}  // namespace

// Measured for 64 KiB (Zen 4): ISA-L's CRC-32 1.2 us, libdeflate's 4.5, zlib's 15; libdeflate's
// Adler-32 1.1 us, ISA-L's 3.6, zlib's 18.
void DeflateChecksum::update(Bytes content) noexcept {
  if (kind_ == Kind::crc32) {
    value_ = crc32_gzip_refl(value_, reinterpret_cast<const unsigned char*>(content.data()),
                             content.size());
  } else if (kind_ == Kind::adler32 && !content.empty()) {
    value_ = libdeflate_adler32(value_, content.data(), content.size());
  }
}

DeflateWrapper::DeflateWrapper(Coding coding, int level, std::uint32_t window_bytes) noexcept
    : header_bytes_(coding == Coding::gzip ? 10 : 2),
      checksum_(coding == Coding::gzip ? Kind::crc32 : Kind::adler32) {
  if (coding == Coding::gzip) {
    const std::uint32_t effort = level >= 9 ? 2u : level <= 1 ? 4u : 0u;
    header_ = {to_byte(0x1F),   to_byte(0x8B), to_byte(8), {}, {}, {}, {}, {},
               to_byte(effort), to_byte(255)};
  } else {
    const auto header = zlib_header(level, window_bytes);
    header_[0] = header[0];
    header_[1] = header[1];
  }
}

Bytes DeflateWrapper::trailer() noexcept {
  const std::uint32_t sum = checksum_.value();
  if (checksum_.kind() == Kind::adler32) {
    for (unsigned i = 0; i < 4; ++i) trailer_[i] = to_byte(sum >> (24 - 8 * i));
    return {trailer_.data(), 4};
  }
  const auto length = static_cast<std::uint32_t>(content_bytes_);
  for (unsigned i = 0; i < 4; ++i) {
    trailer_[i] = to_byte(sum >> (8 * i));
    trailer_[4 + i] = to_byte(length >> (8 * i));
  }
  return {trailer_.data(), 8};
}

}  // namespace frdpu::core
