#pragma once

#include <atomic>
#include <cstdint>

namespace frdpu::server {

/// Where the process stands between start and exit. It only ever goes forward.
/// Threads: any.
class Lifecycle {
 public:
  enum class State : std::uint8_t {
    starting,    ///< listeners are not open yet
    serving,     ///< takes work
    announcing,  ///< SIGTERM came: not ready any more, still served, connections are not kept
    closing,     ///< listeners are closed; what is under way is finished
  };

  void enter(State state) noexcept { state_.store(state, std::memory_order_release); }
  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }

  /// Whether a load balancer should send work here.
  [[nodiscard]] bool ready() const noexcept { return state() == State::serving; }
  /// Whether answers should end their connections.
  [[nodiscard]] bool draining() const noexcept { return state() >= State::announcing; }
  /// Whether idle connections go at once.
  [[nodiscard]] bool closing() const noexcept { return state() == State::closing; }

 private:
  std::atomic<State> state_{State::starting};
};

}  // namespace frdpu::server
