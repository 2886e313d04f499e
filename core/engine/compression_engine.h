#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/engine/compression_stream.h"
#include "core/engine/owned_workspace.h"
#include "core/error.h"

/// LZ77 compression as a library offers it: bytes in, bytes out, memory taken care of. Writes and
/// reads standard LZ4 frames. The service uses `frame_encoder.h` and `frame_decoder.h` instead,
/// which live in leased memory.
namespace frdpu::core {

/// What an engine did since it was made, or since the last reset.
struct CompressionStats {
  std::uint64_t compressions = 0;
  std::uint64_t decompressions = 0;
  std::uint64_t plain_bytes = 0;       ///< given to compress
  std::uint64_t compressed_bytes = 0;  ///< made of them
  std::uint64_t restored_bytes = 0;    ///< made by decompress

  /// Plain bytes for each compressed one, larger is better; 0 when nothing was compressed.
  [[nodiscard]] double ratio() const noexcept;
  /// The share of plain bytes that compression saved; negative when data grew.
  [[nodiscard]] double savings() const noexcept;
};
std::ostream& operator<<(std::ostream& out, const CompressionStats& stats);

/// A guess at how data compresses, and what the guess rests on.
struct RatioEstimate {
  double ratio = 0;               ///< plain bytes for each compressed one, as in CompressionStats
  std::size_t sampled_bytes = 0;  ///< how much of the data was looked at
  bool sampled = false;           ///< false: all of it was, so the ratio is measured
};

/// What an engine is made for.
struct EngineOptions {
  int level = 1;                                            ///< 1 to 9
  std::uint32_t window_bytes = 32 * kKiB;                   ///< 256 to 65,535
  std::uint64_t max_output_bytes = std::uint64_t{1} << 30;  ///< of one decompression
};

/// Compresses and decompresses whole buffers and text; makes streams.
/// Life: any number of calls in any order; an error leaves the engine usable.
/// Ownership: owns its workspace, which grows to what the largest call needed.
/// Errors: besides those named, what returns vectors and strings throws std::bad_alloc as they do.
/// Threads: one at a time; one engine for each thread. Cost: one pass over the data; no allocation
/// but for results, once the workspace is large enough.
class CompressionEngine {
 public:
  /// Level 1 and a window of 32 KiB.
  CompressionEngine() = default;

  /// Errors: invalid_window.
  [[nodiscard]] static Result<CompressionEngine> with_window_size(std::size_t window_bytes);
  /// Errors: invalid_level, invalid_window.
  [[nodiscard]] static Result<CompressionEngine> create(const EngineOptions& options);

  [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }

  /// The most bytes that compress() makes of an input; the room that it asks for.
  [[nodiscard]] static std::size_t compress_bound(std::size_t plain_bytes) noexcept;

  /// Compresses into the caller's memory. Requires: no overlap.
  /// Returns: the size. Errors: invalid_size with less room than compress_bound().
  [[nodiscard]] Result<std::size_t> compress(Bytes plain, MutableBytes out);
  [[nodiscard]] Result<std::vector<std::byte>> compress(Bytes plain);

  /// Restores frames into the caller's memory. Returns: the size.
  /// Errors: corrupt_input, checksum_mismatch, truncated_input (nothing, too), trailing_data;
  /// output_limit_exceeded when the room, or `max_output_bytes`, is too small.
  [[nodiscard]] Result<std::size_t> decompress(Bytes compressed, MutableBytes out);
  /// Memory grows with what was really decoded, never by what a header claims.
  [[nodiscard]] Result<std::vector<std::byte>> decompress(Bytes compressed);

  [[nodiscard]] Result<std::vector<std::byte>> compress_text(std::string_view text);
  /// Errors: as decompress(), and invalid_utf8 when the bytes are no text.
  [[nodiscard]] Result<std::string> decompress_to_text(Bytes compressed);

  /// Starts a stream with this engine's settings. It does not count in stats().
  [[nodiscard]] Result<CompressionStream> start_compression() const;
  [[nodiscard]] DecompressionStream start_decompression() const;

  /// Guesses how data compresses at level 1, from at most 32 KiB of it.
  /// Errors: empty_input; a ratio of nothing is undefined.
  [[nodiscard]] Result<RatioEstimate> estimate_compression_ratio(Bytes plain);

  [[nodiscard]] const CompressionStats& stats() const noexcept { return stats_; }
  void reset_stats() noexcept { stats_ = {}; }

 private:
  [[nodiscard]] EncoderParams params() const noexcept;

  EngineOptions options_;
  CompressionStats stats_;
  OwnedWorkspace workspace_;
};

}  // namespace frdpu::core
