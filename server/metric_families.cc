#include "server/metric_families.h"

#include <limits>
#include <string>
#include <utility>

#include "server/process_stats.h"
#include "server/versions.h"

namespace frdpu::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Totals = std::vector<std::uint64_t>;

MetricFamily family(const char* name, const char* help, MetricType type) {
  return {.name = name, .help = help, .type = type, .metric = {}};
}

void add(MetricFamily& to, Labels labels, double value) {
  ClientMetric& metric = to.metric.emplace_back();
  metric.label = std::move(labels);
  if (to.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

MetricFamily single(const char* name, const char* help, MetricType type, double value) {
  MetricFamily result = family(name, help, type);
  add(result, {}, value);
  return result;
}

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

// A gauge is a sum of shards that may each have wrapped below zero.
double as_gauge(std::uint64_t value) {
  return static_cast<double>(static_cast<std::int64_t>(value));
}

std::string text(std::string_view view) {
  return std::string(view);
}

void collect_pools(std::vector<MetricFamily>& out, const std::vector<core::PoolStats>& pools) {
  struct Row {
    const char* name;
    const char* help;
    MetricType type;
    double (*value)(const core::PoolStats&);
  };
  using Stats = core::PoolStats;
  static constexpr Row kRows[] = {
      {"frdpu_pool_blocks", "Blocks that the pool can hand out.", MetricType::Gauge,
       [](const Stats& s) { return as_double(s.blocks); }},
      {"frdpu_pool_blocks_in_use", "Blocks that are out now.", MetricType::Gauge,
       [](const Stats& s) { return as_double(s.in_use); }},
      {"frdpu_pool_blocks_peak", "The most blocks that were ever out.", MetricType::Gauge,
       [](const Stats& s) { return as_double(s.peak); }},
      {"frdpu_pool_block_bytes", "Size of one block.", MetricType::Gauge,
       [](const Stats& s) { return as_double(s.block_bytes); }},
      {"frdpu_pool_utilization_ratio", "Part of the pool that is out, 0 to 1.", MetricType::Gauge,
       [](const Stats& s) { return s.utilization(); }},
      {"frdpu_pool_acquisitions_total", "Blocks that were handed out.", MetricType::Counter,
       [](const Stats& s) { return as_double(s.acquisitions); }},
      {"frdpu_pool_releases_total", "Blocks that came home.", MetricType::Counter,
       [](const Stats& s) { return as_double(s.releases); }},
      {"frdpu_pool_exhaustions_total", "Requests for a block that found the pool empty.",
       MetricType::Counter, [](const Stats& s) { return as_double(s.exhaustions); }},
      {"frdpu_pool_fallbacks_total", "Times another pool helped this one out.", MetricType::Counter,
       [](const Stats& s) { return as_double(s.fallbacks); }},
  };
  for (const Row& row : kRows) {
    MetricFamily& to = out.emplace_back(family(row.name, row.help, row.type));
    for (const Stats& pool : pools) add(to, {{"pool", text(pool.pool)}}, row.value(pool));
  }
}

ClientMetric histogram(const Totals& totals, proto::Route route) {
  ClientMetric metric;
  metric.label = {{"route", text(proto::route_template(route))}};
  std::uint64_t count = 0;
  for (std::size_t bucket = 0; bucket < metric_cell::kBuckets; ++bucket) {
    count += totals[metric_cell::duration_bucket(route, bucket)];
    const double bound = bucket < kDurationBounds.size() ? kDurationBounds[bucket]
                                                         : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = as_double(totals[metric_cell::duration_sum(route)]) / 1e9;
  return metric;
}

void collect_requests(std::vector<MetricFamily>& out, const Totals& totals) {
  MetricFamily requests =
      family("frdpu_http_requests_total",
             "Requests by the status of their answer; a series appears when it is first seen.",
             MetricType::Counter);
  MetricFamily durations =
      family("frdpu_http_request_duration_seconds",
             "Time from a request's head to the last byte of its answer.", MetricType::Histogram);
  MetricFamily in_flight =
      family("frdpu_http_requests_in_flight", "Requests under way.", MetricType::Gauge);
  for (std::size_t r = 0; r < metric_cell::kRoutes; ++r) {
    const auto route = static_cast<proto::Route>(r);
    const std::string route_label = text(proto::route_template(route));
    for (std::size_t m = 0; m < metric_cell::kMethods; ++m) {
      const auto method = static_cast<proto::Method>(m);
      for (std::size_t s = 0; s < kStatuses.size(); ++s) {
        const std::uint64_t count = totals[metric_cell::requests(route, method, s)];
        if (count == 0) continue;
        const std::string status = kStatuses[s] == 0 ? "other" : std::to_string(kStatuses[s]);
        add(requests,
            {{"route", route_label},
             {"method", text(proto::to_string(method))},
             {"status", status}},
            as_double(count));
      }
    }
    durations.metric.push_back(histogram(totals, route));
    add(in_flight, {{"route", route_label}}, as_gauge(totals[metric_cell::in_flight(route)]));
  }
  out.push_back(std::move(requests));
  out.push_back(std::move(durations));
  out.push_back(std::move(in_flight));
}

void collect_codecs(std::vector<MetricFamily>& out, const Totals& totals) {
  struct Row {
    const char* name;
    const char* help;
    CodecCount count;
    double unit;
  };
  static constexpr Row kRows[] = {
      {"frdpu_codec_input_bytes_total", "Bytes that codecs were given.", CodecCount::input_bytes,
       1},
      {"frdpu_codec_output_bytes_total", "Bytes that codecs wrote.", CodecCount::output_bytes, 1},
      {"frdpu_codec_cpu_seconds_total", "CPU time that codecs took.", CodecCount::cpu_nanoseconds,
       1e-9}};
  for (const Row& row : kRows) {
    MetricFamily& to = out.emplace_back(family(row.name, row.help, MetricType::Counter));
    for (const core::CodingTraits& coding : core::all_codings()) {
      for (const auto direction : {core::Direction::compress, core::Direction::decompress}) {
        const std::uint64_t total = totals[metric_cell::codec(coding.coding, direction, row.count)];
        add(to, {{"coding", text(coding.name)}, {"direction", text(core::to_string(direction))}},
            as_double(total) * row.unit);
      }
    }
  }
}

void collect_limits(std::vector<MetricFamily>& out, const Totals& totals) {
  MetricFamily& to = out.emplace_back(
      family("frdpu_limit_hits_total", "Requests that a limit refused or broke off, by its code.",
             MetricType::Counter));
  for (std::size_t i = 0; i < kLimitCodes.size(); ++i) {
    add(to, {{"code", text(core::to_string(kLimitCodes[i]))}},
        as_double(totals[metric_cell::kLimits + i]));
  }
  add(to, {{"code", text(kWriteTimeoutLabel)}}, as_double(totals[metric_cell::kWriteTimeouts]));
  add(to, {{"code", text(kRequestsLabel)}}, as_double(totals[metric_cell::kRequestLimits]));
}

void collect_process(std::vector<MetricFamily>& out, const Totals& totals) {
  MetricFamily& connections =
      out.emplace_back(family("frdpu_connections", "Open connections.", MetricType::Gauge));
  add(connections, {{"state", "active"}},
      as_gauge(totals[metric_cell::connections(ConnectionState::active)]));
  add(connections, {{"state", "idle"}},
      as_gauge(totals[metric_cell::connections(ConnectionState::idle)]));

  Labels build = {{"version", text(version())}, {"revision", text(revision())}};
  for (const LibraryVersion& library : library_versions()) {
    if (library.is_codec) build.push_back({text(library.name), library.version});
  }
  MetricFamily& info = out.emplace_back(
      family("frdpu_build_info", "1, with what this build is made of.", MetricType::Gauge));
  add(info, std::move(build), 1);

  const ProcessStats stats = read_process_stats();
  using enum MetricType;
  out.push_back(single("process_cpu_seconds_total", "CPU time of the process, user and system.",
                       Counter, stats.cpu_seconds));
  out.push_back(single("process_resident_memory_bytes", "Memory of the process that is in use.",
                       Gauge, as_double(stats.resident_bytes)));
  out.push_back(single("process_virtual_memory_bytes", "Address space of the process.", Gauge,
                       as_double(stats.virtual_bytes)));
  out.push_back(single("process_start_time_seconds", "When the process started, since 1970.", Gauge,
                       stats.start_time_seconds));
  out.push_back(single("process_open_fds", "Open file descriptors.", Gauge,
                       as_double(stats.open_descriptors)));
  out.push_back(single("process_max_fds", "The most file descriptors that can be open.", Gauge,
                       as_double(stats.max_descriptors)));
  out.push_back(
      single("process_threads", "Threads of the process.", Gauge, as_double(stats.threads)));
}

}  // namespace

std::vector<MetricFamily> MetricsCollectable::Collect() const {
  const Totals totals = metrics_.totals();
  std::vector<MetricFamily> families;
  collect_pools(families, pools_());
  collect_requests(families, totals);
  collect_codecs(families, totals);
  collect_limits(families, totals);
  collect_process(families, totals);
  return families;
}

}  // namespace frdpu::server
