#pragma once

#include <cstdint>
#include <string>

/// How much memory this process may use.
namespace frdpu::server {

struct MachineMemory {
  std::uint64_t bytes = 0;  ///< 0: could not be found out
  const char* source = "";  ///< "the machine" or "the cgroup": whichever is smaller
};

/// Reads MemTotal and the limits of the process's cgroup and its parents, version 2 or 1.
/// `root` stands in front of /proc and /sys, for tests. Threads: any.
/// Source: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
[[nodiscard]] MachineMemory read_machine_memory(const std::string& root = "");

}  // namespace frdpu::server
