#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codec.h"
#include "core/engine/owned_workspace.h"
#include "core/frame_header.h"

/// Compression and decompression of LZ4 data piece by piece, for those who embed the library:
/// output goes to the end of the caller's vector. Made by `CompressionEngine`.
namespace frdpu::core {

/// One frame being written. Life: write()* and flush()*, then finish() once.
/// Threads: one at a time. Cost: memory of a window and a block, taken once.
class CompressionStream {
 public:
  /// Errors: those of `place_lz4_encoder`.
  [[nodiscard]] static Result<CompressionStream> create(const EncoderParams& params);

  /// Takes all of a piece; appends what became ready.
  [[nodiscard]] Result<void> write(Bytes piece, std::vector<std::byte>& out);
  /// Appends all that is held back, so that a reader can have everything written so far.
  [[nodiscard]] Result<void> flush(std::vector<std::byte>& out);
  /// Ends the frame. Only destruction is allowed afterwards.
  [[nodiscard]] Result<void> finish(std::vector<std::byte>& out);

 private:
  Result<void> run(Bytes piece, Flush flush, std::vector<std::byte>& out);
  OwnedCodec<Encoder> encoder_;
};

/// Any number of frames being read: standard, legacy and skippable ones in a row.
/// Life: step()* until `done`; or write()*, then finish() once. After an error only destruction.
/// Threads: one at a time. Cost: at most 129 KiB, taken when a frame needs it.
class DecompressionStream {
 public:
  /// At most `max_output_bytes` will ever be given out.
  explicit DecompressionStream(std::uint64_t max_output_bytes) noexcept
      : output_left_(max_output_bytes) {}

  /// Goes on as far as both views allow, like `Transform::step`; `done` comes only with
  /// Flush::finish, when the input ended behind a frame.
  /// Errors: corrupt_input, checksum_mismatch, missing_dictionary, output_limit_exceeded,
  /// trailing_data (bytes behind a frame that start no other), truncated_input (also when there
  /// was no frame at all); `offset` counts from the stream's first byte.
  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output, Flush flush);

  /// Takes all of a piece; appends what it decodes to.
  [[nodiscard]] Result<void> write(Bytes piece, std::vector<std::byte>& out);
  /// Says that nothing follows.
  [[nodiscard]] Result<void> finish(std::vector<std::byte>& out);

 private:
  Result<bool> begin_frame(Bytes& input, bool input_ends);
  Result<StepState> run_frame(Bytes& input, MutableBytes& output, Flush flush);
  Result<void> run(Bytes piece, Flush flush, std::vector<std::byte>& out);

  OwnedCodec<Decoder> decoder_;
  std::array<std::byte, kMaxFrameHeaderBytes> header_{};
  std::size_t header_bytes_ = 0;
  std::uint64_t skip_left_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t frame_offset_ = 0;  // where the current frame started
  std::uint64_t frames_ = 0;
  std::uint64_t output_left_;
};

}  // namespace frdpu::core
