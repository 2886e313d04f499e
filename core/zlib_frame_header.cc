#include "core/zlib_frame_header.h"

#include <array>

#include "core/deflate_header_reader.h"
#include "core/zlib_codec.h"

namespace frdpu::core {
namespace {

constexpr std::uint64_t kMaxWindowBytes = 32768;

std::uint32_t value_at(Bytes bytes, std::size_t i) noexcept {
  return std::to_integer<std::uint32_t>(bytes[i]);
}

Result<std::optional<FrameHeader>> too_short(Bytes prefix, bool input_ends) noexcept {
  if (!input_ends) return std::nullopt;
  return std::unexpected(Error{.code = Errc::truncated_input,
                               .detail = "the input ends within the header",
                               .offset = prefix.size()});
}

FrameHeader finished(FrameHeader header) noexcept {
  header.workspace_bytes = zlib_decoder_workspace_bytes(header);
  return header;
}

}  // namespace

Result<std::optional<FrameHeader>> parse_gzip_header(Bytes prefix, bool input_ends) noexcept {
  // What is wrong already must not wait for more.
  constexpr std::array<std::uint32_t, 3> kMagic{0x1F, 0x8B, 8};
  for (std::size_t i = 0; i < kMagic.size() && i < prefix.size(); ++i) {
    if (value_at(prefix, i) == kMagic[i]) continue;
    return std::unexpected(
        Error{.code = Errc::corrupt_input, .detail = "no gzip header", .offset = i});
  }
  if (prefix.size() < 10) return too_short(prefix, input_ends);
  DeflateHeaderReader reader(DeflateHeaderReader::Format::gzip);
  const auto taken = reader.take(prefix);
  if (!taken) return std::unexpected(taken.error());
  if (!reader.done() && input_ends) return too_short(prefix, true);
  return finished({.coding = Coding::gzip,
                   .window_bytes = kMaxWindowBytes,
                   .checksum = true,
                   .header_bytes = reader.done() ? *taken : 0});
}

Result<std::optional<FrameHeader>> parse_zlib_header(Bytes prefix, bool input_ends) noexcept {
  if (prefix.size() < 2) return too_short(prefix, input_ends);
  const std::uint32_t cmf = value_at(prefix, 0);
  const std::uint32_t flags = value_at(prefix, 1);
  if ((cmf & 15) != 8 || cmf >> 4 > 7 || (cmf * 256 + flags) % 31 != 0) {
    return finished({.coding = Coding::deflate,
                     .window_bytes = kMaxWindowBytes,
                     .checksum = false,
                     .raw = true});
  }
  FrameHeader header{.coding = Coding::deflate,
                     .window_bytes = std::uint64_t{1} << ((cmf >> 4) + 8),
                     .checksum = true,
                     .header_bytes = 2};
  if ((flags & 0x20) != 0) {
    if (prefix.size() < 6) return too_short(prefix, input_ends);
    header.header_bytes = 6;
    header.dictionary_id = value_at(prefix, 2) << 24 | value_at(prefix, 3) << 16 |
                           value_at(prefix, 4) << 8 | value_at(prefix, 5);
  }
  return finished(header);
}

}  // namespace frdpu::core
