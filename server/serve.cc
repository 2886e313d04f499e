#include "server/serve.h"

#include <sys/resource.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/exchange.h"
#include "server/io_loop.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/memory_plan.h"
#include "server/service.h"
#include "server/signals_blocked.h"
#include "server/systemd.h"

namespace frdpu::server {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

// How often a drain looks whether everybody has gone.
constexpr auto kDrainPoll = std::chrono::milliseconds(10);

// Connections need descriptors: take all that the system allows this process anyway.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// A socket of the service manager's wins over the setting.
std::expected<std::unique_ptr<Listener>, std::string> listen_on(int socket,
                                                                const ListenAddress& address,
                                                                std::size_t mode,
                                                                proto::Listener kind,
                                                                std::vector<IoLoop*> loops) {
  return socket >= 0 ? Listener::adopt(socket, kind, std::move(loops))
                     : Listener::open(address, static_cast<unsigned>(mode), kind, std::move(loops));
}

/// The process from the first listener to the last connection.
class Process {
 public:
  Process(const Config& config, Log& log, Service& service)
      : config_(config),
        log_(log),
        service_(service),
        control_(service, service.metrics().shard(config.threads)),
        signals_(control_.context(), SIGTERM, SIGINT),
        hangup_(control_.context(), SIGHUP),
        timer_(control_.context()) {
    for (std::size_t i = 0; i < config.threads; ++i) {
      loops_.push_back(std::make_unique<IoLoop>(service, service.metrics().shard(i)));
    }
  }

  ~Process() {
    // Workers refer to exchanges, exchanges to loops. And what waits on a loop has the memory of
    // its wait in itself: each wait is to be over before listeners, signals and timer go.
    service_.workers().stop();
    ErrorCode ignored;
    signals_.cancel(ignored);
    hangup_.cancel(ignored);
    timer_.cancel();
    for (Listener* listener : {service_listener_.get(), admin_listener_.get()}) {
      if (listener) listener->close();
    }
    for (const auto& loop : loops_) loop->finish();
    control_.finish();
  }

  [[nodiscard]] std::expected<void, std::string> listen() {
    std::vector<IoLoop*> loops;
    for (const auto& loop : loops_) loops.push_back(loop.get());
    const int service_socket = inherited_socket("service");
    const int admin_socket = inherited_socket("admin");
    auto service = listen_on(service_socket, config_.listen, config_.listen_mode,
                             proto::Listener::service, loops);
    if (!service) return std::unexpected(service.error());
    auto admin = listen_on(admin_socket, config_.admin_listen, config_.admin_listen_mode,
                           proto::Listener::admin, {&control_});
    if (!admin) return std::unexpected(admin.error());
    service_listener_ = std::move(*service);
    admin_listener_ = std::move(*admin);
    return {};
  }

  [[nodiscard]] int run() {
    signals_.async_wait([this](const ErrorCode& error, int signal) {
      if (!error) begin_drain(signal);
    });
    await_hangup();
    service_listener_->start();
    admin_listener_->start();
    start_loops();
    service_.lifecycle().enter(Lifecycle::State::serving);
    log_.listening("service", service_listener_->bound_address());
    log_.listening("admin", admin_listener_->bound_address());
    log_access();
    warn_of_open_doors();
    log_.info("memory", {{"mtu_blocks", config_.pool_mtu_blocks},
                         {"64k_blocks", config_.pool_64k_blocks},
                         {"workspace_bytes", config_.workspace_bytes},
                         {"total_bytes", memory_bytes(config_)}});
    notify_service_manager("READY=1");
    control_.run();
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    log_.info("stopped", {{"exit", exit_status_}});
    return exit_status_;
  }

 private:
  void start_loops() {
    const SignalsBlocked blocked;
    for (const auto& loop : loops_) {
      threads_.emplace_back([&loop = *loop] { loop.run(); });
    }
  }

  void log_access() {
    service_.guard(proto::Listener::service).log_state(log_, "service");
    service_.guard(proto::Listener::admin).log_state(log_, "admin");
  }

  void warn_of_open_doors() {
    const ListenerGuard& admin = service_.guard(proto::Listener::admin);
    const bool asks_nobody = !admin.has_tokens() && config_.admin_access.tls_client_ca.empty();
    if (asks_nobody && admin_listener_->is_beyond_loopback()) {
      log_.warning(
          "admin_open_to_everybody",
          {{"address", admin_listener_->bound_address()},
           {"settings", "--admin-listen, --admin-auth-token-file, --admin-tls-client-ca"}});
    }
    for (const auto& [kind, listener] :
         {std::pair(proto::Listener::service, service_listener_.get()),
          std::pair(proto::Listener::admin, admin_listener_.get())}) {
      const ListenerGuard& guard = service_.guard(kind);
      if (!guard.has_tokens() || guard.has_tls() || !listener->is_beyond_loopback()) continue;
      log_.warning("tokens_in_clear_text", {{"address", listener->bound_address()},
                                            {"settings", "--tls-cert, --admin-tls-cert"}});
    }
  }

  void await_hangup() {
    hangup_.async_wait([this](const ErrorCode& error, int) {
      if (error) return;
      reload();
      await_hangup();
    });
  }

  void reload() {
    if (const auto loaded = service_.reload_secrets(); !loaded) {
      log_.error("reload_failed", {{"reason", loaded.error()}, {"in_force", "what was before"}});
      return;
    }
    log_.info("reloaded");
    log_access();
  }

  void begin_drain(int signal) {
    log_.info("draining", {{"signal", signal}, {"connections", service_.connections()}});
    notify_service_manager("STOPPING=1");
    service_.lifecycle().enter(Lifecycle::State::announcing);
    timer_.expires_after(config_.drain_delay);
    timer_.async_wait([this](const ErrorCode& error) {
      if (!error) close_listeners();
    });
    // A second signal is from somebody who does not want to wait.
    signals_.async_wait([this](const ErrorCode& error, int) {
      if (!error) stop(true);
    });
  }

  void close_listeners() {
    service_.lifecycle().enter(Lifecycle::State::closing);
    deadline_ = Clock::now() + config_.drain_timeout;
    for (const auto& loop : loops_) {
      asio::post(loop->context(), [this, &loop = *loop] {
        service_listener_->close_on(loop);
        loop.close_idle_connections();
        closed_loops_.fetch_add(1);
      });
    }
    poll_drain();
  }

  void poll_drain() {
    if (closed_loops_ == loops_.size() && service_.connections() == 0) return stop(false);
    if (Clock::now() >= deadline_) return stop(true);
    timer_.expires_after(kDrainPoll);
    timer_.async_wait([this](const ErrorCode& error) {
      if (!error) poll_drain();
    });
  }

  void stop(bool cut_off) {
    if (cut_off) {
      exit_status_ = 1;
      log_.warning("drain_cut_off", {{"connections", service_.connections()}});
    }
    control_.stop();
  }

  const Config& config_;
  Log& log_;
  Service& service_;
  IoLoop control_;  // admin listener, signals and drain: never behind a request of the service
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::unique_ptr<Listener> service_listener_;
  std::unique_ptr<Listener> admin_listener_;
  asio::signal_set signals_;
  asio::signal_set hangup_;
  asio::steady_timer timer_;
  std::vector<std::thread> threads_;
  TimePoint deadline_{};
  std::atomic<std::size_t> closed_loops_{0};
  int exit_status_ = 0;
};

}  // namespace

int serve(const Config& config) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  Log log({.level = config.log_level, .format = config.log_format});
  auto service = Service::create(config, log, config.threads + 1);
  if (!service) {
    log.error("cannot_start", {{"reason", service.error()}});
    return 1;
  }
  Process process(config, log, **service);
  if (auto listening = process.listen(); !listening) {
    log.error("cannot_start", {{"reason", listening.error()}});
    return 1;
  }
  return process.run();
}

}  // namespace frdpu::server
