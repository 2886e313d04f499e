#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>

#include "server/handler_memory.h"
#include "server/intrusive_list.h"

namespace frdpu::server {

class Connection;

/// Tells the connections of one loop when their sockets are ready. An epoll of its own, which Asio
/// sees as one descriptor: Asio's own waits arm a socket again for every request, with a system
/// call each; here a socket that is only ever read stays armed.
///
/// Level-triggered: what is left in a socket is told again, so that no read has to reach the end of
/// its bytes. Interest is EPOLLIN, EPOLLOUT, both or none; errors and hang-ups are told anyway.
///
/// Life: `start`, then events until `stop`.
/// Ownership: neither sockets nor connections; a socket that is closed is forgotten by the system.
/// Threads: the loop's thread. Cost: two system calls for all that is ready at once.
class Poller {
 public:
  /// Errors: throws std::system_error where the process has no descriptor left.
  explicit Poller(boost::asio::io_context& context);

  /// Calls `Connection::on_ready` from now on.
  void start();

  /// Ends the wait. Its handler runs once more, and does nothing.
  void stop();

  /// Returns: false where the system has no memory for one more socket.
  [[nodiscard]] bool add(int socket, Connection& connection, std::uint32_t interest) noexcept;
  /// Requires: the socket was added.
  void change(int socket, Connection& connection, std::uint32_t interest) noexcept;

  /// Deletes a closed connection: now, or behind the events at hand, which may name it.
  void free(Connection& connection) noexcept;

 private:
  void wait();
  void tell();

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
  HandlerMemory memory_;
  IntrusiveList<Connection> closed_;
  bool is_telling_ = false;
};

}  // namespace frdpu::server
