#include "server/split_encoder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/thread_time.h"

namespace frdpu::server {

using core::Errc;
using core::StreamState;

SplitEncoder::SplitEncoder() noexcept {
  for (Helper& helper : helpers_) helper.owner = this;
}

void SplitEncoder::open(const core::EncoderParams& params, std::size_t piece_bytes,
                        WorkerPool& workers, core::WorkspacePools& workspaces,
                        core::FixedPool& pool) noexcept {
  params_ = params;
  params_.whole = false;
  piece_bytes_ = piece_bytes;
  workers_ = &workers;
  workspaces_ = &workspaces;
  pool_ = &pool;
  // Two for each worker, so that one long piece leaves nobody idle for long.
  most_pieces_ = std::clamp<std::size_t>(2 * workers.thread_count(), 1, kMaxPieces);
  consumed_ = produced_ = 0;
  helpers_time_ = {};
}

void SplitEncoder::close() noexcept {
  for (Piece& piece : pieces_) {
    piece.encoder.reset();
    piece.in.clear();
    piece.out.clear();
  }
  first_ = count_ = 0;
}

core::Result<StreamState> SplitEncoder::run(core::BlockChain& in, bool input_ends,
                                            core::BlockChain& out) noexcept {
  if (auto cut_off = cut(in, input_ends); !cut_off) return std::unexpected(cut_off.error());
  work_together();
  pass_on(out);
  if (is_busy()) {
    const core::Result<void>& outcome = piece(0).outcome;
    if (!outcome) return std::unexpected(outcome.error());
    return StreamState::output_full;
  }
  if (in.size() >= piece_bytes_ || (input_ends && !in.empty())) return StreamState::output_full;
  return input_ends ? StreamState::done : StreamState::need_input;
}

core::Result<void> SplitEncoder::cut(core::BlockChain& in, bool input_ends) noexcept {
  while (count_ < most_pieces_) {
    const bool empty_body = input_ends && consumed_ == 0 && in.empty() && !is_busy();
    if (in.size() < piece_bytes_ && !(input_ends && !in.empty()) && !empty_body) break;
    auto front = in.take_front(std::min(piece_bytes_, in.size()), *pool_);
    if (!front) {
      if (count_ > 0) break;
      return std::unexpected(front.error());
    }
    Piece& fresh = piece(count_++);
    consumed_ += front->size();
    fresh.in = std::move(*front);
    fresh.done = false;
    fresh.outcome = {};
    if (empty_body) break;
  }
  return {};
}

void SplitEncoder::work_together() noexcept {
  next_.store(0, std::memory_order_relaxed);
  turn_began_ = std::chrono::steady_clock::now();
  const std::size_t useful = std::min(workers_->thread_count(), count_);
  std::size_t called = 0;
  while (called + 1 < useful) {
    {
      const std::lock_guard lock(mutex_);
      ++helping_;
    }
    if (!workers_->submit(helpers_[called])) {  // the queue is full: others need the workers more
      const std::lock_guard lock(mutex_);
      --helping_;
      break;
    }
    ++called;
  }
  work();
  for (std::size_t i = 0; i < called; ++i) {
    if (!workers_->withdraw(helpers_[i])) continue;
    const std::lock_guard lock(mutex_);
    --helping_;
  }
  {
    std::unique_lock lock(mutex_);
    helper_left_.wait(lock, [this] { return helping_ == 0; });
  }
  // Where several found no memory at once, one may find enough.
  for (std::size_t i = 0; i < count_ && called > 0; ++i) {
    const core::Result<void>& outcome = piece(i).outcome;
    if (!outcome && outcome.error().code == Errc::pool_exhausted) encode(piece(i));
  }
}

void SplitEncoder::help() noexcept {
  const auto start = thread_cpu_time();
  work();
  const auto spent = thread_cpu_time() - start;
  const std::lock_guard lock(mutex_);
  helpers_time_ += spent;
  --helping_;
  helper_left_.notify_one();  // under the lock: behind it this object may be gone
}

void SplitEncoder::work() noexcept {
  do {
    const std::size_t mine = next_.fetch_add(1, std::memory_order_relaxed);
    if (mine >= count_) return;
    if (!piece(mine).done) encode(piece(mine));
  } while (turn_goes_on());
}

bool SplitEncoder::turn_goes_on() const noexcept {
  const auto lasted = std::chrono::steady_clock::now() - turn_began_;
  if (lasted < kTurn) return true;
  return lasted < kLongTurn && next_.load(std::memory_order_relaxed) < count_ &&
         workers_->queued() == 0;
}

void SplitEncoder::encode(Piece& piece) noexcept {
  piece.outcome = {};
  if (!piece.encoder) {
    core::EncoderParams params = params_;
    params.content_bytes = piece.in.size();
    auto encoder = core::make_encoder(params, *workspaces_);
    if (!encoder) {
      piece.outcome = std::unexpected(encoder.error());
      return;
    }
    piece.encoder = std::move(*encoder);
    piece.transform = {};
    piece.transform.add(*piece.encoder);
  }
  do {
    const auto state = piece.transform.run(piece.in, true, piece.out, *pool_, core::k64kBlockBytes);
    if (!state) {
      piece.outcome = std::unexpected(state.error());
      return;
    }
    piece.done = *state == StreamState::done;
  } while (!piece.done && turn_goes_on());
  if (piece.done) piece.encoder.reset();
}

void SplitEncoder::pass_on(core::BlockChain& out) noexcept {
  while (is_busy() && piece(0).done) {
    produced_ += piece(0).out.size();
    out.append(std::move(piece(0).out));
    first_ = (first_ + 1) % kMaxPieces;
    --count_;
  }
}

}  // namespace frdpu::server
