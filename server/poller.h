#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>

#include "server/codec_task.h"
#include "server/connection.h"
#include "server/finished_tasks.h"
#include "server/handler_memory.h"
#include "server/intrusive_list.h"

namespace frdpu::server {

/// Tells the connections of one loop when their sockets are ready, and exchanges when a worker is
/// through with their task. An epoll of its own, which Asio sees as one descriptor: Asio's own
/// waits arm a socket again for every request, with a system call each; here a socket that is only
/// ever read stays armed, and Asio is gone back to only when nothing is ready or others need a
/// turn.
///
/// Level-triggered: what is left in a socket is told again, so that no read has to reach the end of
/// its bytes. Interest is EPOLLIN, EPOLLOUT, both or none; errors and hang-ups are told anyway.
///
/// What epoll finds ready at once is a round. Answers that took their time can be kept to its end,
/// so that they leave in a row: a client on the same machine that serves many connections from one
/// thread sleeps when it has nothing to read, and waking it costs more than sending.
///
/// Life: `start`, then events until `stop`.
/// Ownership: neither sockets nor connections; a socket that is closed is forgotten by the system.
/// Threads: the loop's thread, but for `finished`. Cost: a system call for all that is ready at
/// once.
class Poller {
 public:
  /// `most_kept`: answers kept at once.
  /// Errors: throws std::system_error where the process has no descriptor left.
  Poller(boost::asio::io_context& context, std::size_t most_kept);

  /// Calls `Connection::on_ready` from now on.
  void start();

  /// Ends the wait. Its handler runs once more, and does nothing.
  void stop();

  /// Returns: false where the system has no memory for one more socket.
  [[nodiscard]] bool add(int socket, Connection& connection, std::uint32_t interest) noexcept;
  /// Requires: the socket was added.
  void change(int socket, Connection& connection, std::uint32_t interest) noexcept;

  /// Calls `Connection::pump` when the round ends; before, when 300 us have passed since the first
  /// that was kept, which is looked at between connections, or there are as many as may be.
  /// Returns: false outside of a round, and in one of a single event, which has nothing to wait
  /// for.
  [[nodiscard]] bool keep_for_end_of_round(Connection& connection) noexcept;

  /// Lets `Exchange::slice_done` be called for the task's owner. Threads: any.
  void finished(CodecTask& task) noexcept { finished_.push(task); }

  /// Does so now, for all that workers are through with. Requires: it is not called by an event.
  void tell_finished() noexcept;

  /// Deletes a closed connection: now, or behind the events at hand, which may name it.
  void free(Connection& connection) noexcept;

 private:
  void wait();
  void tell();
  [[nodiscard]] std::size_t tell_round(std::size_t most_events);
  void pump_kept();
  void pump_kept_when_due();

  // Of one turn, so that timers and what was posted get theirs.
  static constexpr std::size_t kTurnEvents = 64;

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
  HandlerMemory memory_;
  const std::size_t most_kept_;
  FinishedTasks finished_;
  IntrusiveList<Connection> closed_;
  std::array<Connection*, kTurnEvents> kept_;
  std::size_t kept_count_ = 0;
  TimePoint kept_since_{};
  bool is_telling_ = false;
  bool keeps_ = false;
};

}  // namespace frdpu::server
