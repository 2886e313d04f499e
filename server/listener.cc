#include "server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/socket_base.hpp>
#include <cerrno>
#include <utility>

#include "server/acceptor.h"

namespace frdpu::server {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;
using ErrorCode = boost::system::error_code;

std::string cannot_listen(const ListenAddress& address, const ErrorCode& error) {
  return "cannot listen on " + format_listen_address(address) + ": " + error.message();
}

// A socket file that nobody listens on any more is left from a process that was killed.
bool is_stale_socket(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

// "127.0.0.1:80", "[::1]:80" or "unix:/path", as a bound socket says it.
std::string text_of(const sockaddr_storage& address, socklen_t length) {
  ListenAddress place;
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    place.host = ::inet_ntop(AF_INET, &ipv4.sin_addr, host.data(), host.size());
    place.port = ntohs(ipv4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    place.host = ::inet_ntop(AF_INET6, &ipv6.sin6_addr, host.data(), host.size());
    place.port = ntohs(ipv6.sin6_port);
  } else {
    const auto& local = reinterpret_cast<const sockaddr_un&>(address);
    place.path.assign(local.sun_path, std::size_t{length} - offsetof(sockaddr_un, sun_path));
    while (place.path.ends_with('\0')) place.path.pop_back();
  }
  return format_listen_address(place);
}

}  // namespace

Listener::Listener() = default;

Listener::~Listener() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::expected<std::unique_ptr<Listener>, std::string> Listener::open(const ListenAddress& address,
                                                                     unsigned unix_mode,
                                                                     proto::Listener kind,
                                                                     std::vector<IoLoop*> loops) {
  std::unique_ptr<Listener> listener(new Listener);
  ErrorCode error;
  if (address.is_unix()) {
    if (is_stale_socket(address.path)) ::unlink(address.path.c_str());
    auto acceptor = std::make_unique<Acceptor>(*loops.front(), kind, loops);
    error = acceptor->open(asio::local::stream_protocol::endpoint(address.path), false, unix_mode);
    if (error) return std::unexpected(cannot_listen(address, error));
    listener->unix_path_ = address.path;
    listener->acceptors_.push_back(std::move(acceptor));
    listener->bound_address_ = format_listen_address(address);
    return listener;
  }
  asio::io_context resolving;
  const auto found = asio::ip::tcp::resolver(resolving).resolve(
      address.host, std::to_string(address.port),
      asio::ip::resolver_base::passive | asio::ip::resolver_base::numeric_service, error);
  if (error || found.empty()) return std::unexpected(cannot_listen(address, error));
  asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  {
    // SO_REUSEPORT would let a second service of the same user share the port in silence; a first
    // bind without it finds out that the port is taken.
    asio::ip::tcp::acceptor probe(resolving);
    probe.open(endpoint.protocol(), error);
    if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) probe.bind(endpoint, error);
    if (error) return std::unexpected(cannot_listen(address, error));
  }
  for (IoLoop* loop : loops) {
    auto acceptor = std::make_unique<Acceptor>(*loop, kind, std::vector{loop});
    error = acceptor->open(endpoint, true);
    if (error) return std::unexpected(cannot_listen(address, error));
    if (endpoint.port() == 0) {
      asio::ip::tcp::endpoint bound;
      const auto local = acceptor->local_endpoint();
      bound.resize(local.size());
      std::copy_n(static_cast<const char*>(static_cast<const void*>(local.data())), local.size(),
                  static_cast<char*>(static_cast<void*>(bound.data())));
      endpoint.port(bound.port());
    }
    listener->acceptors_.push_back(std::move(acceptor));
  }
  listener->bound_address_ =
      format_listen_address({.host = address.host, .port = endpoint.port(), .path = {}});
  return listener;
}

std::expected<std::unique_ptr<Listener>, std::string> Listener::adopt(int descriptor,
                                                                      proto::Listener kind,
                                                                      std::vector<IoLoop*> loops) {
  int listening = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
  ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
  if (type != SOCK_STREAM || listening == 0 ||
      ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    ::close(descriptor);
    return std::unexpected("the socket that was handed over is no listening stream socket");
  }
  std::unique_ptr<Listener> listener(new Listener);
  auto acceptor = std::make_unique<Acceptor>(*loops.front(), kind, loops);
  if (const ErrorCode error = acceptor->assign(Protocol(address.ss_family, 0), descriptor)) {
    ::close(descriptor);
    return std::unexpected("cannot listen on the socket that was handed over: " + error.message());
  }
  listener->acceptors_.push_back(std::move(acceptor));
  listener->bound_address_ = text_of(address, length);
  return listener;
}

bool Listener::is_beyond_loopback() const {
  const Protocol::endpoint bound = acceptors_.front()->local_endpoint();
  const auto* const address = static_cast<const sockaddr*>(static_cast<const void*>(bound.data()));
  if (address->sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(*address);
    return ntohl(ipv4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
  }
  if (address->sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(*address);
    return !IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr);
  }
  return false;
}

void Listener::start() {
  for (auto& acceptor : acceptors_) acceptor->accept();
}

void Listener::close() {
  for (auto& acceptor : acceptors_) acceptor->close();
}

void Listener::close_on(IoLoop& loop) {
  for (auto& acceptor : acceptors_) {
    if (&acceptor->loop() == &loop) acceptor->close();
  }
}

}  // namespace frdpu::server
