#include "core/frame_header.h"

#include "core/brotli_frame_header.h"
#include "core/engine/lz4_frame_header.h"
#include "core/identity_codec.h"
#include "core/zlib_frame_header.h"
#include "core/zstd_codec.h"

namespace frdpu::core {

Result<std::optional<FrameHeader>> parse_frame_header(Coding coding, Bytes prefix,
                                                      bool input_ends) noexcept {
  switch (coding) {
    case Coding::identity: {
      FrameHeader header{};
      header.workspace_bytes = identity_decoder_workspace_bytes(header);
      return header;
    }
    case Coding::zstd:
      return parse_zstd_frame_header(prefix, input_ends);
    case Coding::lz4:
      return parse_lz4_frame_header(prefix, input_ends);
    case Coding::gzip:
      return parse_gzip_header(prefix, input_ends);
    case Coding::deflate:
      return parse_zlib_header(prefix, input_ends);
    case Coding::br:
      return parse_brotli_header(prefix, input_ends);
  }
  return fail(Errc::unsupported_coding, "no such coding");
}

}  // namespace frdpu::core
