#pragma once

#include <time.h>

#include <chrono>

namespace frdpu::server {

/// CPU time that the calling thread has used. Cost: a system call, 0.6 us.
[[nodiscard]] inline std::chrono::nanoseconds thread_cpu_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace frdpu::server
