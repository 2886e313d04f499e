#include "server/cli_healthcheck.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "core/file/file_descriptor.h"
#include "server/cli_settings.h"

namespace frdpu::server {
namespace {

using Clock = std::chrono::steady_clock;

struct HealthcheckOptions {
  FlagTexts settings;
  bool live = false;
  std::string timeout = "3s";
};

template <class T>
using Asked = std::expected<T, std::string>;

std::string because(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

// Waits for an event. Returns: false when the deadline came first.
bool wait_for(int descriptor, short events, Clock::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wanted{.fd = descriptor, .events = events, .revents = 0};
    const int count = ::poll(&wanted, 1, static_cast<int>(left));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
}

Asked<core::FileDescriptor> connect_to(int family, const sockaddr* address, socklen_t length,
                                       Clock::time_point deadline) {
  core::FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return std::unexpected(because("no socket"));
  if (::connect(socket.number(), address, length) == 0) return socket;
  if (errno != EINPROGRESS) return std::unexpected(because("cannot connect"));
  if (!wait_for(socket.number(), POLLOUT, deadline)) return std::unexpected("connecting timed out");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  if (error != 0) return std::unexpected(because("cannot connect"));
  return socket;
}

Asked<core::FileDescriptor> connect_unix(const std::string& path, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline);
}

Asked<core::FileDescriptor> connect_tcp(const ListenAddress& listen, Clock::time_point deadline) {
  if (listen.port == 0) return std::unexpected("port 0 is not an address to ask");
  // Who listens everywhere listens here.
  std::string host = listen.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(listen.port).c_str(), &hints, &found);
  if (code != 0) return std::unexpected(std::string("unknown host: ") + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Asked<core::FileDescriptor> socket = std::unexpected("no address");
  for (const addrinfo* at = found; at != nullptr && !socket; at = at->ai_next) {
    socket = connect_to(at->ai_family, at->ai_addr, at->ai_addrlen, deadline);
  }
  return socket;
}

// Sends the request and reads what comes back, its first few hundred bytes at most.
Asked<std::string> exchange(int socket, const std::string& request, Clock::time_point deadline) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return std::unexpected(because("cannot ask"));
  }
  std::string answer;
  std::array<char, 512> buffer;
  while (answer.size() < 4096) {
    if (!wait_for(socket, POLLIN, deadline)) return std::unexpected("no answer in time");
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return std::unexpected(because("no answer"));
    if (count == 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return answer;
}

int run(const CLI::App& command, const HealthcheckOptions& options) {
  const auto config = config_from(command, options.settings);
  if (!config) return cli_error(config.error(), kExitWrongUsage);
  const auto timeout = parse_duration(options.timeout);
  if (!timeout) return cli_error("--timeout: " + timeout.error(), kExitWrongUsage);
  const ListenAddress& admin = config->admin_listen;
  const std::string place = format_listen_address(admin);
  const Clock::time_point deadline = Clock::now() + *timeout;

  const auto socket =
      admin.is_unix() ? connect_unix(admin.path, deadline) : connect_tcp(admin, deadline);
  if (!socket) return cli_error(place + ": " + socket.error(), kExitFailed);
  const char* const path = options.live ? "/livez" : "/readyz";
  const std::string request = std::string("GET ") + path +
                              " HTTP/1.1\r\nHost: " + (admin.is_unix() ? "localhost" : place) +
                              "\r\nConnection: close\r\n\r\n";
  const auto answer = exchange(socket->number(), request, deadline);
  if (!answer) return cli_error(place + path + ": " + answer.error(), kExitFailed);
  const std::string first_line = answer->substr(0, answer->find("\r\n"));
  if (first_line.starts_with("HTTP/1.") && first_line.find(" 200 ") == 8) return kExitDone;
  return cli_error(place + path + ": " + (first_line.empty() ? "no answer" : first_line),
                   kExitFailed);
}

}  // namespace

CliCommand add_healthcheck(CLI::App& root) {
  CLI::App* const command =
      root.add_subcommand("healthcheck", "ask the admin listener whether the service is ready");
  const auto options = std::make_shared<HealthcheckOptions>();
  command->add_flag("--live", options->live, "ask /livez instead of /readyz");
  command->add_option("--timeout", options->timeout, "longest wait in all")->default_str("3s");
  add_setting_flags(*command, options->settings);
  return {command, [command, options] { return run(*command, *options); }};
}

}  // namespace frdpu::server
