#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "core/block_chain.h"
#include "core/coding.h"
#include "core/pool/fixed_pool.h"
#include "core/workspace_pool.h"
#include "server/operation.h"

namespace frdpu::server {

/// /v1/estimate: what each coding would make of the body at its default level, and which one
/// `coding=auto` would choose. The first MiB of the body is kept and really compressed, one coding
/// after the other, the results thrown away; the rest is only counted.
///
/// The answer: {"input_bytes", "sampled_bytes", "entropy_bits_per_byte", "codings": [{"coding",
/// "level", "output_bytes", "ratio", "method"}], "recommended"}. A body of up to a MiB is
/// `measured`: /v1/compress makes exactly so many bytes of it, given its length. Of a longer one
/// the size is extrapolated: `sampled`. `ratio` is input_bytes / output_bytes. There is no row for
/// identity: its size is the input's, and its ratio 1.
///
/// Memory: up to 16 blocks for the sample, one for output, one workspace at a time.
class Estimate final : public Operation {
 public:
  /// Bytes that are compressed, at most. Source: API.md.
  static constexpr std::size_t kSampleBytes = core::kMiB;

  /// Requires: blocks of 64 KiB with slack for what does not compress (`k64kSlackBytes`).
  /// Ownership: both pools must outlive the estimate.
  Estimate(core::WorkspacePools& workspaces, core::FixedPool& blocks) noexcept
      : workspaces_(workspaces), blocks_(blocks) {}

  /// Errors: empty_input; pool_exhausted, with nothing taken: the same step may be tried again, and
  /// codings that are done are not done twice.
  /// Cost: next to nothing until the end, then that of all codings: 25 to 70 ms for a MiB.
  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;

  [[nodiscard]] std::chrono::nanoseconds cost_estimate(std::uint64_t bytes) const noexcept override;

 private:
  // In the order of the contract's table.
  static constexpr std::array kCodings = {core::Coding::lz4, core::Coding::zstd, core::Coding::gzip,
                                          core::Coding::deflate, core::Coding::br};
  static constexpr std::size_t kMaxPieces = kSampleBytes / core::k64kBlockBytes;
  using Pieces = std::array<core::Bytes, kMaxPieces>;

  [[nodiscard]] std::size_t gather(core::Bytes input) noexcept;
  [[nodiscard]] core::Result<void> finish() noexcept;
  [[nodiscard]] core::Result<std::uint64_t> encoded_bytes(core::Coding coding,
                                                          std::span<const core::Bytes> pieces,
                                                          core::PooledBlock& scratch) noexcept;
  void write_answer(double entropy, core::Coding recommended) noexcept;

  core::WorkspacePools& workspaces_;
  core::FixedPool& blocks_;

  core::BlockChain sample_;
  std::uint64_t input_bytes_ = 0;
  std::uint64_t sampled_bytes_ = 0;
  std::array<std::uint64_t, kCodings.size()> encoded_bytes_{};  // of the sample
  std::size_t codings_done_ = 0;

  std::array<std::byte, 1024> text_;
  PendingOutput answer_;
  bool answered_ = false;
};

}  // namespace frdpu::server
