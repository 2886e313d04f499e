#include "server/memory_plan.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "core/bytes.h"
#include "core/workspace_pool.h"
#include "server/connection.h"
#include "server/dictionary_store.h"
#include "server/dictionary_training.h"
#include "server/exchange.h"
#include "server/metrics.h"

namespace frdpu::server {
namespace {

using core::kGiB;
using core::kKiB;
using core::kMiB;

// The program, its libraries, the log's queue and the allocator's own: resident size of a service
// that has answered every kind of request once, pools not counted (server/README.md).
constexpr std::uint64_t kProcessBytes = 24 * kMiB;
// Stack that is touched, the allocator's arena and a loop's timers and buffers.
constexpr std::uint64_t kThreadBytes = 512 * kKiB;
// A connection without a request. Source: DESIGN, "Idle": 480 B measured.
constexpr std::uint64_t kConnectionBytes = 1 * kKiB;
// What it has beside that from the first byte of a head on, which lies in an `mtu` block. It stays
// for the next.
constexpr std::uint64_t kRequestBytes = 4 * kKiB;
static_assert(sizeof(Exchange) < kRequestBytes && sizeof(Connection) < kConnectionBytes / 2);
// What OpenSSL 3.0 takes for one beside that, at most: 15 KiB once it is established, 58 KiB before
// a ClientHello of 16 KiB is whole, 17 KiB while a record is partly there, each way. A client's
// certificates stay as long as the connection (server/README.md has the measurements).
constexpr std::uint64_t kTlsBytes = 64 * kKiB;
constexpr std::uint64_t kClientCertificateBytes = 64 * kKiB;

// Enough for every connection that the admin listener takes.
constexpr std::size_t kAdminMtuBlocks = 1024;
constexpr std::size_t kAdmin64kBlocks = 256;

constexpr std::size_t kMostMtuBlocks = 16'384;
constexpr std::size_t kFewestMtuBlocks = 256;
constexpr std::size_t kFewest64kBlocks = 64;
constexpr std::uint64_t kMostPoolBytes = 2 * kGiB;
// Memory that nobody knows is taken for that of a small machine.
constexpr std::uint64_t kUnknownMachineBytes = 2 * kGiB;

std::uint32_t window_cap(const Config& config) {
  return static_cast<std::uint32_t>(config.max_window_bytes);
}

// The smallest budget that holds one workspace of each kind.
std::uint64_t smallest_workspace_bytes(const Config& config) {
  const auto plan = core::WorkspacePools::plan(1, window_cap(config));
  return plan ? 1 : plan.error().limit.value_or(0);
}

std::uint64_t process_bytes(const Config& config) {
  const std::uint64_t threads = config.threads + config.compute_threads + 2;  // admin loop, log
  return kProcessBytes + threads * (kThreadBytes + sizeof(MetricsShard));
}

std::uint64_t tls_bytes(const AccessConfig& access) {
  if (access.tls_cert.empty()) return 0;
  return kTlsBytes + (access.tls_client_ca.empty() ? 0 : kClientCertificateBytes);
}

std::uint64_t dictionary_memory_bytes(std::uint64_t limit_bytes) {
  return DictionaryStore::kMemoryPerByte * limit_bytes +
         DictionaryStore::kMostDictionaries * DictionaryStore::kEntryMemoryBytes;
}

core::FixedPool::Options block_pool(std::string_view name, std::size_t block_bytes,
                                    std::size_t blocks, std::size_t slack_bytes) noexcept {
  return {.name = name,
          .block_bytes = block_bytes,
          .min_blocks = 0,
          .max_blocks = blocks,
          .slack_bytes = slack_bytes};
}

std::uint64_t footprint(core::FixedPool::Options options, std::size_t blocks) {
  options.max_blocks = blocks;
  return core::FixedPool::footprint_bytes(options);
}

// The most blocks whose footprint stays within the bytes, found by halving.
std::size_t blocks_within(const core::FixedPool::Options& options, std::uint64_t bytes) {
  std::size_t low = 0;
  std::size_t high = static_cast<std::size_t>(bytes / options.block_bytes) + 1;
  while (low + 1 < high) {
    const std::size_t middle = low + (high - low) / 2;
    (footprint(options, middle) <= bytes ? low : high) = middle;
  }
  return low;
}

std::string in_mib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / double{kMiB});
  return text;
}

std::string blocks_of(std::string_view kind, std::string_view name, std::size_t blocks,
                      std::size_t block_bytes) {
  std::string text(kind);
  text.append(" ").append(name).append(", ").append(std::to_string(blocks));
  return text.append(" x ").append(std::to_string(block_bytes)).append(" B");
}

std::string row(const std::string& what, const std::string& value) {
  constexpr std::size_t kWidth = 52;
  return what + std::string(what.size() < kWidth ? kWidth - what.size() : 1, ' ') + value + "\n";
}

std::string there_is(const MachineMemory& machine) {
  return std::string(machine.source) + " has " + in_mib(machine.bytes);
}

}  // namespace

core::FixedPool::Options mtu_pool_options(const Config& config) noexcept {
  return block_pool("mtu", core::kMtuBlockBytes, config.pool_mtu_blocks, 0);
}

core::FixedPool::Options pool_64k_options(const Config& config) noexcept {
  return block_pool("64k", core::k64kBlockBytes, config.pool_64k_blocks, core::k64kSlackBytes);
}

core::FixedPool::Options admin_mtu_pool_options() noexcept {
  return block_pool("admin-mtu", core::kMtuBlockBytes, kAdminMtuBlocks, 0);
}

core::FixedPool::Options admin_64k_pool_options() noexcept {
  return block_pool("admin-64k", core::k64kBlockBytes, kAdmin64kBlocks, core::k64kSlackBytes);
}

void choose_memory(Config& config, const MachineMemory& machine) {
  const std::uint64_t memory = machine.bytes != 0 ? machine.bytes : kUnknownMachineBytes;
  const auto mtu = mtu_pool_options(config);
  const auto large = pool_64k_options(config);
  Config chosen = config;
  if (config.workspace_bytes == 0) {
    chosen.workspace_bytes =
        std::max(std::min(memory / 4, kMostPoolBytes), smallest_workspace_bytes(config));
  }
  if (config.pool_64k_blocks == 0) {
    chosen.pool_64k_blocks =
        std::max(blocks_within(large, std::min(memory / 5, kMostPoolBytes)), kFewest64kBlocks);
  }
  if (config.pool_mtu_blocks == 0) {
    chosen.pool_mtu_blocks =
        std::clamp(blocks_within(mtu, memory / 20), kFewestMtuBlocks, kMostMtuBlocks);
  }
  // A sixteenth stays for what the kernel charges to the process: page tables, socket buffers.
  const std::uint64_t usable = memory - memory / 16;
  const auto needed = [&] { return memory_bytes(chosen); };
  if (needed() > usable && config.pool_64k_blocks == 0) {
    chosen.pool_64k_blocks = kFewest64kBlocks;
    if (config.pool_mtu_blocks == 0) chosen.pool_mtu_blocks = kFewestMtuBlocks;
    if (const std::uint64_t smallest = needed(); smallest < usable) {
      const std::uint64_t rest = usable - smallest;
      chosen.pool_64k_blocks += blocks_within(large, rest - rest / 4);
      if (config.pool_mtu_blocks == 0) {  // each lets a request in, which takes twice as much
        chosen.pool_mtu_blocks =
            std::min(chosen.pool_mtu_blocks + blocks_within(mtu, rest / 16), kMostMtuBlocks);
      }
    }
  }
  config = chosen;
}

std::expected<std::vector<MemoryPart>, std::string> memory_parts(const Config& config) {
  std::vector<MemoryPart> parts;
  const auto add_pool = [&](const core::FixedPool::Options& options) {
    parts.push_back({blocks_of("pool", options.name, options.max_blocks, options.block_bytes),
                     core::FixedPool::footprint_bytes(options)});
  };
  add_pool(mtu_pool_options(config));
  add_pool(pool_64k_options(config));
  add_pool(admin_mtu_pool_options());
  add_pool(admin_64k_pool_options());
  const auto kinds = core::WorkspacePools::plan(config.workspace_bytes, window_cap(config));
  if (!kinds) {
    return std::unexpected("--workspace-bytes " + std::to_string(config.workspace_bytes) +
                           " is too small for --max-window-bytes " +
                           std::to_string(config.max_window_bytes) + ": it takes " +
                           std::to_string(kinds.error().limit.value_or(0)));
  }
  for (const core::WorkspaceKind& kind : *kinds) {
    parts.push_back({blocks_of("workspaces", kind.name, kind.blocks, kind.block_bytes),
                     kind.footprint_bytes()});
  }
  parts.push_back({std::to_string(config.max_connections) + " connections without a request",
                   config.max_connections * kConnectionBytes});
  const std::size_t requests = std::min(config.max_connections, config.pool_mtu_blocks);
  parts.push_back({std::to_string(requests) + " requests at a time", requests * kRequestBytes});
  if (const std::uint64_t each = tls_bytes(config.access)) {
    parts.push_back({"TLS of them", config.max_connections * each});
  }
  if (const std::uint64_t each = tls_bytes(config.admin_access)) {
    parts.push_back({"TLS of " + std::to_string(kAdminConnections) + " admin connections",
                     kAdminConnections * each});
  }
  if (!config.dictionary_dir.empty()) {
    parts.push_back({"stored dictionaries, of " + std::to_string(config.dictionary_bytes) + " B",
                     dictionary_memory_bytes(config.dictionary_bytes)});
    parts.push_back({"one training of a dictionary", TrainingSamples::kMemoryBytes});
  }
  parts.push_back({"process, " + std::to_string(config.threads) + " loops, " +
                       std::to_string(config.compute_threads) + " workers",
                   process_bytes(config)});
  return parts;
}

std::uint64_t memory_bytes(const Config& config) {
  std::uint64_t sum = 0;
  const auto parts = memory_parts(config);
  if (!parts) return 0;
  for (const MemoryPart& part : *parts) {
    if (__builtin_add_overflow(sum, part.bytes, &sum)) return UINT64_MAX;
  }
  return sum;
}

std::expected<void, std::string> check_memory(const Config& config, const MachineMemory& machine) {
  const auto parts = memory_parts(config);
  if (!parts) return std::unexpected(parts.error());
  const std::uint64_t needed = memory_bytes(config);
  if (machine.bytes == 0 || needed <= machine.bytes) return {};
  return std::unexpected("the configuration can take " + in_mib(needed) + " and " +
                         there_is(machine) +
                         ": lower --pool-mtu-blocks, --pool-64k-blocks, --workspace-bytes, "
                         "--max-window-bytes, --max-connections or --dictionary-bytes");
}

std::expected<std::string, std::string> memory_report(const Config& config,
                                                      const MachineMemory& machine) {
  const auto parts = memory_parts(config);
  if (!parts) return std::unexpected(parts.error());
  std::string report;
  for (const MemoryPart& part : *parts) report += row(part.what, in_mib(part.bytes));
  report += row("total", in_mib(memory_bytes(config)));
  if (machine.bytes != 0) report += row(machine.source, in_mib(machine.bytes));
  return report;
}

}  // namespace frdpu::server
