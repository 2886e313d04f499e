#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/coding.h"
#include "core/error.h"
#include "core/pool/fixed_pool.h"
#include "core/workspace_plan.h"

/// Memory for the state of codecs: one pool for each kind of workspace, within one budget.
namespace frdpu::core {

/// The pools of all kinds. Each grows lazily to its maximum, so that untouched memory costs
/// nothing; what it may grow to is fixed at the start.
///
/// A request takes from the smallest class of its coding that it fits and from no other: a burst of
/// small ones cannot starve large ones, nor the other way round.
///
/// Life: `create` at the start; may go while leases are out, which keep their memory alive.
/// Threads: any, once created.
class WorkspacePools {
 public:
  /// The kinds that `create` would make: `plan_workspaces`.
  [[nodiscard]] static Result<std::vector<WorkspaceKind>> plan(std::size_t budget_bytes,
                                                               std::uint32_t max_window_bytes);

  /// Sets the planned pools up. Errors: as `plan`, and of `FixedPool::create`.
  [[nodiscard]] static Result<WorkspacePools> create(std::size_t budget_bytes,
                                                     std::uint32_t max_window_bytes);

  /// Leases a workspace of at least `bytes`, 64-aligned. It may hold prepared state.
  /// The class that all codings share comes after the coding's own.
  /// Errors: pool_exhausted when the class is out, which may be tried again; configuration, with
  /// the largest class in `limit`, when no class is that large.
  /// Cost: no allocation.
  [[nodiscard]] Result<PooledBlock> acquire(Coding coding, Direction direction,
                                            std::size_t bytes) noexcept;

  /// Whether some workspace is that large, free or not. Cost: a look at a few kinds.
  [[nodiscard]] bool has_room_for(Coding coding, Direction direction,
                                  std::size_t bytes) const noexcept;

  /// The kinds, as planned. Ownership: dies with the pools.
  [[nodiscard]] std::span<const WorkspaceKind> kinds() const noexcept { return kinds_; }

  /// The numbers of one kind's pool, by its place in `kinds()`.
  [[nodiscard]] PoolStats stats(std::size_t kind) const noexcept { return pools_[kind].stats(); }

  /// Memory when everything is out; within the budget.
  [[nodiscard]] std::size_t footprint_bytes() const noexcept;

  /// The largest window that there are workspaces for.
  [[nodiscard]] std::uint32_t max_window_bytes() const noexcept { return max_window_bytes_; }

  /// Gives the memory of idle workspaces back to the system. Returns: bytes given back.
  /// Cost: long; a maintenance timer's work. What was prepared there is lost.
  std::size_t shrink() noexcept;

 private:
  WorkspacePools() = default;

  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  std::vector<WorkspaceKind> kinds_;
  std::vector<FixedPool> pools_;
  std::array<std::array<Range, 2>, kCodingCount> ranges_{};  // by coding and direction
  std::array<Range, 2> shared_{};                            // by direction
  std::uint32_t max_window_bytes_ = 0;
};

}  // namespace frdpu::core
