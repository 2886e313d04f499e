#pragma once

#include <prometheus/metric_family.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool/object_pool.h"
#include "core/workspace_pool.h"
#include "proto/routes.h"
#include "server/answers.h"
#include "server/block_pools.h"
#include "server/config.h"
#include "server/dictionary_store.h"
#include "server/lifecycle.h"
#include "server/listener_guard.h"
#include "server/metrics.h"
#include "server/split_encoder.h"
#include "server/stream_budget.h"
#include "server/worker_pool.h"

namespace frdpu::server {

class IoLoop;
class Log;

/// What all loops share: settings, memory, workers, counters. Built before the first thread and
/// gone after the last one. Everything reachable from here is safe from any thread.
class Service {
 public:
  /// Takes the memory that `config` names. `shards`: threads that will count.
  /// Requires: the configuration is whole (`choose_memory`).
  /// Returns: the service, or one line for the operator.
  [[nodiscard]] static std::expected<std::unique_ptr<Service>, std::string> create(
      const Config& config, Log& log, std::size_t shards);

  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] Log& log() noexcept { return log_; }
  /// What a listener's requests and responses live in.
  [[nodiscard]] BlockPools& blocks(proto::Listener listener) noexcept {
    return listener == proto::Listener::service ? memory_.blocks : memory_.admin_blocks;
  }
  /// For requests with `split`.
  [[nodiscard]] core::ObjectPool<SplitEncoder>& split_encoders() noexcept {
    return memory_.split_encoders;
  }
  [[nodiscard]] core::WorkspacePools& workspaces() noexcept { return memory_.workspaces; }
  /// Returns: null where there is no `--dictionary-dir`.
  [[nodiscard]] DictionaryStore* dictionaries() noexcept { return memory_.dictionaries.get(); }
  [[nodiscard]] StreamBudget& stream_budget() noexcept { return stream_budget_; }

  /// The loops that serve. Threads: one, while none of them runs.
  void add_loop(IoLoop& loop) { loops_.push_back(&loop); }
  void remove_loop(IoLoop& loop) noexcept { std::erase(loops_, &loop); }
  /// Returns: where somebody waits for memory, in turn; null where nobody does. Threads: any.
  [[nodiscard]] IoLoop* next_waiting_loop() noexcept;
  [[nodiscard]] WorkerPool& workers() noexcept { return workers_; }
  /// How many requests wait for memory that their codec needs.
  [[nodiscard]] std::atomic<std::size_t>& waiting_codecs() noexcept { return waiting_codecs_; }
  /// Whether as much heavy work waits as may, for a worker or for memory.
  [[nodiscard]] bool is_queue_full() const noexcept {
    return workers_.queued() + waiting_codecs_.load(std::memory_order_relaxed) >=
           config_.max_queued_jobs;
  }
  [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }
  [[nodiscard]] Lifecycle& lifecycle() noexcept { return lifecycle_; }
  [[nodiscard]] const Answers& answers() const noexcept { return answers_; }
  /// Who may come in by a listener.
  [[nodiscard]] ListenerGuard& guard(proto::Listener listener) noexcept {
    return listener == proto::Listener::service ? guard_ : admin_guard_;
  }
  [[nodiscard]] const ListenerGuard& guard(proto::Listener listener) const noexcept {
    return listener == proto::Listener::service ? guard_ : admin_guard_;
  }

  /// Reads certificates, keys and tokens of both listeners again, and takes all of them over or
  /// none. Connections that are there stay. Returns: one line on what is wrong.
  [[nodiscard]] std::expected<void, std::string> reload_secrets();

  /// Counts a new connection. Returns false when `--max-connections` are there. The admin listener
  /// has room of its own, so that a full service can still be looked at.
  [[nodiscard]] bool admit_connection(proto::Listener listener) noexcept;
  void connection_ended(proto::Listener listener) noexcept;

  /// Connections of the service listener.
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }

  /// Tells a client that there is no room for its connection; best effort, without waiting. One
  /// that would speak TLS first hears nothing.
  void refuse_connection(proto::Listener listener, int descriptor) noexcept;

  /// Tells a client that spoke HTTP to a TLS port what it should have spoken; best effort.
  void refuse_plain_text(int descriptor) noexcept;

  /// A whole answer, 503 pool_exhausted, for when there is no block to write one in.
  [[nodiscard]] std::string_view memory_refusal() const noexcept { return memory_refusal_; }

  /// Notes that accepting pauses because no descriptor was left.
  void note_descriptors_exhausted() noexcept;

  /// Whether the service takes work: serving, and no pool had nothing for new work for longer than
  /// `--ready-grace`. Returns: null when ready, else why not. Cost: reads every pool's counters.
  [[nodiscard]] const char* not_ready_because(std::chrono::steady_clock::time_point now) noexcept;

  /// Every pool's counters, block pools first. Allocates.
  [[nodiscard]] std::vector<core::PoolStats> pool_stats() const;

  /// All that /metrics shows, now. Allocates.
  [[nodiscard]] std::vector<prometheus::MetricFamily> metric_families() const;

 private:
  struct Memory {
    BlockPools blocks;
    BlockPools admin_blocks;
    core::WorkspacePools workspaces;
    core::ObjectPool<SplitEncoder> split_encoders;
    std::unique_ptr<DictionaryStore> dictionaries;  // null: there is no folder for them
  };

  struct Secrets {
    ListenerGuard::Secrets service;
    ListenerGuard::Secrets admin;
  };

  Service(const Config& config, Log& log, std::size_t shards, Memory memory, Secrets secrets);
  [[nodiscard]] static std::expected<Secrets, std::string> load_secrets(const Config& config);

  const Config config_;
  Log& log_;
  Memory memory_;
  StreamBudget stream_budget_;
  std::vector<IoLoop*> loops_;
  std::atomic<std::size_t> waiting_turn_{0};
  Metrics metrics_;
  Lifecycle lifecycle_;
  ListenerGuard guard_;
  ListenerGuard admin_guard_;
  std::atomic<std::size_t> waiting_codecs_{0};
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> admin_connections_{0};
  // Steady clock; 0 while every pool has something left.
  std::atomic<std::chrono::steady_clock::rep> exhausted_since_{0};
  Answers answers_;
  const std::string connection_refusal_;
  const std::string memory_refusal_;
  const std::string plain_text_refusal_;
  WorkerPool workers_;  // last: its threads stop before anything they use goes away
};

}  // namespace frdpu::server
