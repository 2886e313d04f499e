#pragma once

#include <cstdint>

/// What the kernel says about this process: the usual `process_*` metrics.
namespace frdpu::server {

struct ProcessStats {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  ///< since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
};

/// Reads /proc/self. What cannot be read stays 0.
/// Threads: any. Cost: some system calls, one for about 50 open descriptors more.
[[nodiscard]] ProcessStats read_process_stats();

}  // namespace frdpu::server
