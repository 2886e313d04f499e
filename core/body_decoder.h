#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/codec.h"
#include "core/codec_factory.h"
#include "core/decode_limits.h"
#include "core/dictionary.h"
#include "core/frame_check.h"
#include "core/frame_header.h"
#include "core/workspace_pool.h"

namespace frdpu::core {

/// Decodes a whole body of a coding: all its frames or members, within limits.
///
///   between frames --header parsed, limits checked, workspace leased--> in a frame
///        ^                                                                  |
///        +------- frame ended: the workspace is kept if more is at hand ----+
///
/// gzip: members one after another; zstd: frames, skippable ones too, also first; lz4: the same
/// and legacy frames; deflate: one zlib stream, or raw RFC 1951 where the first two bytes are no
/// zlib header; br: one stream; identity: everything as it is.
///
/// A workspace is leased for each frame by what its header asks for, never for more, and goes
/// home when the body waits between frames, ends, or breaks.
/// Threads: one at a time. Cost: that of the codec; no heap allocation.
class BodyDecoder final : public Transform {
 public:
  /// Ownership: `pools` and `dictionaries` (may be null: then every dictionary is missing) must
  /// outlive the decoder.
  BodyDecoder(Coding coding, const DecodeLimits& limits, WorkspacePools& pools,
              DictionarySource* dictionaries = nullptr) noexcept;

  /// Errors, with `offset` from the start of the body: corrupt_input, truncated_input (also an
  /// empty body), trailing_data, checksum_mismatch, missing_dictionary (`observed`: its id),
  /// output_limit_exceeded, ratio_limit_exceeded, window_too_large, frame_limit_exceeded (`limit`
  /// and `observed`; refused early where a header says so), pool_exhausted: nothing was taken or
  /// written, try again. After any other error all memory is home and each further step is
  /// internal_error.
  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override;

  /// Bytes of the body that were taken, and that came out of it.
  [[nodiscard]] std::uint64_t consumed_bytes() const noexcept { return consumed_; }
  [[nodiscard]] std::uint64_t produced_bytes() const noexcept { return produced_; }
  /// Frames or members that ended, skippable ones too.
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

 private:
  enum class Phase : std::uint8_t { between, skipping, decoding, ended, failed };

  // What one step still has to work with.
  struct Views {
    Bytes input;
    MutableBytes output;
    bool input_ends;
  };

  [[nodiscard]] Result<StepState> run(Views& views) noexcept;
  [[nodiscard]] Result<bool> begin_frame(Views& views) noexcept;
  [[nodiscard]] Result<void> lease(const FrameHeader& header) noexcept;
  [[nodiscard]] BodySoFar so_far() const noexcept { return {frames_, produced_}; }
  // An error about the frame, with its offset in the body.
  [[nodiscard]] std::unexpected<Error> refuse_frame(const Error& error) const noexcept;
  [[nodiscard]] bool skip(Views& views) noexcept;
  [[nodiscard]] Result<StepState> decode(Views& views) noexcept;
  [[nodiscard]] Result<void> check_output() const noexcept;
  void end_frame() noexcept;
  void take(Views& views, std::size_t bytes) noexcept;
  [[nodiscard]] Bytes held() const noexcept;
  [[nodiscard]] Error at(Error error, std::uint64_t offset) const noexcept;

  const Coding coding_;
  const DecodeLimits limits_;
  WorkspacePools& pools_;
  DictionarySource* const dictionaries_;

  Phase phase_ = Phase::between;
  Leased<Decoder> decoder_;
  PooledBlock spare_;  // the workspace of the frame before, between two frames
  std::uint64_t skip_bytes_ = 0;
  std::uint64_t frame_start_ = 0;  // where in the body the frame began
  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
  std::uint64_t frames_ = 0;
  unsigned idle_steps_ = 0;
  // Bytes that were taken before the decoder they are for was there: the start of a header.
  std::array<std::byte, 2 * kMaxFrameHeaderBytes> held_;
  std::size_t held_begin_ = 0;
  std::size_t held_end_ = 0;
};

}  // namespace frdpu::core
