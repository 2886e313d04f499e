#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "proto/routes.h"
#include "server/setting_values.h"

namespace frdpu::server {

class Acceptor;
class IoLoop;

/// One bound address and who accepts on it: for TCP one SO_REUSEPORT socket a loop, so that the
/// kernel spreads connections; otherwise one acceptor that deals them out in turn.
/// Life: `open`, `start`, `close`. Threads: `close_on` belongs to the loop's thread, the rest to
/// whoever starts the loops.
class Listener {
 public:
  /// Binds and listens; nothing is accepted yet. `unix_mode`: of the file, where it is one.
  /// Returns: the listener, or one line for the operator.
  [[nodiscard]] static std::expected<std::unique_ptr<Listener>, std::string> open(
      const ListenAddress& address, unsigned unix_mode, proto::Listener kind,
      std::vector<IoLoop*> loops);

  /// Takes a listening stream socket that somebody else opened (socket activation): one acceptor
  /// that deals connections out in turn. Ownership: of the descriptor, also on errors.
  [[nodiscard]] static std::expected<std::unique_ptr<Listener>, std::string> adopt(
      int descriptor, proto::Listener kind, std::vector<IoLoop*> loops);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Starts to accept on every loop. Requires: the loops are not running yet.
  void start();

  /// Stops to accept on one loop. Threads: that loop's.
  void close_on(IoLoop& loop);
  /// Stops to accept on every loop. Requires: the loops are not running any more. The waits end
  /// in `IoLoop::finish`, before which the listener must not go away.
  void close();

  /// The address that was bound, with the port that the system chose: `127.0.0.1:41234`.
  [[nodiscard]] const std::string& bound_address() const noexcept { return bound_address_; }

  /// Whether other machines can reach it. A unix socket is never reached.
  [[nodiscard]] bool is_beyond_loopback() const;

 private:
  Listener();

  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::string bound_address_;
  std::string unix_path_;  // removed when the listener goes away
};

}  // namespace frdpu::server
