#include "server/exposition.h"

#include <array>
#include <charconv>
#include <cmath>

#include "proto/accept.h"

namespace frdpu::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kUnits[] = {"seconds", "bytes", "ratio"};
constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string_view type_name(MetricType type) noexcept {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

class Writer {
 public:
  explicit Writer(Exposition format) : openmetrics_(format == Exposition::openmetrics) {}

  void add(const MetricFamily& family) {
    add_about(family);
    for (const ClientMetric& metric : family.metric) {
      switch (family.type) {
        case MetricType::Counter:
          add_sample(family.name, "", metric, metric.counter.value);
          break;
        case MetricType::Histogram:
          add_histogram(family.name, metric);
          break;
        default:
          add_sample(family.name, "", metric, metric.gauge.value);
      }
    }
  }

  [[nodiscard]] std::string finish() && {
    if (openmetrics_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  void add_about(const MetricFamily& family) {
    std::string_view name = family.name;
    if (openmetrics_ && family.type == MetricType::Counter) name.remove_suffix(kTotal.size());
    const auto line = [&](std::string_view what) -> std::string& {
      return out_.append("# ").append(what).append(" ").append(name).append(" ");
    };
    line("HELP");
    add_escaped(family.help, openmetrics_);
    out_ += '\n';
    line("TYPE").append(type_name(family.type)).append("\n");
    for (const std::string_view unit : kUnits) {
      if (openmetrics_ && name.ends_with(unit)) line("UNIT").append(unit).append("\n");
    }
  }

  void add_histogram(std::string_view name, const ClientMetric& metric) {
    for (const auto& bucket : metric.histogram.bucket) {
      add_sample(name, "_bucket", metric, static_cast<double>(bucket.cumulative_count),
                 &bucket.upper_bound);
    }
    add_sample(name, "_sum", metric, metric.histogram.sample_sum);
    add_sample(name, "_count", metric, static_cast<double>(metric.histogram.sample_count));
  }

  void add_sample(std::string_view name, std::string_view suffix, const ClientMetric& metric,
                  double value, const double* bound = nullptr) {
    out_.append(name).append(suffix);
    char separator = '{';
    for (const ClientMetric::Label& label : metric.label) {
      open_label(separator, label.name);
      add_escaped(label.value, true);
      out_ += '"';
    }
    if (bound != nullptr) {
      open_label(separator, "le");
      add_number(*bound);
      if (openmetrics_ && *bound == std::trunc(*bound) && std::isfinite(*bound)) out_ += ".0";
      out_ += '"';
    }
    out_ += separator == '{' ? " " : "} ";
    add_number(value);
    out_ += '\n';
  }

  void open_label(char& separator, std::string_view name) {
    out_ += separator;
    out_.append(name).append("=\"");
    separator = ',';
  }

  void add_escaped(std::string_view text, bool quotes) {
    for (const char c : text) {
      if (c == '\n') {
        out_ += "\\n";
        continue;
      }
      if (c == '\\' || (c == '"' && quotes)) out_ += '\\';
      out_ += c;
    }
  }

  void add_number(double value) {
    if (!std::isfinite(value)) {
      out_ += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
      return;
    }
    std::array<char, 32> digits;
    char* const end = digits.data() + digits.size();
    // Whole numbers as such: the shortest form of 1700000000 would be 1.7e+09.
    constexpr double kExact = 9007199254740992.0;  // 2^53
    const bool whole = value == std::trunc(value) && std::fabs(value) < kExact;
    out_.append(digits.data(),
                whole ? std::to_chars(digits.data(), end, static_cast<std::int64_t>(value)).ptr
                      : std::to_chars(digits.data(), end, value, std::chars_format::general).ptr);
  }

  std::string out_;
  bool openmetrics_;
};

}  // namespace

std::string_view exposition_type(Exposition format) noexcept {
  return format == Exposition::text ? kTextType : kOpenMetricsType;
}

Exposition choose_exposition(std::string_view accept) noexcept {
  const auto openmetrics = proto::accept_quality(accept, kOpenMetricsType);
  return openmetrics > proto::accept_quality(accept, kTextType) ? Exposition::openmetrics
                                                                : Exposition::text;
}

std::string expose(const std::vector<MetricFamily>& families, Exposition format) {
  Writer writer(format);
  for (const MetricFamily& family : families) writer.add(family);
  return std::move(writer).finish();
}

}  // namespace frdpu::server
