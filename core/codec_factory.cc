#include "core/codec_factory.h"

#include <algorithm>

#include "core/brotli_codec.h"
#include "core/engine/frame_decoder.h"
#include "core/engine/frame_encoder.h"
#include "core/identity_codec.h"
#include "core/zlib_codec.h"
#include "core/zstd_codec.h"

namespace frdpu::core {
namespace {

struct Codec {
  Coding coding;
  std::size_t (*encoder_bytes)(const EncoderParams&) noexcept;
  Result<Encoder*> (*place_encoder)(const EncoderParams&, MutableBytes) noexcept;
  std::size_t (*decoder_bytes)(const FrameHeader&) noexcept;
  Result<Decoder*> (*place_decoder)(const FrameHeader&, const Dictionary*, MutableBytes) noexcept;
  std::size_t (*bound)(std::size_t) noexcept;
};

constexpr Codec kCodecs[] = {
    {Coding::identity, identity_encoder_workspace_bytes, place_identity_encoder,
     identity_decoder_workspace_bytes, place_identity_decoder, identity_bound},
    {Coding::lz4, lz4_encoder_workspace_bytes, place_lz4_encoder, lz4_decoder_workspace_bytes,
     place_lz4_decoder, lz4_bound},
    {Coding::zstd, zstd_encoder_workspace_bytes, place_zstd_encoder, zstd_decoder_workspace_bytes,
     place_zstd_decoder, zstd_bound},
    {Coding::gzip, zlib_encoder_workspace_bytes, place_zlib_encoder, zlib_decoder_workspace_bytes,
     place_zlib_decoder, zlib_bound},
    {Coding::deflate, zlib_encoder_workspace_bytes, place_zlib_encoder,
     zlib_decoder_workspace_bytes, place_zlib_decoder, zlib_bound},
    {Coding::br, brotli_encoder_workspace_bytes, place_brotli_encoder,
     brotli_decoder_workspace_bytes, place_brotli_decoder, brotli_bound},
};

// A coding that is not built in has no size, no bound and no place.
constexpr Codec kAbsent{
    Coding::identity,
    [](const EncoderParams&) noexcept { return std::size_t{0}; },
    [](const EncoderParams&, MutableBytes) noexcept -> Result<Encoder*> {
      return fail(Errc::unsupported_coding, "not built in");
    },
    [](const FrameHeader&) noexcept { return std::size_t{0}; },
    [](const FrameHeader&, const Dictionary*, MutableBytes) noexcept -> Result<Decoder*> {
      return fail(Errc::unsupported_coding, "not built in");
    },
    [](std::size_t) noexcept { return std::size_t{0}; }};

const Codec& codec(Coding coding) noexcept {
  const auto* found = std::ranges::find(kCodecs, coding, &Codec::coding);
  return found == std::end(kCodecs) ? kAbsent : *found;
}

Error out_of_range(Errc code, const char* detail, std::uint64_t observed, std::uint64_t limit) {
  return {.code = code, .detail = detail, .limit = limit, .observed = observed};
}

Result<void> check(const EncoderParams& params) noexcept {
  const CodingTraits& of = traits(params.coding);
  if (params.level < 0 || !of.levels.contains(static_cast<std::uint64_t>(params.level))) {
    return std::unexpected(out_of_range(Errc::invalid_level, "the coding has no such level",
                                        static_cast<std::uint64_t>(std::max(params.level, 0)),
                                        of.levels.max));
  }
  if (params.window_bytes != 0 && !of.window_bytes.contains(params.window_bytes)) {
    return std::unexpected(out_of_range(Errc::invalid_window, "the coding has no such window",
                                        params.window_bytes, of.window_bytes.max));
  }
  if (params.dictionary != nullptr && !of.takes_dictionary) {
    return fail(Errc::invalid_parameter, "the coding takes no dictionary");
  }
  return {};
}

}  // namespace

std::size_t encoder_bound(Coding coding, std::size_t input_bytes) noexcept {
  return codec(coding).bound(input_bytes);
}

Result<std::size_t> encoder_workspace_bytes(const EncoderParams& params) noexcept {
  if (auto checked = check(params); !checked) return std::unexpected(checked.error());
  const std::size_t bytes = codec(params.coding).encoder_bytes(params);
  if (bytes == 0) return fail(Errc::unsupported_coding, "not built in");
  return bytes;
}

std::size_t decoder_workspace_bytes(const FrameHeader& header) noexcept {
  return header.skippable ? 0 : codec(header.coding).decoder_bytes(header);
}

Result<Encoder*> place_encoder(const EncoderParams& params, MutableBytes workspace) noexcept {
  if (auto checked = check(params); !checked) return std::unexpected(checked.error());
  return codec(params.coding).place_encoder(params, workspace);
}

Result<Decoder*> place_decoder(const FrameHeader& header, const Dictionary* dictionary,
                               MutableBytes workspace) noexcept {
  return codec(header.coding).place_decoder(header, dictionary, workspace);
}

EncoderParams with_window_cap(EncoderParams params, std::uint32_t max_window_bytes) noexcept {
  if (params.window_bytes != 0) return params;
  const IntRange range = traits(params.coding).window_bytes;
  const std::uint32_t own =
      params.coding == Coding::zstd ? zstd_window_bytes(params) : range.default_value;
  // Below the format's smallest window there is nothing to cap at.
  if (own > max_window_bytes) params.window_bytes = std::max(max_window_bytes, range.min);
  return params;
}

Result<Leased<Encoder>> make_encoder(const EncoderParams& params, WorkspacePools& pools) noexcept {
  const std::uint32_t cap = pools.max_window_bytes();
  if (params.window_bytes > std::max(cap, traits(params.coding).window_bytes.min)) {
    return std::unexpected(out_of_range(Errc::invalid_window, "no memory is set aside for it",
                                        params.window_bytes, cap));
  }
  const EncoderParams capped = with_window_cap(params, cap);
  const Result<std::size_t> bytes = encoder_workspace_bytes(capped);
  if (!bytes) return std::unexpected(bytes.error());
  Result<PooledBlock> block = pools.acquire(params.coding, Direction::compress, *bytes);
  if (!block) return std::unexpected(block.error());
  Result<Encoder*> placed = codec(params.coding).place_encoder(capped, block->bytes());
  if (!placed) return std::unexpected(placed.error());
  return Leased<Encoder>(*placed, std::move(*block));
}

}  // namespace frdpu::core
