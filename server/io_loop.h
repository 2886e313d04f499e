#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "server/access_log.h"
#include "server/connection.h"
#include "server/intrusive_list.h"
#include "server/poller.h"

namespace frdpu::server {

class Exchange;
class MetricsShard;
class Service;

/// One thread's event loop with the connections that live on it. A connection never changes its
/// loop, so nothing here needs a lock.
/// Threads: everything but `context()`, `wake`, `has_waiters` and the poller's `finished` belongs
/// to the thread that calls `run`.
class IoLoop {
 public:
  IoLoop(Service& service, MetricsShard& metrics);
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  /// Serves until `stop`.
  void run();

  /// Ends `run`. Threads: any.
  void stop();

  /// Breaks off what is under way and runs what is ready: behind it no wait is outstanding, so that
  /// what waits with memory of its own may go. A closed connection is freed here. Called by the
  /// destructor too. Requires: `run` is over, the workers have stopped, and whoever else waits on
  /// the context has cancelled.
  void finish();

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] Service& service() noexcept { return service_; }
  [[nodiscard]] MetricsShard& metrics() noexcept { return metrics_; }
  [[nodiscard]] AccessLog& access_log() noexcept { return access_log_; }
  [[nodiscard]] TimePoint now() const noexcept { return Clock::now(); }

  /// The Date field's value, renewed once a second. Ownership: dies with the next tick.
  [[nodiscard]] std::string_view date() const noexcept { return {date_, sizeof date_}; }

  /// Takes a socket that was accepted and starts to serve it; behind `finish` it is closed.
  void adopt(core::FileDescriptor socket, proto::Listener listener);

  /// Frees a closed connection. Requires: nothing refers to it any more.
  void destroy(Connection& connection);

  /// Closes idle connections now, and the others as soon as they are through. For draining.
  void close_idle_connections();

  /// Breaks off everything that is still under way. Returns how many connections that were.
  std::size_t abort_connections();

  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }

  // For connections.
  [[nodiscard]] Poller& poller() noexcept { return poller_; }
  // The lists that say which deadline applies, in order of arrival.
  [[nodiscard]] IntrusiveList<Connection>& fresh() noexcept { return fresh_; }
  [[nodiscard]] IntrusiveList<Connection>& idle() noexcept { return idle_; }
  [[nodiscard]] IntrusiveList<Connection>& active() noexcept { return active_; }

  /// Request state for a connection that has become active; kept for reuse when given back, so
  /// that a loop allocates only when more requests are under way than ever before.
  [[nodiscard]] std::unique_ptr<Exchange> take_exchange();
  void give_exchange(std::unique_ptr<Exchange> exchange);

  /// Notes that some exchange waits for a block or workspace: ticks come faster, and each lets all
  /// that wait try again, for as long as they say so.
  void note_waiter();

  /// Notes that a request gave its promise of room back. Where somebody waits for memory, one loop
  /// after the other lets its first waiters try again, so that none gets it all. Not for every
  /// request: those who wait would try as often as others are served.
  void note_returned_room();
  [[nodiscard]] bool has_waiters() const noexcept {
    return has_waiters_.load(std::memory_order_relaxed);
  }
  /// Lets the first of those who wait try again soon. Threads: any. Cost: no allocation.
  void wake();

 private:
  void schedule_tick();
  void tick();
  void expire_front(IntrusiveList<Connection>& list, TimePoint now);
  void wake_waiters();
  void wake_first_waiters();
  static void wake_waiter(Connection& connection);
  void renew_date();

  Service& service_;
  MetricsShard& metrics_;
  AccessLog access_log_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  // With the loop's own executor type: the type-erased one is too large for HandlerMemory.
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  HandlerMemory tick_memory_;
  HandlerMemory wake_memory_;
  Poller poller_;
  IntrusiveList<Connection> fresh_, idle_, active_;
  std::vector<std::unique_ptr<Exchange>> spare_exchanges_;
  std::size_t connections_ = 0;
  std::int64_t date_second_ = 0;
  std::atomic<bool> has_waiters_{false};
  std::atomic<bool> wake_due_{false};
  bool ending_ = false;  // being destroyed
  char date_[29];        // IMF-fixdate, RFC 9110 5.6.7
};

}  // namespace frdpu::server
