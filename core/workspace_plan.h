#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/coding.h"
#include "core/error.h"

/// How a budget of memory is divided among kinds of codec workspaces. Fixed at the start, so that
/// the memory of a running process is a number that was known before.
namespace frdpu::core {

/// Workspaces of one coding, direction and size class: one pool.
struct WorkspaceKind {
  /// Absent for the largest class, which codings share: the few jobs that need a hundred MiB.
  std::optional<Coding> coding{};
  Direction direction = Direction::compress;
  std::size_t block_bytes = 0;
  std::size_t blocks = 0;   ///< the most that can be out
  std::string_view name{};  ///< of the pool: "zstd-compress-4m". Static storage

  /// Memory when every block is out, headers and the pool's own book included.
  [[nodiscard]] std::size_t footprint_bytes() const noexcept;
};

/// Divides a budget: one workspace of each kind first, four of those up to 1 MiB, then shares by
/// weight, and what rounding leaves. A budget that is too small for that does without middle
/// classes, largest first; their requests then take from the class above.
/// Returns: kinds by coding, direction and rising size, the shared one last. The same input gives
/// the same plan. Every level of every coding fits a kind with every window up to
/// `max_window_bytes`, and so does every frame that keeps to it.
/// Guarantee: the footprints' sum never exceeds the budget.
/// Threads: any. Cost: a start's work; throws std::bad_alloc as its vector does.
/// Errors: configuration with the smallest possible budget in `limit`.
[[nodiscard]] Result<std::vector<WorkspaceKind>> plan_workspaces(std::size_t budget_bytes,
                                                                 std::uint32_t max_window_bytes);

}  // namespace frdpu::core
