#include "core/engine/compression_engine.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include "core/engine/frame_decoder.h"
#include "core/engine/frame_encoder.h"
#include "core/engine/utf8.h"

namespace frdpu::core {
namespace {

// An estimate looks at this many pieces of this size, spread over the data.
constexpr std::size_t kSamples = 8;
constexpr std::size_t kSampleBytes = 4 * kKiB;

}  // namespace

double CompressionStats::ratio() const noexcept {
  if (compressed_bytes == 0) return 0;
  return static_cast<double>(plain_bytes) / static_cast<double>(compressed_bytes);
}

double CompressionStats::savings() const noexcept {
  if (plain_bytes == 0) return 0;
  return 1 - static_cast<double>(compressed_bytes) / static_cast<double>(plain_bytes);
}

std::ostream& operator<<(std::ostream& out, const CompressionStats& stats) {
  return out << stats.compressions << " compressions of " << stats.plain_bytes << " bytes to "
             << stats.compressed_bytes << " (ratio " << stats.ratio() << "), "
             << stats.decompressions << " decompressions to " << stats.restored_bytes << " bytes";
}

Result<CompressionEngine> CompressionEngine::with_window_size(std::size_t window_bytes) {
  if (!traits(Coding::lz4).window_bytes.contains(window_bytes)) {
    return fail(Errc::invalid_window, "lz4 has windows of 256 to 65,535 bytes");
  }
  return create({.window_bytes = static_cast<std::uint32_t>(window_bytes)});
}

Result<CompressionEngine> CompressionEngine::create(const EngineOptions& options) {
  const CodingTraits& allowed = traits(Coding::lz4);
  if (options.level < 0 || !allowed.levels.contains(static_cast<std::uint64_t>(options.level))) {
    return fail(Errc::invalid_level, "lz4 has levels 1 to 9");
  }
  if (!allowed.window_bytes.contains(options.window_bytes)) {
    return fail(Errc::invalid_window, "lz4 has windows of 256 to 65,535 bytes");
  }
  CompressionEngine engine;
  engine.options_ = options;
  return engine;
}

EncoderParams CompressionEngine::params() const noexcept {
  EncoderParams params;
  params.level = options_.level;
  params.window_bytes = options_.window_bytes;
  return params;
}

std::size_t CompressionEngine::compress_bound(std::size_t plain_bytes) noexcept {
  return lz4_bound(plain_bytes);
}

Result<std::size_t> CompressionEngine::compress(Bytes plain, MutableBytes out) {
  EncoderParams whole = params();
  whole.whole = true;
  whole.content_bytes = plain.size();
  const auto placed =
      place_lz4_encoder(whole, workspace_.reserve(lz4_encoder_workspace_bytes(whole)));
  if (!placed) return std::unexpected<Error>(placed.error());
  const auto progress = (*placed)->step(plain, out, Flush::finish);
  std::destroy_at(*placed);
  if (!progress) return std::unexpected<Error>(progress.error());
  ++stats_.compressions;
  stats_.plain_bytes += plain.size();
  stats_.compressed_bytes += progress->produced;
  return progress->produced;
}

Result<std::vector<std::byte>> CompressionEngine::compress(Bytes plain) {
  std::vector<std::byte> out(compress_bound(plain.size()));
  const auto size = compress(plain, out);
  if (!size) return std::unexpected<Error>(size.error());
  out.resize(*size);
  return out;
}

Result<std::size_t> CompressionEngine::decompress(Bytes compressed, MutableBytes out) {
  // With all room at hand one step comes to the end, or to an error.
  DecompressionStream stream(std::min<std::uint64_t>(options_.max_output_bytes, out.size()));
  const auto progress = stream.step(compressed, out, Flush::finish);
  if (!progress) return std::unexpected<Error>(progress.error());
  ++stats_.decompressions;
  stats_.restored_bytes += progress->produced;
  return progress->produced;
}

Result<std::vector<std::byte>> CompressionEngine::decompress(Bytes compressed) {
  DecompressionStream stream = start_decompression();
  std::vector<std::byte> out;
  auto done = stream.write(compressed, out);
  if (done) done = stream.finish(out);
  if (!done) return std::unexpected<Error>(done.error());
  ++stats_.decompressions;
  stats_.restored_bytes += out.size();
  return out;
}

Result<std::vector<std::byte>> CompressionEngine::compress_text(std::string_view text) {
  return compress(as_bytes(text));
}

Result<std::string> CompressionEngine::decompress_to_text(Bytes compressed) {
  const auto bytes = decompress(compressed);
  if (!bytes) return std::unexpected<Error>(bytes.error());
  if (!is_utf8(*bytes)) return fail(Errc::invalid_utf8, "the decompressed bytes are no UTF-8 text");
  return std::string(as_text(*bytes));
}

Result<CompressionStream> CompressionEngine::start_compression() const {
  return CompressionStream::create(params());
}

DecompressionStream CompressionEngine::start_decompression() const {
  return DecompressionStream(options_.max_output_bytes);
}

Result<RatioEstimate> CompressionEngine::estimate_compression_ratio(Bytes plain) {
  if (plain.empty()) return fail(Errc::empty_input, "the ratio of nothing is undefined");
  const bool all = plain.size() <= kSamples * kSampleBytes;
  const std::size_t piece = all ? plain.size() : kSampleBytes;
  const std::size_t pieces = all ? 1 : kSamples;
  const lz4::BlockEncoderConfig config{.level = 1, .reach = piece, .block_bytes = piece};
  const std::size_t table_bytes = (lz4::BlockEncoder::table_bytes(config) + 63) / 64 * 64;
  const MutableBytes memory = workspace_.reserve(table_bytes + lz4::block_bound(piece) + 64);
  lz4::BlockEncoder encoder(config, memory.data());
  auto* const out = reinterpret_cast<std::uint8_t*>(memory.data()) + table_bytes;

  std::size_t compressed = 0;
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::size_t at = all ? 0 : (plain.size() - piece) / (pieces - 1) * i;
    const auto* const from = reinterpret_cast<const std::uint8_t*>(plain.data()) + at;
    encoder.forget(from);
    const std::size_t size =
        encoder.encode({.floor = from,
                        .begin = from,
                        .end = from + piece,
                        .out = out,
                        .out_end = reinterpret_cast<std::uint8_t*>(memory.data()) + memory.size()});
    compressed += size == 0 ? piece : std::min(size, piece);
  }
  return RatioEstimate{
      .ratio = static_cast<double>(piece * pieces) / static_cast<double>(compressed),
      .sampled_bytes = piece * pieces,
      .sampled = !all};
}

}  // namespace frdpu::core
