#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/block_chain.h"
#include "core/codec_factory.h"
#include "core/stream_transform.h"
#include "server/worker_pool.h"

namespace frdpu::server {

/// Compresses one large body on several workers at once, in pieces of a fixed size. Each piece
/// becomes a frame (gzip: a member) of its own, so that the result is the same however many helped,
/// and costs what a fresh start for each piece costs.
///
///   in    | piece 4 | piece 5 | ...                    each turn cuts off what there is room for
///   ring  | piece 0 | piece 1 | piece 2 | piece 3 |    worked by whoever is free
///   out   | frame 0 | ...                              and passes on what is done, in order
///
/// Whoever runs the turn works pieces itself and calls for help; workers that are free by then take
/// the next piece that nobody has. Calls that nobody answered are withdrawn, so that a turn never
/// waits in a queue. A turn ends after kTurn where others wait for a worker, for zstd 19 takes
/// seconds for a piece; and when there is no piece left that nobody has, so that new ones are cut
/// off before somebody idles. Pieces that are not done go on in the next turn.
///
/// Life: `open`, turns until `done` or an error, `close`. Kept for reuse.
/// Threads: one at a time, helpers apart. Cost: no allocation.
class SplitEncoder {
 public:
  /// Pieces in work at most.
  static constexpr std::size_t kMaxPieces = 8;
  /// Time after which nobody begins another 64 KiB of output while others wait for a worker.
  static constexpr std::chrono::milliseconds kTurn{20};
  /// The same where nobody does: so late may the request's limits and its client's end be seen.
  static constexpr std::chrono::milliseconds kLongTurn{200};

  SplitEncoder() noexcept;
  SplitEncoder(const SplitEncoder&) = delete;
  SplitEncoder& operator=(const SplitEncoder&) = delete;

  /// `params`: for each piece; `content_bytes` and `whole` are filled in here. `pool`: for the
  /// result. Ownership: workers, workspaces and pool must stay until `close`.
  /// Requires: a coding whose frames may follow each other, and `piece_bytes` > 0.
  void open(const core::EncoderParams& params, std::size_t piece_bytes, WorkerPool& workers,
            core::WorkspacePools& workspaces, core::FixedPool& pool) noexcept;

  /// Gives all memory back. Requires: no turn is running.
  void close() noexcept;

  /// Input that makes everybody busy: the first turn should have as much.
  [[nodiscard]] std::size_t round_bytes() const noexcept { return most_pieces_ * piece_bytes_; }

  /// Input that the next turn has room for.
  [[nodiscard]] std::size_t room_bytes() const noexcept {
    return (most_pieces_ - count_) * piece_bytes_;
  }

  /// Whether there are pieces that wait for their next turn.
  [[nodiscard]] bool is_busy() const noexcept { return count_ > 0; }

  /// Works for a turn. `input_ends`: nothing follows what is in the chain.
  /// Returns: output_full when there is work for another turn already.
  /// Errors: pool_exhausted: what is done is in `out`, the rest is kept, call again; others are
  /// final. Threads: not an I/O loop's: it waits for those who help.
  [[nodiscard]] core::Result<core::StreamState> run(core::BlockChain& in, bool input_ends,
                                                    core::BlockChain& out) noexcept;

  [[nodiscard]] std::uint64_t consumed_bytes() const noexcept { return consumed_; }
  [[nodiscard]] std::uint64_t produced_bytes() const noexcept { return produced_; }
  /// CPU time of those who helped, so far: not of the threads that called `run`.
  [[nodiscard]] std::chrono::nanoseconds helpers_time() const noexcept { return helpers_time_; }

 private:
  struct Helper final : Job {
    void run() noexcept override { owner->help(); }
    SplitEncoder* owner = nullptr;
  };

  struct Piece {
    core::BlockChain in;
    core::BlockChain out;
    core::Leased<core::Encoder> encoder;
    core::StreamTransform transform;
    bool done = false;
    core::Result<void> outcome{};  // of its latest turn
  };

  /// The n-th piece of those in work, from the oldest on.
  [[nodiscard]] Piece& piece(std::size_t n) noexcept { return pieces_[(first_ + n) % kMaxPieces]; }
  [[nodiscard]] core::Result<void> cut(core::BlockChain& in, bool input_ends) noexcept;
  void work_together() noexcept;
  void help() noexcept;
  void work() noexcept;
  [[nodiscard]] bool turn_goes_on() const noexcept;
  void encode(Piece& piece) noexcept;
  void pass_on(core::BlockChain& out) noexcept;

  core::EncoderParams params_{};
  std::size_t piece_bytes_ = 0;
  std::size_t most_pieces_ = 0;
  WorkerPool* workers_ = nullptr;
  core::WorkspacePools* workspaces_ = nullptr;
  core::FixedPool* pool_ = nullptr;

  std::array<Piece, kMaxPieces> pieces_;  // a ring
  std::size_t first_ = 0;                 // the oldest that is not passed on
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};  // by age, that nobody has taken in this turn
  std::chrono::steady_clock::time_point turn_began_{};
  std::array<Helper, kMaxPieces - 1> helpers_;

  std::mutex mutex_;
  std::condition_variable helper_left_;
  std::size_t helping_ = 0;                  // holds mutex_
  std::chrono::nanoseconds helpers_time_{};  // holds mutex_ while a turn runs

  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
};

}  // namespace frdpu::server
