#include "server/service.h"

#include <sys/socket.h>

#include <array>
#include <string_view>

#include "proto/problem.h"
#include "server/io_loop.h"
#include "server/log.h"
#include "server/memory_plan.h"
#include "server/metric_families.h"

namespace frdpu::server {
namespace {

using core::Errc;

// Requests with `split` at once. More would share the same few workers.
constexpr std::size_t kSplitEncoders = 32;

// A whole answer that needs no block, for when there is none and for who is not let in.
std::string ready_answer(const std::string& status, const proto::RequestError& error) {
  std::array<std::byte, proto::kMaxProblemBytes> body;
  const std::size_t bytes = proto::write_problem(body, error);
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/problem+json\r\nContent-Length: " + std::to_string(bytes) +
         "\r\nConnection: close\r\n\r\n" +
         std::string(core::as_text(core::Bytes(body).first(bytes)));
}

std::string ready_refusal(Errc code, const char* detail, std::size_t limit, std::string_view flag) {
  return ready_answer("503 Service Unavailable\r\nRetry-After: 1",
                      {.error = {.code = code,
                                 .detail = detail,
                                 .limit = limit,
                                 .observed = std::uint64_t{limit} + 1},
                       .flag = flag});
}

void send_at_once(int descriptor, std::string_view text) noexcept {
  (void)::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

std::expected<std::unique_ptr<Service>, std::string> Service::create(const Config& config, Log& log,
                                                                     std::size_t shards) {
  auto secrets = load_secrets(config);
  if (!secrets) return std::unexpected(secrets.error());
  auto blocks = BlockPools::create(mtu_pool_options(config), pool_64k_options(config));
  auto admin_blocks = BlockPools::create(admin_mtu_pool_options(), admin_64k_pool_options());
  if (!blocks || !admin_blocks) {
    return std::unexpected("cannot reserve the memory of the block pools");
  }
  auto workspaces = core::WorkspacePools::create(
      config.workspace_bytes, static_cast<std::uint32_t>(config.max_window_bytes));
  if (!workspaces) {
    std::string line = "cannot divide --workspace-bytes among the codecs";
    if (workspaces.error().limit) {
      line += ": with this --max-window-bytes it takes at least " +
              std::to_string(*workspaces.error().limit);
    }
    return std::unexpected(line);
  }
  auto split_encoders =
      core::ObjectPool<SplitEncoder>::create({.name = "split", .max_objects = kSplitEncoders});
  if (!split_encoders) return std::unexpected("cannot reserve the memory of split encoders");
  split_encoders->prepare(kSplitEncoders);
  std::unique_ptr<DictionaryStore> dictionaries;
  if (!config.dictionary_dir.empty()) {
    auto opened = DictionaryStore::open(config.dictionary_dir, config.dictionary_bytes);
    if (!opened) return std::unexpected(opened.error());
    dictionaries = std::move(*opened);
  }
  return std::unique_ptr<Service>(
      new Service(config, log, shards,
                  {std::move(*blocks), std::move(*admin_blocks), std::move(*workspaces),
                   std::move(*split_encoders), std::move(dictionaries)},
                  std::move(*secrets)));
}

std::expected<Service::Secrets, std::string> Service::load_secrets(const Config& config) {
  auto service = ListenerGuard::load(config.access, "--");
  if (!service) return std::unexpected(service.error());
  auto admin = ListenerGuard::load(config.admin_access, "--admin-");
  if (!admin) return std::unexpected(admin.error());
  return Secrets{.service = std::move(*service), .admin = std::move(*admin)};
}

std::expected<void, std::string> Service::reload_secrets() {
  auto secrets = load_secrets(config_);
  if (!secrets) return std::unexpected(secrets.error());
  guard_.replace(std::move(secrets->service));
  admin_guard_.replace(std::move(secrets->admin));
  return {};
}

Service::Service(const Config& config, Log& log, std::size_t shards, Memory memory, Secrets secrets)
    : config_(config),
      log_(log),
      memory_(std::move(memory)),
      stream_budget_(config.pool_64k_blocks),
      metrics_(shards),
      guard_(std::move(secrets.service)),
      admin_guard_(std::move(secrets.admin)),
      answers_(*this),
      connection_refusal_(ready_refusal(Errc::overloaded, "There are as many connections as may be",
                                        config.max_connections, "--max-connections")),
      memory_refusal_(ready_refusal(Errc::pool_exhausted, "Every block is in use",
                                    config.pool_64k_blocks, "--pool-64k-blocks")),
      plain_text_refusal_(
          ready_answer("400 Bad Request", {.error = {.code = Errc::malformed_request,
                                                     .detail = "This port speaks HTTP over TLS"}})),
      workers_(config.compute_threads, config.max_queued_jobs) {}

bool Service::admit_connection(proto::Listener listener) noexcept {
  const bool service = listener == proto::Listener::service;
  std::atomic<std::size_t>& count = service ? connections_ : admin_connections_;
  const std::size_t limit = service ? config_.max_connections : kAdminConnections;
  if (count.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Service::connection_ended(proto::Listener listener) noexcept {
  (listener == proto::Listener::service ? connections_ : admin_connections_)
      .fetch_sub(1, std::memory_order_relaxed);
}

void Service::refuse_connection(proto::Listener listener, int descriptor) noexcept {
  if (!guard(listener).has_tls()) send_at_once(descriptor, connection_refusal_);
  ::shutdown(descriptor, SHUT_WR);
}

void Service::refuse_plain_text(int descriptor) noexcept {
  send_at_once(descriptor, plain_text_refusal_);
}

void Service::note_descriptors_exhausted() noexcept {
  log_.warning("out_of_descriptors", {{"accepting", "paused"}});
}

IoLoop* Service::next_waiting_loop() noexcept {
  const std::size_t last = waiting_turn_.load(std::memory_order_relaxed);
  for (std::size_t i = 1; i <= loops_.size(); ++i) {
    const std::size_t turn = (last + i) % loops_.size();
    if (!loops_[turn]->has_waiters()) continue;
    waiting_turn_.store(turn, std::memory_order_relaxed);
    return loops_[turn];
  }
  return nullptr;
}

const char* Service::not_ready_because(std::chrono::steady_clock::time_point now) noexcept {
  switch (lifecycle_.state()) {
    case Lifecycle::State::starting:
      return "starting";
    case Lifecycle::State::serving:
      break;
    default:
      return "draining";
  }
  // An empty `mtu` pool is helped out, so it says nothing.
  bool exhausted = !memory_.blocks.has_room_for_bodies();
  for (std::size_t kind = 0; kind < memory_.workspaces.kinds().size() && !exhausted; ++kind) {
    exhausted = memory_.workspaces.stats(kind).available == 0;
  }
  if (!exhausted) {
    exhausted_since_ = 0;
    return nullptr;
  }
  std::chrono::steady_clock::rep since = 0;
  const auto current = now.time_since_epoch().count();
  if (exhausted_since_.compare_exchange_strong(since, current)) since = current;
  const std::chrono::steady_clock::duration lasted(current - since);
  return lasted > config_.ready_grace ? "a pool has nothing left for new work" : nullptr;
}

std::vector<core::PoolStats> Service::pool_stats() const {
  std::vector<core::PoolStats> stats{memory_.blocks.mtu().stats(), memory_.blocks.large().stats()};
  for (std::size_t kind = 0; kind < memory_.workspaces.kinds().size(); ++kind) {
    stats.push_back(memory_.workspaces.stats(kind));
  }
  stats.push_back(memory_.split_encoders.stats());
  return stats;
}

std::vector<prometheus::MetricFamily> Service::metric_families() const {
  return MetricsCollectable(metrics_, [this] { return pool_stats(); }).Collect();
}

}  // namespace frdpu::server
