#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "server/io_loop.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/service.h"

namespace frdpu::test {

/// A service of one loop in this process, on a port of its own.
/// Life: serves from construction to destruction. Requires: the configuration is whole.
class RunningService {
 public:
  explicit RunningService(const server::Config& config)
      : log_({.level = server::LogLevel::error}),
        service_(make_service(config, log_)),
        loop_(*service_, service_->metrics().shard(0)) {
    auto listener = server::Listener::open({.host = "127.0.0.1", .port = 0, .path = {}}, 0,
                                           proto::Listener::service, {&loop_});
    if (!listener) throw std::runtime_error(listener.error());
    listener_ = std::move(*listener);
    listener_->start();
    service_->lifecycle().enter(server::Lifecycle::State::serving);
    thread_ = std::thread([this] { loop_.run(); });
  }
  RunningService(const RunningService&) = delete;
  RunningService& operator=(const RunningService&) = delete;
  ~RunningService() {
    loop_.stop();
    thread_.join();
    service_->workers().stop();
    listener_->close();
    loop_.finish();
  }

  [[nodiscard]] std::uint16_t port() const {
    const std::string& address = listener_->bound_address();
    return static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
  }

  /// Waits until every connection is gone and every block at home, or for a minute.
  /// Returns: the pools that lack something; empty when the books are balanced.
  [[nodiscard]] std::string unbalanced() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
      std::string wrong = service_->connections() == 0 ? "" : "a connection is left;";
      for (const core::PoolStats& pool : service_->pool_stats()) {
        const bool balanced = pool.in_use == 0 && pool.acquisitions == pool.releases;
        if (!balanced) wrong.append(" ").append(pool.pool);
      }
      if (wrong.empty() || std::chrono::steady_clock::now() > deadline) return wrong;
      std::this_thread::yield();
    }
  }

 private:
  static std::unique_ptr<server::Service> make_service(const server::Config& config,
                                                       server::Log& log) {
    auto service = server::Service::create(config, log, 1);
    if (!service) throw std::runtime_error(service.error());
    return std::move(*service);
  }

  server::Log log_;
  std::unique_ptr<server::Service> service_;
  server::IoLoop loop_;
  std::unique_ptr<server::Listener> listener_;
  std::thread thread_;
};

}  // namespace frdpu::test
