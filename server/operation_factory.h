#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/codec.h"
#include "core/dictionary.h"
#include "core/leased.h"
#include "proto/routes.h"
#include "server/operation.h"

namespace frdpu::server {

class Service;

/// What a request's head says of its operation.
struct OperationPlan {
  const proto::RouteMatch* match = nullptr;     ///< route, method, a dictionary's name
  std::optional<core::EncoderParams> encode{};  ///< of a batch that is compressed
  std::optional<core::Coding> source{};         ///< of what is decompressed or probed, if named
  std::uint32_t trained_bytes = 0;              ///< what a trained dictionary may weigh
  std::optional<std::uint64_t> body_bytes{};    ///< as they get here, where that is known
  core::DictionarySource* dictionaries = nullptr;
};

/// Returns whether a request is an operation, and not one codec's work.
[[nodiscard]] bool is_operation(proto::Route route, proto::Method method) noexcept;

/// Estimate of what an operation costs beyond what its plan encodes with, before there is one.
/// Requires: a plan for an operation.
[[nodiscard]] std::chrono::nanoseconds operation_cost(const OperationPlan& plan,
                                                      std::uint64_t bytes) noexcept;

/// Makes the operation in a block of its own.
/// Requires: likewise; the plan's pointers outlive the operation.
/// Errors: pool_exhausted: try again; refusals that need no body. Cost: no allocation, but for
/// dictionaries that are stored.
[[nodiscard]] core::Result<core::Leased<Operation>> make_operation(const OperationPlan& plan,
                                                                   Service& service) noexcept;

}  // namespace frdpu::server
