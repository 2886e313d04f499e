#include "server/exchange.h"

#include <algorithm>
#include <array>
#include <new>

#include "proto/documents.h"
#include "proto/problem.h"
#include "server/answers.h"
#include "server/dictionary_operations.h"
#include "server/io_loop.h"
#include "server/metrics.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

using core::Errc;
using std::chrono::milliseconds;

// A refused request's body of up to this size is read away so that the connection can be kept.
constexpr std::uint64_t kDiscardBytes = core::k64kBlockBytes;

proto::RequestError because(const core::Error& error) noexcept {
  return {.error = error};
}

proto::RequestError no_token() noexcept {
  return because({.code = Errc::unauthorized,
                  .detail = "The request needs a valid token: Authorization: Bearer TOKEN"});
}

}  // namespace

Exchange::Exchange(Service& service) noexcept
    : service_(service),
      reader_(service.config()),
      codec_(service),
      memory_waits_(service.waiting_codecs()) {}

void Exchange::attach(Connection& connection, TimePoint now) noexcept {
  connection_ = &connection;
  blocks_ = &service_.blocks(connection.listener());
  reader_.use(*blocks_, !connection.has_tls());
  abandoned_ = false;
  phase_ = Phase::head;
  head_started_ = now;
}

void Exchange::detach() noexcept {
  const bool had_room = promised_blocks_ > 0 || had_worker_;
  if (counted_) end_request();
  if (task_running_) {
    abandoned_ = true;  // the worker still reads and writes the task's chains
  } else {
    codec_.close();
  }
  reader_.reset();
  writer_.reset();
  memory_waits_.clear();
  if (had_room) connection_->loop().note_returned_room();
}

Exchange::Next Exchange::pump(TimePoint now) noexcept {
  using What = Next::What;
  now_ = now;
  if (phase_ == Phase::head) {
    if (const auto next = read_head()) return *next;
  }
  const bool waited = memory_waits_.is_missing(MemoryWaits::For::codec);
  // A long body finds its room before any of it is read.
  bool moved = reader_.left_bytes() > core::k64kBlockBytes && !codec_.task().is_open() && advance();
  moved |= read_body();
  moved |= advance();
  if (waited && !memory_waits_.is_missing(MemoryWaits::For::codec)) {
    // What had come is still to be read, and what had not was not asked for.
    last_read_ = now_;
    moved = true;
  }
  if (keep_answer()) return wait();
  moved |= write();
  if (phase_ == Phase::gone) return {.what = What::close};
  if (phase_ == Phase::broken) return {.what = What::reset};
  if (response_ended_ && writer_.batch_sent() && !task_running_ &&
      (reader_.body_ended() || head_.close)) {
    return finish();
  }
  if (!moved) return wait();
  return {.what = What::again};
}

std::optional<Exchange::Next> Exchange::read_head() noexcept {
  using What = Next::What;
  for (;;) {
    if (reader_.head_begun()) {
      const auto state = reader_.parse_head();
      if (!state) {
        begin_broken_request();
        // A head that is whole and refused for its body may be a stranger's.
        const bool known = !reader_.head_complete() || is_let_in(proto::Route::other);
        refuse(known ? state.error() : no_token());
        return {};
      }
      if (*state == RequestReader::HeadState::complete) {
        begin_request();
        if (auto routed = route_request(); !routed) refuse(routed.error());
        return {};
      }
    }
    const auto rooms = reader_.rooms();
    if (!rooms) {
      if (rooms.error().code == Errc::pool_exhausted) {
        if (wait_for_memory(MemoryWaits::For::input)) return wait();
        refuse_without_memory();
        return Next{.what = What::linger};
      }
      begin_broken_request();
      refuse(because(rooms.error()));
      return {};
    }
    found_memory(MemoryWaits::For::input);
    const bool begun = reader_.head_begun();
    const IoResult got = receive(*rooms);
    switch (got.state) {
      case IoResult::State::ok:
        if (!begun) head_started_ = now_;
        break;
      case IoResult::State::would_block:
        if (reader_.head_begun()) return wait();
        reader_.reset();  // nothing came: hold nothing
        return Next{.what = What::idle};
      case IoResult::State::ended:
      case IoResult::State::failed:
        return Next{.what = What::close};
    }
  }
}

void Exchange::begin_request() noexcept {
  phase_ = Phase::work;
  request_started_ = last_read_ = last_write_ = now_;
  head_ = {};
  codec_route_ = discard_body_ = continue_due_ = false;
  response_started_ = head_pending_ = response_ended_ = chunk_open_ = false;
  answer_kept_ = write_blocked_ = had_worker_ = late_reader_ = slice_retry_due_ = false;
  body_pace_.reset();
  answer_pace_.reset();
  taken_bytes_.reset();
  result_bound_blocks_ = kResultBlocks;
  queue_time_ = {};
  refusal_.reset();
  deferred_.reset();
}

void Exchange::begin_broken_request() noexcept {
  begin_request();
  match_ = {};
  routed_head_ = 0;
  head_.close = true;
  count_request();
}

void Exchange::count_request() noexcept {
  counted_ = true;
  connection_->loop().metrics().request_started(match_.route);
}

proto::RequestResult<void> Exchange::route_request() noexcept {
  const proto::RequestHead& fields = reader_.head();
  head_.version = fields.version();
  head_.close = !fields.persistent() || service_.lifecycle().draining();
  const std::size_t most = service_.config().max_requests_per_connection;
  if (connection_->count_request() == most) {  // never 0
    head_.close = true;
    connection_->loop().metrics().request_limit_reached();
  }
  head_.request_id = fields.request_id();
  const auto found = find_route();
  count_request();
  if (!is_let_in(found ? match_.route : proto::Route::other)) {  // before anything is said of it
    return std::unexpected(no_token());
  }
  if (!found) {
    if (found.error().error.error.code == Errc::method_not_allowed)
      head_.allow = found.error().allow;
    return std::unexpected(found.error().error);
  }
  if (!CodecHandler::serves(match_)) return answer_route();
  return begin_codec();
}

std::expected<void, proto::RouteRefusal> Exchange::find_route() noexcept {
  const proto::Listener listener = connection_->listener();
  if (routed_head_ == reader_.head_number() && routed_listener_ == listener) return {};
  const proto::RawHead& line = reader_.line();
  const auto match = proto::match_route(listener, line.method, line.target);
  if (!match) {
    routed_head_ = 0;
    match_ = {.route = match.error().route, .method = proto::method_from_name(line.method)};
    return std::unexpected(match.error());
  }
  match_ = *match;
  routed_head_ = reader_.head_number();
  routed_listener_ = listener;
  return {};
}

bool Exchange::is_let_in(proto::Route route) noexcept {
  const ListenerGuard& guard = service_.guard(connection_->listener());
  if (!guard.has_tokens()) return true;
  // Probes have no place to keep a secret in, and learn no more than a word.
  if (route == proto::Route::livez || route == proto::Route::readyz) return true;
  return guard.admits(reader_.head().bearer_token());
}

proto::RequestResult<void> Exchange::answer_route() noexcept {
  if (auto query = proto::parse_no_query(match_.query); !query) return query;
  if (match_.route == proto::Route::any) {
    head_.allow = match_.allow;
    head_.status = 204;
    discard_body();
    start_response(std::nullopt);
    return {};
  }
  if (!Answers::has(match_.route)) return answer_dictionaries();
  const Answer answer = service_.answers().answer(match_.route, reader_.head());
  head_.status = answer.status;
  head_.content_type = answer.content_type;
  head_.content_encoding = answer.content_encoding;
  head_.vary = answer.vary;
  head_.retry_after_seconds = answer.retry_after_seconds;
  return answer_text(answer.text());
}

proto::RequestResult<void> Exchange::answer_dictionaries() noexcept {
  const DictionaryStore* store = service_.dictionaries();
  if (store == nullptr) return std::unexpected(no_dictionary_dir());
  PinnedDictionaries dictionaries;
  store->pin(dictionaries);
  if (match_.route == proto::Route::dictionaries) {
    head_.content_type = proto::kJsonType;
    try {
      return answer_text(dictionaries_json(dictionaries));
    } catch (const std::bad_alloc&) {
      return proto::refuse(Errc::overloaded, "There is no memory for the list");
    }
  }
  const StoredDictionary* found = dictionaries.find_named(match_.name.view());
  if (found == nullptr) {
    return proto::refuse(Errc::unknown_dictionary, "there is no dictionary of that name or id");
  }
  head_.content_type = proto::kBytesType;
  return answer_text(core::as_text(found->content()));
}

proto::RequestResult<void> Exchange::answer_text(std::string_view text) noexcept {
  discard_body();
  if (auto copied = append_text(text); !copied) return std::unexpected(because(copied.error()));
  start_response(text.size());
  return {};
}

core::Result<void> Exchange::append_text(std::string_view text) noexcept {
  core::Bytes rest = core::as_bytes(text);
  while (!rest.empty()) {
    if (writer_.body().tail_room().empty()) {
      auto block = blocks_->acquire(std::min(rest.size(), core::k64kBlockBytes));
      if (!block) return std::unexpected(block.error());
      writer_.body().push_back(std::move(*block), 0, 0);
    }
    const core::MutableBytes room = writer_.body().tail_room();
    const std::size_t take = std::min(room.size(), rest.size());
    std::copy_n(rest.data(), take, room.data());
    writer_.body().commit(take);
    rest = rest.subspan(take);
  }
  return {};
}

void Exchange::discard_body() noexcept {
  if (reader_.body_ended()) return;
  const auto length = reader_.content_length();
  // A client that waits for 100 Continue may send its body or not: nobody can know.
  const bool keep = length && *length <= kDiscardBytes && !reader_.head().wants_continue();
  discard_body_ = true;
  if (!keep) head_.close = true;
}

IoResult Exchange::receive(std::span<const core::MutableBytes> rooms) noexcept {
  if (const std::size_t bytes = reader_.take_received()) {
    return {.state = IoResult::State::ok, .bytes = bytes};
  }
  const IoResult got = connection_->receive(rooms);
  reader_.received(got.state == IoResult::State::ok ? got.bytes : 0);
  return got;
}

bool Exchange::read_body() noexcept {
  if (phase_ != Phase::work || reader_.body_ended() || deferred_) return false;
  if (discard_body_ && head_.close) return false;  // lingering reads it away
  if (continue_due_ || (response_started_ && !codec_route_ && !discard_body_)) return false;
  bool moved = false;
  // A body that waits for its codec's memory should keep little of what others lack.
  if (memory_waits_.is_missing(MemoryWaits::For::codec)) {
    found_memory(MemoryWaits::For::input);  // it is not looked for meanwhile
    return false;
  }
  const int most_reads = codec_route_ && !codec_.task().is_open() ? 1 : 4;
  for (int reads = 0; reads < most_reads; ++reads) {
    const std::uint64_t before = reader_.body_bytes();
    if (auto parsed = reader_.parse_body(); !parsed) {
      if (parsed.error().code == Errc::pool_exhausted) {
        if (!wait_for_memory(MemoryWaits::For::input)) refuse(because(parsed.error()));
        return moved;
      }
      head_.close = true;
      refuse(because(parsed.error()));
      return true;
    }
    if (discard_body_) reader_.body().clear();
    moved |= reader_.body_bytes() != before;
    if (reader_.body_ended()) {
      found_memory(MemoryWaits::For::input);
      return true;
    }
    const auto rooms = reader_.rooms();
    if (!rooms) {
      if (!wait_for_memory(MemoryWaits::For::input)) refuse(because(rooms.error()));
      return moved;
    }
    found_memory(MemoryWaits::For::input);
    if (rooms->empty()) return moved;
    const IoResult got = receive(*rooms);
    if (got.state == IoResult::State::would_block) return moved;
    if (got.state == IoResult::State::failed) {
      phase_ = Phase::gone;
      return true;
    }
    if (got.state == IoResult::State::ended) {
      head_.close = true;
      refuse(because(
          {.code = Errc::malformed_request, .detail = "the connection ended before the body did"}));
      return true;
    }
    body_pace_.moved(got.bytes);
    last_read_ = now_;
    moved = true;
  }
  return moved;
}

void Exchange::end_request() noexcept {
  counted_ = false;
  const TimePoint now = Clock::now();
  MetricsShard& metrics = connection_->loop().metrics();
  if (connection_->loop().access_log().takes(connection_->listener(), now)) log_request(now);
  if (response_started_) {
    metrics.request_finished(match_.route, match_.method, head_.status, now - request_started_);
  } else {
    metrics.request_abandoned(match_.route);
  }
  if (promised_blocks_ > 0) service_.stream_budget().give_back(promised_blocks_);
  promised_blocks_ = 0;
  leave_line();
}

Exchange::Next Exchange::finish() noexcept {
  using What = Next::What;
  const bool had_room = promised_blocks_ > 0 || had_worker_;
  end_request();
  codec_.close();
  const bool keep = !head_.close && head_.framing != proto::ResponseFraming::until_close &&
                    !service_.lifecycle().closing();
  writer_.reset();
  if (had_room) connection_->loop().note_returned_room();
  if (!keep) return {.what = What::linger};
  phase_ = Phase::head;
  const bool more = reader_.next_request();
  head_started_ = now_;
  return {.what = more ? What::again : What::idle};
}

}  // namespace frdpu::server
