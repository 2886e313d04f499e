#include "core/workspace_pool.h"

#include <algorithm>
#include <functional>
#include <new>
#include <numeric>
#include <utility>

namespace frdpu::core {

Result<std::vector<WorkspaceKind>> WorkspacePools::plan(std::size_t budget_bytes,
                                                        std::uint32_t max_window_bytes) {
  return plan_workspaces(budget_bytes, max_window_bytes);
}

Result<WorkspacePools> WorkspacePools::create(std::size_t budget_bytes,
                                              std::uint32_t max_window_bytes) {
  WorkspacePools made;
  made.max_window_bytes_ = max_window_bytes;
  try {
    auto planned = plan(budget_bytes, max_window_bytes);
    if (!planned) return std::unexpected(planned.error());
    made.kinds_ = std::move(*planned);
    made.pools_.reserve(made.kinds_.size());
  } catch (const std::bad_alloc&) {
    return fail(Errc::configuration, "no memory for the plan");
  }
  for (const WorkspaceKind& kind : made.kinds_) {
    auto pool = FixedPool::create(
        {.name = kind.name, .block_bytes = kind.block_bytes, .max_blocks = kind.blocks});
    if (!pool) return std::unexpected(pool.error());
    made.pools_.push_back(std::move(*pool));
    const auto direction = static_cast<std::size_t>(kind.direction);
    Range& range = kind.coding ? made.ranges_[static_cast<std::size_t>(*kind.coding)][direction]
                               : made.shared_[direction];
    if (range.end == 0) range.begin = made.pools_.size() - 1;
    range.end = made.pools_.size();
  }
  return made;
}

Result<PooledBlock> WorkspacePools::acquire(Coding coding, Direction direction,
                                            std::size_t bytes) noexcept {
  const auto of = static_cast<std::size_t>(direction);
  std::size_t largest_bytes = 0;
  for (const Range range : {ranges_[static_cast<std::size_t>(coding)][of], shared_[of]}) {
    for (std::size_t i = range.begin; i < range.end; ++i) {
      if (kinds_[i].block_bytes >= bytes) return pools_[i].acquire();
      largest_bytes = kinds_[i].block_bytes;
    }
  }
  return std::unexpected(Error{.code = Errc::configuration,
                               .detail = "no workspace is that large",
                               .limit = largest_bytes,
                               .observed = bytes});
}

bool WorkspacePools::has_room_for(Coding coding, Direction direction,
                                  std::size_t bytes) const noexcept {
  return std::ranges::any_of(kinds_, [&](const WorkspaceKind& kind) {
    return kind.coding.value_or(coding) == coding && kind.direction == direction &&
           kind.block_bytes >= bytes;
  });
}

std::size_t WorkspacePools::footprint_bytes() const noexcept {
  return std::transform_reduce(kinds_.begin(), kinds_.end(), std::size_t{0}, std::plus<>{},
                               [](const WorkspaceKind& kind) { return kind.footprint_bytes(); });
}

std::size_t WorkspacePools::shrink() noexcept {
  std::size_t bytes = 0;
  for (FixedPool& pool : pools_) bytes += pool.shrink();
  return bytes;
}

}  // namespace frdpu::core
