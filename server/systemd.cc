#include "server/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace frdpu::server {
namespace {

constexpr int kFirstInherited = 3;  // SD_LISTEN_FDS_START
constexpr std::string_view kNames[] = {"service", "admin"};

std::string_view variable(const char* name) noexcept {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::string_view{} : text;
}

long number(std::string_view text) noexcept {
  long value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> found;
  std::string_view rest = variable("LISTEN_FDNAMES");
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    found.push_back(rest.substr(0, colon));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return found;
}

}  // namespace

void notify_service_manager(std::string_view state) noexcept {
  const std::string_view path = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
  if (path.front() != '/' && path.front() != '@') return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';  // Linux's abstract names
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  (void)::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length);
  ::close(descriptor);
}

int inherited_socket(std::string_view name) {
  if (number(variable("LISTEN_PID")) != ::getpid()) return -1;
  const long count = number(variable("LISTEN_FDS"));
  const std::vector<std::string_view> given = names();
  const bool named = std::ranges::any_of(given, [](std::string_view each) {
    return std::ranges::find(kNames, each) != std::end(kNames);
  });
  const std::ptrdiff_t at = named ? std::ranges::find(given, name) - given.begin()
                                  : std::ranges::find(kNames, name) - std::begin(kNames);
  if (at >= count) return -1;
  const int descriptor = kFirstInherited + static_cast<int>(at);
  return ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? descriptor : -1;
}

}  // namespace frdpu::server
