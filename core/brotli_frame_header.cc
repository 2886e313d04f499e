#include "core/brotli_frame_header.h"

#include "core/brotli_codec.h"

namespace frdpu::core {
namespace {

// Bits of the window; 0: reserved. Source: RFC 7932, 9.1.
unsigned window_log2(unsigned first_byte) noexcept {
  if ((first_byte & 1) == 0) return 16;
  if (const unsigned next = (first_byte >> 1) & 7; next != 0) return 17 + next;
  const unsigned last = (first_byte >> 4) & 7;
  return last == 0 ? 17 : last == 1 ? 0 : 8 + last;
}

}  // namespace

Result<std::optional<FrameHeader>> parse_brotli_header(Bytes prefix, bool input_ends) noexcept {
  if (prefix.empty()) {
    if (!input_ends) return std::nullopt;
    return std::unexpected(
        Error{.code = Errc::truncated_input, .detail = "an empty input", .offset = 0});
  }
  const unsigned log2 = window_log2(std::to_integer<unsigned>(prefix[0]));
  if (log2 == 0) {
    return std::unexpected(Error{
        .code = Errc::corrupt_input, .detail = "a reserved or large brotli window", .offset = 0});
  }
  FrameHeader header{
      .coding = Coding::br, .window_bytes = std::uint64_t{1} << log2, .checksum = false};
  header.workspace_bytes = brotli_decoder_workspace_bytes(header);
  return header;
}

}  // namespace frdpu::core
