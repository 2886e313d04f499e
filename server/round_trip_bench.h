#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/bytes.h"
#include "core/codec.h"
#include "core/dictionary.h"
#include "core/error.h"
#include "core/workspace_pool.h"
#include "server/timed_runs.h"

/// What a coding makes of given bytes, and how fast, there and back.
namespace frdpu::server {

/// What was measured. Speeds are in bytes of the input, for both directions.
struct RoundTrip {
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;  ///< of all frames
  std::uint64_t frames = 0;
  TimedRuns compress;
  TimedRuns decompress;
};

/// Compares bytes that come piece by piece with those that should come.
class ExpectedBytes {
 public:
  /// Ownership: `expected` must outlive the comparison.
  explicit ExpectedBytes(core::Bytes expected) noexcept : rest_(expected), all_(expected.size()) {}

  /// Errors: internal_error with the `offset` of the first byte that is another, or one too many.
  [[nodiscard]] core::Result<void> take(core::Bytes piece) noexcept;
  /// Errors: internal_error when some are missing.
  [[nodiscard]] core::Result<void> end() const noexcept;

 private:
  [[nodiscard]] std::size_t offset() const noexcept { return all_ - rest_.size(); }

  core::Bytes rest_;
  std::size_t all_;
};

/// Compresses and decompresses in memory the way the service does: payloads of up to 64 KiB in one
/// step, larger ones in steps of 64 KiB, each payload a frame of its own, codecs in workspaces that
/// are leased for each frame, on one thread.
///
/// Besides input and frames it needs one block for what comes out of a step: it is dropped, but for
/// one first pass, not timed, whose frames are kept and whose bytes are compared.
/// Threads: one at a time.
class RoundTripBench {
 public:
  /// Ownership: `pools` and `dictionaries` (may be null) must outlive it.
  RoundTripBench(core::WorkspacePools& pools, core::DictionarySource* dictionaries);

  /// Measures one coding. `params` say which; `whole` and the size are filled in for each payload.
  /// Payloads are of `payload_bytes`, the last one of what is left; 0: all bytes are one.
  /// Both directions are repeated for `least` of this thread's CPU time each.
  /// Requires: input that is not empty.
  /// Errors: those of the codecs; internal_error when the round trip does not give the same bytes.
  /// Throws: std::bad_alloc when there is no memory for the frames.
  [[nodiscard]] core::Result<RoundTrip> measure(core::Bytes input,
                                                const core::EncoderParams& params,
                                                std::size_t payload_bytes,
                                                std::chrono::nanoseconds least);

 private:
  core::WorkspacePools& pools_;
  core::DictionarySource* const dictionaries_;
  std::vector<std::byte> room_;  // for the output of a step
};

}  // namespace frdpu::server
