#include "server/operation_factory.h"

#include <algorithm>
#include <new>
#include <utility>

#include "server/batch_coder.h"
#include "server/dictionary_operations.h"
#include "server/dictionary_store.h"
#include "server/estimate.h"
#include "server/probe.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

using proto::Method;
using proto::Route;

// What the operations say themselves, once they are there; here only whether it is work for a
// worker matters.
constexpr std::chrono::nanoseconds kEstimateCostOfAByte{30};
constexpr std::chrono::milliseconds kDiskCost{1};

core::Result<core::PooledBlock> acquire_block(Service& service, std::size_t bytes) noexcept {
  return service.blocks(proto::Listener::service).acquire(bytes);
}

// Few requests have an operation, so that it lies in a block and not in every exchange.
template <class T, class... Args>
core::Result<core::Leased<Operation>> place(Service& service, Args&&... args) noexcept {
  static_assert(sizeof(T) <= core::kMtuBlockBytes);
  auto block = acquire_block(service, sizeof(T));
  if (!block) return std::unexpected(block.error());
  T* const made = new (block->data()) T(std::forward<Args>(args)...);
  return core::Leased<Operation>(made, std::move(*block));
}

}  // namespace

bool is_operation(Route route, Method method) noexcept {
  switch (route) {
    case Route::batch_compress:
    case Route::batch_decompress:
    case Route::probe:
    case Route::estimate:
    case Route::dictionary_train:
      return true;
    case Route::dictionary:
      return method == Method::put || method == Method::del;
    default:
      return false;
  }
}

std::chrono::nanoseconds operation_cost(const OperationPlan& plan, std::uint64_t bytes) noexcept {
  switch (plan.match->route) {
    case Route::batch_compress:
    case Route::batch_decompress:
      return BatchCoder::cost_of(bytes, !plan.encode);
    case Route::probe:
      return {};
    case Route::estimate:
      return kEstimateCostOfAByte * std::min<std::uint64_t>(bytes, Estimate::kSampleBytes);
    default:
      return kDiskCost;
  }
}

core::Result<core::Leased<Operation>> make_operation(const OperationPlan& plan,
                                                     Service& service) noexcept {
  core::FixedPool& blocks = service.blocks(proto::Listener::service).large();
  const core::DecodeLimits limits = decode_limits(service.config());
  const std::string_view name = plan.match->name.view();
  switch (plan.match->route) {
    case Route::batch_compress:
    case Route::batch_decompress:
      return place<BatchCoder>(service,
                               BatchCoder::Plan{.encode = plan.encode,
                                                .source = plan.source,
                                                .limits = limits,
                                                .dictionaries = plan.dictionaries},
                               service.workspaces(), blocks);
    case Route::probe:
      return place<Probe>(service, plan.source, limits, service.workspaces(), plan.dictionaries);
    case Route::estimate:
      return place<Estimate>(service, service.workspaces(), blocks);
    case Route::dictionary_train: {
      auto train =
          place<DictionaryTrain>(service, *service.dictionaries(), name, plan.trained_bytes);
      if (!train) return train;
      const auto& made = static_cast<const DictionaryTrain&>(**train);
      if (auto checked = made.check_body(plan.body_bytes.value_or(0)); !checked) {
        return std::unexpected(checked.error());
      }
      return train;
    }
    default:
      if (plan.match->method == Method::del) {
        return place<DictionaryRemove>(service, *service.dictionaries(), name);
      }
      if (plan.body_bytes) {
        if (auto room = service.dictionaries()->check_room(name, *plan.body_bytes); !room) {
          return std::unexpected(room.error());
        }
      }
      return place<DictionaryPut>(service, *service.dictionaries(), name);
  }
}

}  // namespace frdpu::server
