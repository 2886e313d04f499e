// The codec side of an exchange: its task opened, its room promised, its slices run here or on a
// worker. Reading is in exchange.cc, answering in exchange_response.cc.
#include <algorithm>
#include <utility>

#include "server/exchange.h"
#include "server/io_loop.h"
#include "server/metrics.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

using core::Errc;

// Codec work up to this estimate is done at once; a hop to a worker costs up to 45 us (DESIGN).
constexpr std::chrono::microseconds kInlineCost{200};

// A body with more work in it than that is a worker's from the start, so that it stays in one
// cache for a turn: taken by the loop slice by slice, in turn with others, 1 MiB of zstd cost two
// and a half times as much to decode. But not for pieces that cost less than the hop.
constexpr std::chrono::microseconds kWorthAHop{30};

// A stream's result is passed on in pieces of at least this size, unless it ends.
constexpr std::size_t kLeastBatchBytes = 16 * core::kKiB;

// Where it was a workspace that was missing, not a block.
constexpr std::string_view kWorkspaceFlag = "--workspace-bytes";

}  // namespace

proto::RequestResult<void> Exchange::begin_codec() noexcept {
  if (auto begun = codec_.begin(match_, reader_); !begun) return begun;
  // Before the body costs anyone anything.
  if (codec_.first_cost(reader_) > kInlineCost && service_.is_queue_full()) {
    return std::unexpected(queue_is_full());
  }
  codec_route_ = true;
  continue_due_ = reader_.head().wants_continue() && !reader_.body_begun() && reader_.has_body();
  return {};
}

proto::RequestError Exchange::queue_is_full() const noexcept {
  const std::size_t limit = service_.config().max_queued_jobs;
  return {.error = {.code = Errc::overloaded,
                    .detail = "The queue for codec work is full",
                    .limit = limit,
                    .observed = limit + 1},
          .flag = "--max-queued-jobs"};
}

bool Exchange::advance() noexcept {
  if (phase_ != Phase::work || !codec_route_ || response_ended_ || task_running_) return false;
  if (!codec_.task().is_open()) {
    const auto opened = codec_.try_open(reader_);
    if (!opened) {
      if (opened.error().error.code == Errc::pool_exhausted) {
        lack_memory(opened.error().error);
        return refusal_.has_value();
      }
      refuse(opened.error());
      return true;
    }
    if (*opened == CodecHandler::Opened::needs_body) return continue_due_ && send_continue();
    found_memory(MemoryWaits::For::codec);
    if (const std::size_t blocks = codec_.task().round_blocks()) reader_.set_read_ahead(blocks);
  }
  if (continue_due_) {  // who is refused for want of memory is so before the body is sent
    if (auto reserved = codec_.task().reserve(); !reserved) {
      lack_memory(reserved.error());
      return refusal_.has_value();
    }
  }
  if (!promise_result()) return false;
  if (!continue_due_) return drive_codec();
  found_memory(MemoryWaits::For::codec);
  return send_continue();
}

void Exchange::lack_memory(const core::Error& error) noexcept {
  // Who waits for memory before it has begun has a place in the queue for work.
  const bool begins = !codec_.task().has_begun();
  if (begins && !memory_waits_.is_missing(MemoryWaits::For::codec) && service_.is_queue_full()) {
    return refuse(queue_is_full());
  }
  if (wait_for_memory(MemoryWaits::For::codec)) return;
  refuse({.error = error,
          .flag = service_.blocks(proto::Listener::service).large().has_available()
                      ? kWorkspaceFlag
                      : std::string_view{}});
}

bool Exchange::promise_result() noexcept {
  const std::size_t blocks = codec_.result_blocks(reader_);
  if (blocks <= promised_blocks_) return true;
  StreamBudget& budget = service_.stream_budget();
  const std::size_t more = blocks - promised_blocks_;
  // Who stands in line tries when it is woken, the first one first.
  const bool may_try =
      in_line_for_ > 0 ? std::exchange(slice_retry_due_, false) : !budget.has_line(more);
  if (!may_try || !budget.reserve(more)) {
    const bool may_ever = blocks <= budget.limit();
    if (in_line_for_ == 0 && may_ever) budget.join_line(in_line_for_ = more);
    if (!may_ever || !wait_for_memory(MemoryWaits::For::codec)) {
      refuse({.error = {.code = Errc::pool_exhausted,
                        .detail = "The 64k pool has no room for the result, in blocks",
                        .limit = budget.limit(),
                        .observed = budget.promised() + blocks}});
    }
    return false;
  }
  leave_line();
  found_memory(MemoryWaits::For::codec);
  promised_blocks_ = blocks;
  result_bound_blocks_ = std::max(result_bound_blocks_, blocks);
  late_reader_ = true;  // its room is there: no need to see it stall first
  return true;
}

void Exchange::leave_line() noexcept {
  if (in_line_for_ > 0) service_.stream_budget().leave_line(std::exchange(in_line_for_, 0));
}

bool Exchange::send_continue() noexcept {
  if (!writer_.is_open()) {
    auto block = blocks_->acquire(core::kMtuBlockBytes);
    if (!block) {
      if (!wait_for_memory(MemoryWaits::For::answer)) refuse({.error = block.error()});
      return false;
    }
    found_memory(MemoryWaits::For::answer);
    writer_.open(std::move(*block));
  }
  writer_.put_text(proto::kContinueResponse);
  continue_due_ = false;
  last_read_ = now_;
  return true;
}

bool Exchange::drive_codec() noexcept {
  CodecTask& task = codec_.task();
  if (task.state() == CodecTask::State::done || task.state() == CodecTask::State::failed) {
    return false;
  }
  if (writer_.body().blocks() >= result_bound_blocks_ && !grow_result_bound()) {
    // From here on it waits for the client, not for memory, whatever the latest slice lacked.
    found_memory(MemoryWaits::For::codec);
    slice_retry_due_ = true;
    return false;
  }
  // Trying again at once would be a loop by way of the worker: the loop says when.
  if (task.state() == CodecTask::State::need_memory && !slice_retry_due_) return false;
  // A little input can make a lot of output: what the task does not take stays with the reader,
  // which then stops reading.
  task.take_input(reader_.body(), reader_.body_ended());
  task.input_ended = reader_.body_ended() && reader_.body().empty();
  const bool has_work = task.has_input() || task.input_ended ||
                        task.state() == CodecTask::State::need_output ||
                        task.state() == CodecTask::State::need_memory;
  if (!has_work) return false;
  slice_retry_due_ = false;
  if (is_for_a_worker()) return submit_slice();
  task.on_worker_done = nullptr;
  task.slice_output_bytes = CodecTask::kSliceOutputBytes;
  task.run();
  finish_slice();
  return task.state() != CodecTask::State::need_memory;
}

bool Exchange::is_for_a_worker() const noexcept {
  const CodecTask& task = codec_.task();
  const auto at_hand = task.cost_estimate(0);
  return at_hand > kInlineCost ||
         (at_hand > kWorthAHop && task.cost_estimate(reader_.left_bytes()) > kInlineCost);
}

bool Exchange::submit_slice() noexcept {
  CodecTask& task = codec_.task();
  // Quick decoders come back less often so: 1 MiB of zstd costs an eighth less with 8 blocks
  // than 4.
  const std::size_t left =
      result_bound_blocks_ - std::min(result_bound_blocks_, writer_.body().blocks());
  task.slice_output_bytes =
      std::max(CodecTask::kSliceOutputBytes, std::min(left, kResultBlocks) * core::k64kBlockBytes);
  task.owner = this;
  task.on_worker_done = [](CodecTask& done) noexcept {
    // On a worker: nothing of the exchange may be touched from here on but through the loop.
    static_cast<Exchange*>(done.owner)->connection_->loop().poller().finished(done);
  };
  slice_submitted_ = Clock::now();
  task_running_ = true;
  connection_->hold_for_task();
  WorkerPool& workers = service_.workers();
  const bool had_worker = std::exchange(had_worker_, true);
  if (had_worker && !task.ends_turn()) {
    workers.resume(task);
    return true;
  }
  if (had_worker || answer_begun()) {
    // What it holds is paid for: it waits its turn, however long the queue.
    workers.requeue(task);
    return true;
  }
  if (workers.submit(task)) return true;
  task_running_ = false;
  connection_->release_task();
  task.on_worker_done = nullptr;
  refuse(queue_is_full());
  return true;
}

void Exchange::slice_done() noexcept {
  task_running_ = false;
  queue_time_ += codec_.task().started() - slice_submitted_;
  Connection& connection = *connection_;
  finish_slice();
  connection.task_done();
}

void Exchange::finish_slice() noexcept {
  CodecTask& task = codec_.task();
  task.report(connection_->loop().metrics());
  if (abandoned_) {
    codec_.close();
    return connection_->loop().note_returned_room();
  }
  if (deferred_) return refuse(*deferred_);
  // A slice may write little: pass on what makes a decent batch, the rest fills up the same block.
  // Where memory is short all of it goes: what is sent may be what others, or the next slice, lack.
  const bool short_of_memory = task.state() == CodecTask::State::need_memory;
  if (task.state() == CodecTask::State::done || short_of_memory) {
    writer_.body().append(std::move(task.output));
  } else if (write_blocked_) {
    // Who reads late has room for so many blocks: they should be full.
    auto& pool = service_.blocks(proto::Listener::service).large();
    if (auto full = task.output.take_front(task.output.full_bytes(), pool)) {
      writer_.body().append(std::move(*full));
    }
  } else if (task.output.size() >= kLeastBatchBytes) {
    writer_.body().append(std::move(task.output));
  }
  switch (task.state()) {
    case CodecTask::State::need_memory:
      start_stream(0);
      return lack_memory(task.error());
    case CodecTask::State::failed:
      return refuse({.error = task.error()});
    case CodecTask::State::done:
      found_memory(MemoryWaits::For::codec);
      if (!response_started_) start_response(writer_.body().size());
      return;
    case CodecTask::State::need_input:
    case CodecTask::State::need_output:
      found_memory(MemoryWaits::For::codec);
      start_stream(core::k64kBlockBytes);
      return;
  }
}

void Exchange::start_stream(std::size_t kept_bytes) noexcept {
  if (!response_started_ && writer_.body().size() > kept_bytes) {
    start_response(std::nullopt);
  }
}

bool Exchange::grow_result_bound() noexcept {
  if (!late_reader_ || reader_.body_ended()) return false;
  const std::size_t most = service_.config().max_stream_bytes / core::k64kBlockBytes;
  if (result_bound_blocks_ >= most) return false;
  const std::size_t step = std::min(kResultBlocks, most - result_bound_blocks_);
  if (!service_.stream_budget().reserve(step)) return false;
  promised_blocks_ += step;
  result_bound_blocks_ += step;
  return true;
}

}  // namespace frdpu::server
