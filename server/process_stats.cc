#include "server/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>

namespace frdpu::server {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::uint64_t number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Seconds since 1970 when the machine came up: what start times count from.
double boot_time_seconds() {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen("/proc/stat", "re"));
  std::array<char, 512> line;
  while (file && std::fgets(line.data(), line.size(), file.get()) != nullptr) {
    const std::string_view text = line.data();
    if (text.starts_with("btime ")) return static_cast<double>(number(text.substr(6)));
  }
  return 0;
}

std::uint64_t count_descriptors() {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir("/proc/self/fd"));
  std::uint64_t count = 0;
  while (folder && ::readdir(folder.get()) != nullptr) ++count;
  return count > 3 ? count - 3 : 0;  // ".", ".." and the folder itself
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen("/proc/self/stat", "re"));
  std::array<char, 1024> buffer;
  std::string_view rest;
  if (file) rest = {buffer.data(), std::fread(buffer.data(), 1, buffer.size(), file.get())};
  // The second field is the program's name in parentheses and may hold anything; the third one
  // follows its last parenthesis. Source: proc(5).
  const std::size_t name_end = rest.rfind(')');
  rest = name_end == rest.npos ? std::string_view{} : rest.substr(name_end + 1);
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (int field = 3; !rest.empty(); ++field) {
    rest.remove_prefix(1);
    const std::string_view text = rest.substr(0, rest.find(' '));
    rest.remove_prefix(text.size());
    if (field == 20) stats.threads = number(text);
    if (field == 22) {
      // Once: the boot time moves when the clock is set, and that is no restart.
      static const double booted = boot_time_seconds();
      stats.start_time_seconds = booted + static_cast<double>(number(text)) / ticks;
    }
    if (field == 23) stats.virtual_bytes = number(text);
    if (field == 24) {
      stats.resident_bytes = number(text) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_descriptors = limit.rlim_cur;
  stats.open_descriptors = count_descriptors();
  return stats;
}

}  // namespace frdpu::server
