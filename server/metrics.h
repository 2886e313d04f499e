#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/coding.h"
#include "core/error.h"
#include "proto/method.h"
#include "proto/routes.h"

/// What the service counts. Every thread writes into a shard of its own; a scrape sums them.
///
/// All series live in one flat array of cells, so that a shard is an array of atomics, and the sum
/// of shards is an array of numbers with the same indices. No label value comes from a client:
/// routes, methods, statuses, codings and codes are closed lists.
namespace frdpu::server {

/// Upper bounds of the duration histogram in seconds; one more bucket takes the rest.
inline constexpr std::array kDurationBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                               0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                               1.0,    2.5,     5.0,    10.0};

/// The statuses that are told apart. Source: API.md, "Errors"; any other one counts as 0.
inline constexpr std::array<std::uint16_t, 22> kStatuses = {200, 201, 204, 400, 401, 403, 404, 405,
                                                            406, 408, 413, 414, 415, 417, 422, 431,
                                                            500, 501, 502, 503, 505, 0};

/// What `frdpu_limit_hits_total` has a series for: the codes of 408, 413, 414, 431 and 503, and
/// unsupported_coding where there were too many of them.
inline constexpr std::array kLimitCodes = {core::Errc::request_timeout,
                                           core::Errc::body_too_large,
                                           core::Errc::output_limit_exceeded,
                                           core::Errc::ratio_limit_exceeded,
                                           core::Errc::window_too_large,
                                           core::Errc::frame_limit_exceeded,
                                           core::Errc::unsupported_coding,
                                           core::Errc::uri_too_long,
                                           core::Errc::headers_too_large,
                                           core::Errc::pool_exhausted,
                                           core::Errc::overloaded,
                                           core::Errc::draining,
                                           core::Errc::cpu_limit_exceeded};

/// The label of answers that nobody took within --write-timeout; they have no status any more.
inline constexpr std::string_view kWriteTimeoutLabel = "write_timeout";

/// The label of connections that were closed at --max-requests-per-connection: nothing is refused.
inline constexpr std::string_view kRequestsLabel = "requests_per_connection";

enum class ConnectionState : std::uint8_t { active, idle };
enum class CodecCount : std::uint8_t { input_bytes, output_bytes, cpu_nanoseconds };

/// Where each series stands in the flat array.
namespace metric_cell {
inline constexpr std::size_t kRoutes = proto::kRouteCount;
inline constexpr std::size_t kMethods = static_cast<std::size_t>(proto::Method::other) + 1;
inline constexpr std::size_t kBuckets = kDurationBounds.size() + 1;

inline constexpr std::size_t kRequests = 0;
inline constexpr std::size_t kDurationBuckets = kRequests + kRoutes * kMethods * kStatuses.size();
inline constexpr std::size_t kDurationSums = kDurationBuckets + kRoutes * kBuckets;
inline constexpr std::size_t kInFlight = kDurationSums + kRoutes;
inline constexpr std::size_t kCodec = kInFlight + kRoutes;
inline constexpr std::size_t kLimits = kCodec + core::kCodingCount * 2 * 3;
inline constexpr std::size_t kWriteTimeouts = kLimits + kLimitCodes.size();
inline constexpr std::size_t kRequestLimits = kWriteTimeouts + 1;
inline constexpr std::size_t kConnections = kRequestLimits + 1;
inline constexpr std::size_t kCount = kConnections + 2;

[[nodiscard]] constexpr std::size_t index(auto enumerator) noexcept {
  return static_cast<std::size_t>(enumerator);
}
[[nodiscard]] constexpr std::size_t requests(proto::Route route, proto::Method method,
                                             std::size_t status) noexcept {
  return kRequests + (index(route) * kMethods + index(method)) * kStatuses.size() + status;
}
[[nodiscard]] constexpr std::size_t duration_bucket(proto::Route route,
                                                    std::size_t bucket) noexcept {
  return kDurationBuckets + index(route) * kBuckets + bucket;
}
[[nodiscard]] constexpr std::size_t duration_sum(proto::Route route) noexcept {  // nanoseconds
  return kDurationSums + index(route);
}
[[nodiscard]] constexpr std::size_t in_flight(proto::Route route) noexcept {
  return kInFlight + index(route);
}
[[nodiscard]] constexpr std::size_t codec(core::Coding coding, core::Direction direction,
                                          CodecCount count) noexcept {
  return kCodec + (index(coding) * 2 + index(direction)) * 3 + index(count);
}
[[nodiscard]] constexpr std::size_t connections(ConnectionState state) noexcept {
  return kConnections + index(state);
}
}  // namespace metric_cell

/// The counters of one thread.
/// Threads: only the owner may call what counts; anyone may read at any time. Ownership: Metrics.
/// Cost: a plain add each (no locked instruction, no shared line), no allocation.
class MetricsShard {
 public:
  /// A request's head was read and its route is known. Every start is followed by exactly one
  /// `request_finished` or `request_abandoned` of the same route.
  void request_started(proto::Route route) noexcept { add(metric_cell::in_flight(route), 1); }

  /// The answer went out, whole or broken off; `status` is what its head said.
  void request_finished(proto::Route route, proto::Method method, unsigned status,
                        std::chrono::nanoseconds duration) noexcept;

  /// The connection went away before any status was sent.
  void request_abandoned(proto::Route route) noexcept { subtract(metric_cell::in_flight(route)); }

  /// A codec took and wrote this much in this CPU time.
  void codec_worked(core::Coding coding, core::Direction direction, std::uint64_t input_bytes,
                    std::uint64_t output_bytes, std::chrono::nanoseconds cpu_time) noexcept;

  /// A limit refused a request. Codes that are no limits are passed over.
  void limit_hit(core::Errc code) noexcept;

  /// An answer was broken off because its client took nothing for --write-timeout.
  void write_timed_out() noexcept { add(metric_cell::kWriteTimeouts, 1); }

  /// A connection had as many requests as --max-requests-per-connection allows.
  void request_limit_reached() noexcept { add(metric_cell::kRequestLimits, 1); }

  /// A connection came into a state, or left it.
  void connection_entered(ConnectionState state) noexcept {
    add(metric_cell::connections(state), 1);
  }
  void connection_left(ConnectionState state) noexcept {
    subtract(metric_cell::connections(state));
  }

  /// Returns one cell. Gauges of one shard may be "negative" (wrapped): only sums mean something.
  [[nodiscard]] std::uint64_t cell(std::size_t index) const noexcept {
    return cells_[index].load(std::memory_order_relaxed);
  }

 private:
  // One writer: a load and a store are enough, and leave the line in the owner's cache.
  void add(std::size_t index, std::uint64_t amount) noexcept {
    cells_[index].store(cells_[index].load(std::memory_order_relaxed) + amount,
                        std::memory_order_relaxed);
  }
  void subtract(std::size_t index) noexcept { add(index, ~std::uint64_t{0}); }

  alignas(64) std::array<std::atomic<std::uint64_t>, metric_cell::kCount> cells_{};
};

/// All shards. Life: made before the threads, outlives them.
class Metrics {
 public:
  /// Makes one shard for each thread that will count.
  explicit Metrics(std::size_t shards);

  /// Returns the shard of a thread. Requires: index < shard_count().
  [[nodiscard]] MetricsShard& shard(std::size_t index) noexcept { return shards_[index]; }
  [[nodiscard]] std::size_t shard_count() const noexcept { return count_; }

  /// Sums all shards. Threads: any. Cost: shards x cells loads, one allocation.
  [[nodiscard]] std::vector<std::uint64_t> totals() const;

  /// Sums one cell.
  [[nodiscard]] std::uint64_t total(std::size_t cell) const noexcept;

 private:
  std::unique_ptr<MetricsShard[]> shards_;
  std::size_t count_;
};

}  // namespace frdpu::server
