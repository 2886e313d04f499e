#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "core/bytes.h"
#include "core/file/file_descriptor.h"
#include "proto/routes.h"
#include "server/handler_memory.h"
#include "server/intrusive_list.h"
#include "server/io_result.h"

namespace frdpu::server {

class Exchange;
class IoLoop;
class TlsSession;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// One client's connection, from accept to close. It owns the socket and the waits; what goes over
/// it is the business of its `Exchange`, which is there only while a request is under way: an idle
/// connection is this object and nothing else, and holds no pool block. With TLS it has a session,
/// whose handshake comes before the first exchange, under the same time limit as a head.
///
/// Life: adopted by an IoLoop, `start`, then driven by readiness, worker completions and ticks. It
/// asks its loop to destroy it once it is closed and nothing refers to it any more.
/// Threads: the loop's thread only. Cost: no allocation after construction, but OpenSSL's.
class Connection : public ListHook<Connection> {
 public:
  /// `socket`: connected and non-blocking.
  Connection(IoLoop& loop, core::FileDescriptor socket, proto::Listener listener);
  ~Connection();

  void start();

  /// What epoll says of the socket. May destroy the connection.
  void on_ready(std::uint32_t events);

  /// Goes on with the exchange: what it waited for may be there.
  void pump();

  /// Called when `deadline()` has passed.
  void on_deadline();

  /// Closes at once when idle; lets a request under way finish otherwise. For draining.
  void close_when_idle();

  /// Breaks the connection off with a reset, and without TLS's goodbye, so that no peer can take
  /// what it got for a whole.
  void abort();

  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }
  [[nodiscard]] IoLoop& loop() const noexcept { return loop_; }
  [[nodiscard]] Exchange* exchange() const noexcept { return exchange_.get(); }
  [[nodiscard]] proto::Listener listener() const noexcept { return listener_; }
  [[nodiscard]] int descriptor() const noexcept { return socket_.number(); }

  // For the exchange.

  [[nodiscard]] bool has_tls() const noexcept { return tls_ != nullptr; }

  /// Reads what is there, without waiting. Remembers a short read, which says that the socket is
  /// empty, and then answers would_block until it has become readable again. (With TLS: a read that
  /// found no more records.)
  /// Requires: at least one room, none of them empty. With TLS only the first is used.
  [[nodiscard]] IoResult receive(std::span<const core::MutableBytes> rooms) noexcept;

  /// Writes what the socket takes, without waiting.
  [[nodiscard]] IoResult send(std::span<const iovec> views) noexcept;

  void expire_at(TimePoint when) noexcept { deadline_ = when; }

  /// Bytes that the peer's system has taken since the start, as far as can be told. Cost: a system
  /// call.
  [[nodiscard]] std::uint64_t taken_bytes() const noexcept;

  /// Counts a request. Returns: how many there were.
  std::uint64_t count_request() noexcept { return ++requests_; }

  /// A worker has the exchange's task: the connection stays until `task_done` or `release_task`.
  void hold_for_task() noexcept { ++pending_; }
  /// The worker is through. May destroy the connection.
  void task_done();
  /// The task was not taken after all.
  void release_task() noexcept { --pending_; }

 private:
  enum class Phase : std::uint8_t { open, lingering, closed };

  void wait_readable();
  void wait_writable();
  void want(std::uint32_t events);
  void set_interest(std::uint32_t events) noexcept;
  void wait_for(bool readable, bool writable);
  [[nodiscard]] IoResult receive_plain(std::span<const core::MutableBytes> rooms) noexcept;
  [[nodiscard]] bool shake_hands();
  void yield();
  /// The gauge of connections is about the service: a scrape does not count itself.
  [[nodiscard]] bool is_counted() const noexcept { return listener_ == proto::Listener::service; }
  void set_active(bool active) noexcept;
  void become_idle(TimePoint now);
  void linger();
  void end_output();
  void drain_unread();
  void close();
  void destroy_if_unused();

  IoLoop& loop_;
  core::FileDescriptor socket_;
  std::unique_ptr<TlsSession> tls_;  // null: plain text
  std::unique_ptr<Exchange> exchange_;
  TimePoint deadline_{};
  std::uint64_t requests_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint32_t lingered_bytes_ = 0;
  std::uint32_t interest_ = 0;  // what epoll is to tell
  std::uint16_t pending_ = 0;   // tasks and turns that will still call back
  proto::Listener listener_;
  Phase phase_ = Phase::open;
  bool readable_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool yielded_ = false;
  bool active_ = false;
  HandlerMemory yield_memory_;
};

}  // namespace frdpu::server
