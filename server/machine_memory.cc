#include "server/machine_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string_view>

namespace frdpu::server {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// A number at the start of the text, kNoLimit when there is none ("max").
std::uint64_t leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = kNoLimit;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t read_limit(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) ? leading_number(line) : kNoLimit;
}

// The smallest limit of a group and all groups above it. In a container the path may be that of
// the host and lead nowhere; then the mount's own root is the group.
std::uint64_t smallest_limit(const std::string& mount, std::string group, const char* file) {
  std::uint64_t limit = kNoLimit;
  while (true) {
    limit = std::min(limit, read_limit(mount + group + "/" + file));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return limit;
    group.resize(slash);
  }
}

std::uint64_t cgroup_limit(const std::string& root) {
  std::uint64_t limit = kNoLimit;
  std::ifstream groups(root + "/proc/self/cgroup");
  // hierarchy:controllers:path; version 2 is hierarchy 0 without controllers.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::string controllers(",");
    controllers.append(line, first + 1, second - first - 1).append(",");
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers == ",,") {
      limit = std::min(limit, smallest_limit(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      limit = std::min(
          limit, smallest_limit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

std::uint64_t total_memory(const std::string& root) {
  constexpr std::string_view kName = "MemTotal:";
  std::ifstream info(root + "/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with(kName)) continue;
    const std::uint64_t kib = leading_number(std::string_view(line).substr(kName.size()));
    return kib == kNoLimit ? 0 : kib * 1024;
  }
  return 0;
}

}  // namespace

MachineMemory read_machine_memory(const std::string& root) {
  const std::uint64_t total = total_memory(root);
  const std::uint64_t limit = cgroup_limit(root);
  // Version 1 writes "no limit" as a number that no machine has.
  if (limit < total || (total == 0 && limit < kNoLimit / 4)) return {limit, "the cgroup"};
  return {total, "the machine"};
}

}  // namespace frdpu::server
