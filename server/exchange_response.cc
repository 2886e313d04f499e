// How an exchange answers: heads, batches, refusals and deadlines. The request side and the codec
// are in exchange.cc.
#include <algorithm>
#include <array>

#include "proto/problem.h"
#include "server/exchange.h"
#include "server/io_loop.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

using core::Errc;

// A client that takes nothing for this long while its request is still arriving reads late.
constexpr auto kLateAfter = std::chrono::milliseconds(200);

// Once a turn has sent this much it ends: a client that reads as fast as we write would keep it.
constexpr std::size_t kTurnBytes = 4 * core::k64kBlockBytes;

// An answer that took the codec this long may leave with others of its round. Behind quicker ones a
// client has no time to fall asleep.
constexpr std::chrono::microseconds kWorthKeeping{3};

}  // namespace

void Exchange::refuse(const proto::RequestError& error) noexcept {
  if (task_running_) {  // the worker reads and writes what a refusal would give back
    if (!deferred_) deferred_ = error;
    return;
  }
  const proto::ProblemInfo& info = proto::problem_info(error.error.code);
  refusal_ = info.code;
  if (proto::is_limit_hit(error)) connection_->loop().metrics().limit_hit(info.code);
  if (info.status == 500) {
    service_.log().error("internal_error", {{"route", proto::route_template(match_.route)},
                                            {"detail", error.error.detail}});
  }
  if (answer_begun()) {
    phase_ = Phase::broken;
    return;
  }
  forget_response();
  codec_.close();
  codec_route_ = false;
  continue_due_ = false;
  memory_waits_.clear();
  leave_line();
  writer_.body().clear();
  head_.status = info.status;
  head_.content_type = proto::kProblemType;
  head_.retry_after_seconds = info.retry_after_seconds;
  head_.authenticate = info.code == Errc::unauthorized;
  head_.accept_encoding = error.error.code == Errc::unsupported_coding;
  head_.close = head_.close || info.closes;
  discard_body();
  auto block = blocks_->acquire(proto::kMaxProblemBytes);
  if (!block) return refuse_without_memory();
  const std::size_t bytes = proto::write_problem(block->bytes(), error);
  writer_.body().push_back(std::move(*block), 0, bytes);
  start_response(bytes);
}

void Exchange::refuse_without_memory() noexcept {
  if (!writer_.batch_sent()) {  // half a text is out: another one behind it would be nonsense
    phase_ = Phase::broken;
    return;
  }
  // A text that is always there. Its few bytes fit any socket.
  const std::string_view answer = service_.memory_refusal();
  refusal_ = Errc::pool_exhausted;
  connection_->loop().metrics().limit_hit(Errc::pool_exhausted);
  const iovec view{.iov_base = const_cast<char*>(answer.data()), .iov_len = answer.size()};
  (void)connection_->send({&view, 1});
  head_.status = 503;
  head_.close = true;
  response_started_ = response_ended_ = true;
  head_pending_ = false;
  memory_waits_.clear();
}

void Exchange::forget_response() noexcept {
  // It was decided and not a byte of it is out: what failed since can still have its status.
  if (!response_started_) return;
  response_started_ = head_pending_ = false;
  proto::ResponseHead fresh;
  fresh.version = head_.version;
  fresh.close = head_.close;
  fresh.request_id = head_.request_id;
  fresh.allow = head_.allow;
  head_ = fresh;
}

void Exchange::start_response(std::optional<std::uint64_t> content_length) noexcept {
  response_started_ = head_pending_ = true;
  head_.close = head_.close || service_.lifecycle().draining();  // it may have begun since
  head_.date = connection_->loop().date();
  if (codec_route_) codec_.describe(head_, reader_);
  if (head_.status == 204) {
    head_.framing = proto::ResponseFraming::none;
  } else if (content_length) {
    head_.framing = proto::ResponseFraming::length;
    head_.content_length = *content_length;
  } else {
    head_.framing = head_.version == proto::HttpVersion::http10
                        ? proto::ResponseFraming::until_close
                        : proto::ResponseFraming::chunked;
  }
  if (!codec_route_) return;
  if (content_length) {
    head_.stats = codec_.stats();
    head_.timing = timing();
  } else {
    head_.announce_trailers =
        head_.framing == proto::ResponseFraming::chunked && reader_.head().accepts_trailers();
  }
}

proto::ServerTiming Exchange::timing() const noexcept {
  return {.queue = queue_time_, .codec = codec_.task().codec_time()};
}

bool Exchange::keep_answer() noexcept {
  if (answer_kept_ || !codec_route_ || !head_pending_ ||
      head_.framing != proto::ResponseFraming::length || writer_.body().blocks() > 1 ||
      codec_.task().codec_time() < kWorthKeeping) {
    return false;
  }
  answer_kept_ = connection_->loop().poller().keep_for_end_of_round(*connection_);
  return answer_kept_;
}

bool Exchange::write() noexcept {
  bool moved = false;
  std::size_t taken = 0;
  while (phase_ == Phase::work && taken < kTurnBytes) {
    if (writer_.batch_sent() && !prepare_batch()) return moved;
    std::array<iovec, ResponseWriter::kMaxViews> views;
    const std::size_t count = writer_.gather(views);
    if (count == 0) return moved;
    const IoResult sent = connection_->send(std::span(views).first(count));
    if (sent.state == IoResult::State::failed) {
      phase_ = Phase::gone;
      return true;
    }
    write_blocked_ = sent.state == IoResult::State::would_block;
    if (write_blocked_) return moved;
    writer_.sent(sent.bytes);
    taken += sent.bytes;
    last_write_ = now_;
    moved = true;
  }
  return moved;
}

bool Exchange::prepare_batch() noexcept {
  write_blocked_ = false;
  if (!response_started_ || response_ended_) return false;
  if (!writer_.is_open()) {
    auto block = blocks_->acquire(proto::kMaxResponseHeadBytes);
    if (!block) {
      if (!wait_for_memory(MemoryWaits::For::answer)) refuse_without_memory();
      return false;
    }
    found_memory(MemoryWaits::For::answer);
    writer_.open(std::move(*block));
  }
  if (head_pending_) {
    writer_.commit_text(proto::write_response_head(writer_.text_room(), head_));
    head_pending_ = false;
  }
  const bool streamed = head_.framing == proto::ResponseFraming::chunked ||
                        head_.framing == proto::ResponseFraming::until_close;
  if (streamed) return prepare_stream_batch();
  if (match_.method == proto::Method::head) writer_.body().clear();
  writer_.put_whole_body();
  response_ended_ = true;
  return true;
}

bool Exchange::prepare_stream_batch() noexcept {
  // While a worker has the task its state is the worker's.
  const bool done = !task_running_ && codec_.task().state() == CodecTask::State::done;
  const bool chunked = head_.framing == proto::ResponseFraming::chunked;
  const std::size_t bytes = writer_.body().size();
  if (bytes > 0) {
    if (chunked) {
      if (chunk_open_) writer_.put_text(proto::kChunkEnd);
      writer_.commit_text(proto::write_chunk_line(writer_.text_room(), bytes));
      chunk_open_ = true;
    }
    writer_.put_body(bytes);
    // What ends the body goes with it, but for a head so long that there may be no room.
    const std::size_t end_bytes = proto::kChunkEnd.size() + proto::kMaxLastChunkBytes;
    if (chunked && writer_.text_room().size() < end_bytes) return true;
  }
  if (!done) return !writer_.batch_sent();
  if (chunked) {
    if (chunk_open_) writer_.put_text(proto::kChunkEnd);
    const bool trailers = head_.announce_trailers;
    writer_.commit_text(proto::write_last_chunk(writer_.text_room(),
                                                trailers ? codec_.stats() : std::nullopt,
                                                trailers ? std::optional(timing()) : std::nullopt));
  }
  response_ended_ = true;
  return true;
}

void Exchange::log_request(TimePoint now) noexcept {
  using End = AccessEntry::End;
  AccessEntry entry{.descriptor = connection_->descriptor(),
                    .listener = connection_->listener(),
                    .method = match_.method,
                    .route = match_.route,
                    .status = response_started_ ? head_.status : std::uint16_t{0},
                    .refusal = refusal_,
                    .in_bytes = reader_.body_bytes(),
                    .out_bytes = response_started_ ? head_.content_length : 0,
                    .duration = now - request_started_,
                    .queue_time = queue_time_,
                    .request_id = reader_.head().request_id(),
                    .traceparent = reader_.head().traceparent()};
  if (codec_route_ && !task_running_) {  // else the worker writes what would be read here
    if (const auto stats = codec_.stats()) entry.coding = stats->coding;
    entry.out_bytes = codec_.task().answer_bytes();
    entry.codec_time = codec_.task().codec_time();
  }
  entry.end = phase_ == Phase::broken                   ? End::cut_off
              : response_ended_ && writer_.batch_sent() ? End::done
                                                        : End::client_gone;
  connection_->loop().access_log().write(entry);
}

bool Exchange::wait_for_memory(MemoryWaits::For what) noexcept {
  if (memory_waits_.missed(what) >= service_.config().queue_timeout) return false;
  connection_->loop().note_waiter();
  return true;
}

Exchange::Next Exchange::wait() noexcept {
  connection_->expire_at(next_deadline());
  const bool in_body = phase_ == Phase::work && reader_.wants_input() && !continue_due_ &&
                       !deferred_ && !(discard_body_ && head_.close);
  const bool reading = !waits_for_memory() && (phase_ == Phase::head || in_body);
  body_pace_.wait(reading && in_body && !write_blocked_, now_);  // one accusation at a time
  answer_pace_.wait(write_blocked_, now_);
  return {.what = Next::What::wait, .readable = reading, .writable = write_blocked_};
}

TimePoint Exchange::next_deadline() const noexcept {
  const Config& config = service_.config();
  if (waits_for_memory()) return memory_waits_.oldest() + config.queue_timeout;
  if (phase_ == Phase::head) return head_started_ + config.header_timeout;
  // While a worker has the task the request moves, however slowly its peer does.
  if (task_running_) return TimePoint::max();
  if (write_blocked_) return std::max(last_write_, last_read_) + config.write_timeout;
  // While an answer was written the client may not have been read from.
  return std::max(last_read_, last_write_) + config.body_timeout;
}

void Exchange::on_deadline() noexcept {
  now_ = Clock::now();
  if (waits_for_memory()) return memory_may_be_back();  // pump tries again, or gives up
  if (task_running_) return;
  const Config& config = service_.config();
  const auto milliseconds = [](Clock::duration time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  if (phase_ == Phase::head) {
    const std::uint64_t observed = milliseconds(now_ - head_started_);
    begin_request();
    count_request();
    head_.close = true;
    return refuse({.error = {.code = Errc::request_timeout,
                             .detail = "The head did not arrive in time, in milliseconds",
                             .limit = milliseconds(config.header_timeout),
                             .observed = observed},
                   .flag = "--header-timeout"});
  }
  if (write_blocked_) return break_off_stalled();
  refuse_late_body("The body did not go on arriving, in milliseconds", "--body-timeout",
                   milliseconds(config.body_timeout), milliseconds(now_ - last_read_));
}

void Exchange::refuse_late_body(const char* detail, std::string_view flag, std::uint64_t limit,
                                std::uint64_t observed) noexcept {
  head_.close = true;
  service_.log().warning("client_stalled", {{"route", proto::route_template(match_.route)},
                                            {"side", "request"},
                                            {"body_bytes", reader_.body_bytes()}});
  refuse({.error = {.code = Errc::request_timeout,
                    .detail = detail,
                    .limit = limit,
                    .observed = observed},
          .flag = flag});
}

void Exchange::break_off_stalled() noexcept {
  connection_->loop().metrics().write_timed_out();
  service_.log().warning("client_stalled", {{"route", proto::route_template(match_.route)},
                                            {"side", "response"},
                                            {"unsent_bytes", writer_.body().size()}});
  phase_ = Phase::broken;
}

void Exchange::note_taken(TimePoint now) noexcept {
  // A socket becomes writable again only when much of its buffer is free: a client that reads
  // slowly but steadily is seen by what its system has acknowledged.
  const std::uint64_t taken = connection_->taken_bytes();
  const std::uint64_t before = taken_bytes_.value_or(taken);
  taken_bytes_ = taken;
  if (taken == before) return;
  answer_pace_.moved(taken - before);
  last_write_ = now;
}

bool Exchange::tick(TimePoint now) noexcept {
  if (phase_ == Phase::work && write_blocked_) note_taken(now);
  // What moves without a pause never waits, and so would keep the deadline of its last wait.
  connection_->expire_at(next_deadline());
  if (phase_ != Phase::work) return false;
  const Config& config = service_.config();
  if (connection_->deadline() <= now) return false;  // stands still: more than slow
  if (answer_pace_.judge(now, config.write_timeout, config.min_bytes_per_second)) {
    break_off_stalled();
    return true;
  }
  if (const auto rate = body_pace_.judge(now, config.body_timeout, config.min_bytes_per_second)) {
    refuse_late_body("The body arrives too slowly, in bytes a second", "--min-bytes-per-second",
                     config.min_bytes_per_second, *rate);
    return true;
  }
  if (late_reader_ || !write_blocked_ || reader_.body_ended()) return false;
  if (now - last_write_ < kLateAfter) return false;
  late_reader_ = true;
  return true;
}

}  // namespace frdpu::server
