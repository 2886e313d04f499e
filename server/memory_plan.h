#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "core/pool/fixed_pool.h"
#include "server/config.h"
#include "server/machine_memory.h"

/// Memory of a configuration as a number: chosen from what there is, added up, held against it.
namespace frdpu::server {

/// Connections of the admin listener: scrapers, probes and people.
inline constexpr std::size_t kAdminConnections = 256;

/// How the two block pools are set up. Ownership: the names are literals.
[[nodiscard]] core::FixedPool::Options mtu_pool_options(const Config& config) noexcept;
[[nodiscard]] core::FixedPool::Options pool_64k_options(const Config& config) noexcept;

/// The small pair of the admin listener, the same whatever the configuration.
[[nodiscard]] core::FixedPool::Options admin_mtu_pool_options() noexcept;
[[nodiscard]] core::FixedPool::Options admin_64k_pool_options() noexcept;

/// Sets the pool sizes and the workspace budget that nobody gave (those that are 0).
///
/// Of the memory: 5 % for `mtu` blocks (at most 16,384), 20 % for `64k` blocks (at most 2 GiB),
/// 25 % for workspaces (at most 2 GiB, and at least what one of each kind takes). Where these do
/// not fit together, the block pools get what the workspaces leave. Memory is touched as it is
/// needed: these are the bounds, not what an idle process takes.
/// Errors: one line that says which settings to lower, when nothing fits.
/// What does not fit even so is for `check_memory` to refuse.
void choose_memory(Config& config, const MachineMemory& machine);

/// One row of --dry-run.
struct MemoryPart {
  std::string what;
  std::uint64_t bytes;
};

/// Everything that the process can take with this configuration, part by part.
/// Errors: one line when the workspaces' budget is too small for the codecs.
[[nodiscard]] std::expected<std::vector<MemoryPart>, std::string> memory_parts(
    const Config& config);

/// The sum of the parts; 0 for a configuration that `memory_parts` refuses.
[[nodiscard]] std::uint64_t memory_bytes(const Config& config);

/// Refuses a configuration that can take more than there is. A machine of unknown size holds all.
[[nodiscard]] std::expected<void, std::string> check_memory(const Config& config,
                                                            const MachineMemory& machine);

/// What --dry-run prints: the parts, the sum, the memory there is.
[[nodiscard]] std::expected<std::string, std::string> memory_report(const Config& config,
                                                                    const MachineMemory& machine);

}  // namespace frdpu::server
