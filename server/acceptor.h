#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <optional>
#include <vector>

#include "proto/routes.h"
#include "server/handler_memory.h"

namespace frdpu::server {

class IoLoop;

/// Accepts on one listening socket, on one loop, and hands connections to loops in turn.
///
/// Descriptors are shared: the service's acceptors leave the last few to the admin listener, so
/// that a process that has run out of them can still be looked at. Who finds none waits, and looks
/// again ten times a second; clients wait in the backlog.
/// Life: `open` or `assign`, `accept`, `close`. Threads: the loop's, once it accepts.
class Acceptor {
 public:
  using Protocol = boost::asio::generic::stream_protocol;
  using ErrorCode = boost::system::error_code;

  /// Descriptors that the service leaves to the admin listener: a scraper, probes, a person.
  static constexpr int kReservedDescriptors = 6;

  /// Ownership: the loops must outlive the acceptor. `targets`: who gets the connections.
  Acceptor(IoLoop& loop, proto::Listener kind, std::vector<IoLoop*> targets);

  /// Binds and listens. `shared`: several acceptors have this address. `mode`: of the file of a
  /// unix socket, set before anybody can connect.
  [[nodiscard]] ErrorCode open(const Protocol::endpoint& endpoint, bool shared,
                               std::optional<unsigned> mode = {});

  /// Takes a socket that listens already.
  [[nodiscard]] ErrorCode assign(const Protocol& protocol, int descriptor);

  [[nodiscard]] Protocol::endpoint local_endpoint() const { return acceptor_.local_endpoint(); }

  void accept();

  /// Takes those in the backlog, who are connected already, and stops.
  void close();

  [[nodiscard]] IoLoop& loop() const noexcept { return loop_; }

 private:
  void accept_ready();
  [[nodiscard]] bool accept_one();
  void hand_over(int descriptor, int family);
  [[nodiscard]] bool may_take(int descriptor) const noexcept;
  [[nodiscard]] bool finds_descriptor() noexcept;
  void pause();

  IoLoop& loop_;
  const proto::Listener kind_;
  const std::vector<IoLoop*> targets_;
  boost::asio::basic_socket_acceptor<Protocol, boost::asio::io_context::executor_type> acceptor_;
  boost::asio::steady_timer pause_;
  HandlerMemory memory_;
  std::size_t turn_ = 0;
  bool paused_ = false;
};

}  // namespace frdpu::server
