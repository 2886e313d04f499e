#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "proto/request_error.h"
#include "proto/response_head.h"
#include "proto/routes.h"
#include "server/codec_handler.h"
#include "server/connection.h"
#include "server/memory_waits.h"
#include "server/rate_floor.h"
#include "server/request_reader.h"
#include "server/response_writer.h"

namespace frdpu::server {

/// The requests of one connection, one after the other: reads a head, decides what answers it,
/// moves the body through the codec and the result to the client. All that a request under way
/// needs is in here, so that an idle connection needs nothing.
///
///   head -> work (read body | codec | write, whichever can move) -> head of the next ...
///
/// Backpressure: the codec stops when the result that waits for the client reaches its bound, and
/// reading stops when the codec stops. The bound is small at first; it grows to
/// `--max-stream-bytes` for clients that send everything before they read.
/// Life: `attach`, `pump` until it says idle, linger, close or reset, `detach`. Kept for reuse.
/// Threads: the loop's thread, but for the codec task while a worker has it.
class Exchange {
 public:
  /// What the connection should do now.
  struct Next {
    enum class What : std::uint8_t {
      wait,    ///< for what the flags say, a worker or a tick
      again,   ///< call `pump` again: there is more to do
      idle,    ///< all is said; keep the connection for the next request
      linger,  ///< all is said; close, but do not lose the answer to unread input
      close,   ///< close now
      reset,   ///< close so that nobody takes what was sent for a whole
    };
    What what = What::wait;
    bool readable = false;
    bool writable = false;
  };

  explicit Exchange(Service& service) noexcept;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void attach(Connection& connection, TimePoint now) noexcept;
  /// Gives everything back that no worker holds. May be called twice.
  void detach() noexcept;

  /// Has one turn. `now`: read by the caller, once for all that happens in it. A clock costs 35 ns,
  /// and deadlines are coarser than a turn is long.
  [[nodiscard]] Next pump(TimePoint now) noexcept;

  /// The connection's deadline passed: decides what that means. `pump` must follow.
  void on_deadline() noexcept;

  /// Called a few times a second: sees whether the client moves, and how fast. Returns whether
  /// `pump` should be called. May move the connection's deadline.
  [[nodiscard]] bool tick(TimePoint now) noexcept;

  /// True while a pool was empty and the request waits for it.
  [[nodiscard]] bool waits_for_memory() const noexcept { return memory_waits_.any(); }

  /// Says that what was missing may be there: the next `pump` tries again, a worker's slice too.
  void memory_may_be_back() noexcept { slice_retry_due_ = !task_running_; }

  /// The worker is through with a slice of the task. May destroy the exchange and its connection.
  void slice_done() noexcept;

 private:
  enum class Phase : std::uint8_t {
    head,    ///< reading a request's head
    work,    ///< answering it
    broken,  ///< part of an answer is out and the rest can't be: reset
    gone,    ///< the client went away
  };

  [[nodiscard]] std::optional<Next> read_head() noexcept;
  void begin_request() noexcept;
  void begin_broken_request() noexcept;
  void count_request() noexcept;
  [[nodiscard]] proto::RequestResult<void> route_request() noexcept;
  [[nodiscard]] std::expected<void, proto::RouteRefusal> find_route() noexcept;
  [[nodiscard]] bool is_let_in(proto::Route route) noexcept;

  // Each moves what can be moved and returns whether anything was.
  [[nodiscard]] bool read_body() noexcept;
  [[nodiscard]] bool advance() noexcept;
  [[nodiscard]] bool write() noexcept;

  // Whether the answer is whole and leaves with others, at the end of the loop's round.
  [[nodiscard]] bool keep_answer() noexcept;
  [[nodiscard]] proto::RequestResult<void> begin_codec() noexcept;
  [[nodiscard]] proto::RequestResult<void> answer_route() noexcept;
  [[nodiscard]] proto::RequestResult<void> answer_dictionaries() noexcept;
  [[nodiscard]] proto::RequestResult<void> answer_text(std::string_view text) noexcept;
  [[nodiscard]] core::Result<void> append_text(std::string_view text) noexcept;
  void discard_body() noexcept;
  [[nodiscard]] bool send_continue() noexcept;
  [[nodiscard]] bool promise_result() noexcept;
  void leave_line() noexcept;
  [[nodiscard]] bool drive_codec() noexcept;
  [[nodiscard]] proto::RequestError queue_is_full() const noexcept;
  // Waits for memory that the codec lacks, or refuses.
  void lack_memory(const core::Error& error) noexcept;
  [[nodiscard]] bool is_for_a_worker() const noexcept;
  [[nodiscard]] bool submit_slice() noexcept;
  void finish_slice() noexcept;
  // Starts the answer where it is longer than what is sent as a whole.
  void start_stream(std::size_t kept_bytes) noexcept;
  [[nodiscard]] bool grow_result_bound() noexcept;

  void refuse(const proto::RequestError& error) noexcept;
  void refuse_late_body(const char* detail, std::string_view flag, std::uint64_t limit,
                        std::uint64_t observed) noexcept;
  void break_off_stalled() noexcept;
  void note_taken(TimePoint now) noexcept;
  void refuse_without_memory() noexcept;
  void forget_response() noexcept;
  // Whether part of the answer is on its way: what fails from then on can only break it off.
  [[nodiscard]] bool answer_begun() const noexcept { return response_started_ && !head_pending_; }
  void start_response(std::optional<std::uint64_t> content_length) noexcept;
  [[nodiscard]] bool prepare_batch() noexcept;
  [[nodiscard]] bool prepare_stream_batch() noexcept;
  [[nodiscard]] Next wait() noexcept;
  [[nodiscard]] Next finish() noexcept;
  // Reads to where the reader said, and tells it.
  [[nodiscard]] IoResult receive(std::span<const core::MutableBytes> rooms) noexcept;
  void end_request() noexcept;
  void log_request(TimePoint now) noexcept;

  /// Notes that a pool is empty. Returns false when the request has waited long enough.
  [[nodiscard]] bool wait_for_memory(MemoryWaits::For what) noexcept;
  void found_memory(MemoryWaits::For what) noexcept { queue_time_ += memory_waits_.found(what); }
  [[nodiscard]] TimePoint next_deadline() const noexcept;
  [[nodiscard]] proto::ServerTiming timing() const noexcept;

  // Blocks of result that wait for the client, before it is seen to read late, and by how many
  // the bound grows then.
  static constexpr std::size_t kResultBlocks = 8;

  Service& service_;
  Connection* connection_ = nullptr;
  BlockPools* blocks_ = nullptr;  // the listener's
  RequestReader reader_;
  ResponseWriter writer_;
  CodecHandler codec_;

  Phase phase_ = Phase::head;
  proto::RouteMatch match_;
  // The head that match_ is of, for when that comes again, and where it came; 0: it is of none.
  std::uint64_t routed_head_ = 0;
  proto::Listener routed_listener_{};
  proto::ResponseHead head_;

  bool counted_ = false;  // in the in-flight gauge
  bool codec_route_ = false;
  bool discard_body_ = false;      // the answer needs no body: read it away
  bool continue_due_ = false;      // the client waits for 100 Continue
  bool response_started_ = false;  // head_ is decided
  bool head_pending_ = false;      // ... and not written into the text block yet
  bool response_ended_ = false;    // the last batch is prepared
  bool chunk_open_ = false;        // a chunk's data was sent and its line end was not
  bool answer_kept_ = false;       // for the end of the loop's round, once
  bool write_blocked_ = false;
  bool task_running_ = false;
  bool had_worker_ = false;  // for a slice of this request
  bool abandoned_ = false;   // detached while a worker had the task
  bool late_reader_ = false;
  bool slice_retry_due_ = false;  // what found no memory, slice or promise, may try again
  std::size_t result_bound_blocks_ = 0;
  std::size_t promised_blocks_ = 0;
  std::size_t in_line_for_ = 0;  // blocks, while others who want a promise stand behind

  TimePoint now_{};  // of this turn
  TimePoint head_started_{};
  TimePoint request_started_{};
  TimePoint last_read_{};
  TimePoint last_write_{};
  TimePoint slice_submitted_{};
  MemoryWaits memory_waits_;
  RateFloor body_pace_;
  RateFloor answer_pace_;
  std::optional<std::uint64_t> taken_bytes_;     // of the answer, when it was last looked at
  std::optional<core::Errc> refusal_;            // the problem that was sent, or cut the answer off
  std::optional<proto::RequestError> deferred_;  // refused while a worker had the task
  std::chrono::nanoseconds queue_time_{};
};

}  // namespace frdpu::server
