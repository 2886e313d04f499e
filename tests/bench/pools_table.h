#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

/// The report of pools_bench: medians as a Markdown table, then how the goals fared.
namespace frdpu::bench {

/// Gathers ns for each pair by case, size, threads and allocator. Threads: one.
class PoolsTable : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        std::printf("%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
        failed_ = true;
      } else if (run.run_type == Run::RT_Iteration) {
        // "<case>/<bytes>/<who>", all in the function's name; threads stand beside it.
        const std::string& name = run.run_name.function_name;
        const std::size_t cut = name.rfind('/');
        const double pairs = run.counters.at("pairs").value;
        auto& columns = ns_[name.substr(0, cut) + "/" + std::to_string(run.threads)];
        columns[name.substr(cut + 1)].push_back(run.cpu_accumulated_time * 1e9 / pairs);
        // Google Benchmark gives the wall time as the mean of the threads.
        columns["cores"].push_back(run.cpu_accumulated_time / run.real_accumulated_time);
      }
    }
  }

  void Finalize() override {
    std::printf("| case/bytes/threads |");
    for (const char* who : kWho) std::printf(" %s |", who);
    std::printf(" cores |\n| --- |%s\n", " ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const auto& [row, columns] : ns_) {
      std::printf("| %s |", row.c_str());
      for (const char* who : kWho) {
        columns.contains(who) ? std::printf(" %.1f |", ns(row, who)) : std::printf(" |");
      }
      std::printf(" %.1f |\n", ns(row, "cores"));
    }
  }

  /// Says which goals hold; a row that did not run says nothing.
  void print_goals() const {
    goal("1,500 B, 1 thread: at most half of jemalloc", ns("pair/1500/1", "us"),
         ns("pair/1500/1", "jemalloc") / 2);
    goal("1,500 B, 1 thread: at most a quarter of glibc", ns("pair/1500/1", "us"),
         ns("pair/1500/1", "glibc") / 4);
    goal("1,500 B: 2 threads no slower than 1", ns("pair/1500/2", "us"), ns("pair/1500/1", "us"));
    goal("64 KiB the same as 1,500 B", ns("pair/65536/1", "us"), ns("pair/1500/1", "us"));
  }

  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  static constexpr std::array kWho = {"glibc", "mimalloc", "jemalloc", "boost stack", "us"};

  /// Returns the median, 0 without a run.
  [[nodiscard]] double ns(const std::string& row, const std::string& who) const {
    const auto columns = ns_.find(row);
    if (columns == ns_.end() || !columns->second.contains(who)) return 0;
    std::vector<double> runs = columns->second.at(who);
    const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
    std::ranges::nth_element(runs, middle);
    return *middle;
  }

  // What is asked to be equal may differ by as much as one run from the next.
  static void goal(const char* what, double is, double limit) {
    if (is == 0 || limit == 0) return;
    std::printf("%-50s %5.2f ns, goal %5.2f: %s\n", what, is, limit,
                is <= limit          ? "met"
                : is <= limit * 1.03 ? "met within 3 %"
                                     : "missed");
  }

  std::map<std::string, std::map<std::string, std::vector<double>>> ns_;
  bool failed_ = false;
};

}  // namespace frdpu::bench
