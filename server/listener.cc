#include "server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "server/io_loop.h"
#include "server/metrics.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;
using NativeAcceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;
using ErrorCode = boost::system::error_code;

// How long to leave the backlog alone when descriptors ran out: long enough not to spin, short
// enough that a freed descriptor is used soon.
constexpr auto kOutOfDescriptorsPause = std::chrono::milliseconds(100);

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

/// Accepts on one loop for as long as it is open.
class Listener::Acceptor {
 public:
  Acceptor(Listener& listener, IoLoop& loop)
      : listener_(listener), loop_(loop), acceptor_(loop.context()), pause_(loop.context()) {}

  [[nodiscard]] ErrorCode open(const Protocol::endpoint& endpoint, bool shared) {
    ErrorCode error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error && shared) {
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
      const int on = 1;
      if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        error.assign(errno, boost::system::system_category());
      }
    }
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) acceptor_.native_non_blocking(true, error);
    return error;
  }

  [[nodiscard]] ErrorCode assign(const Protocol& protocol, int descriptor) {
    ErrorCode error;
    acceptor_.assign(protocol, descriptor, error);
    if (!error) acceptor_.native_non_blocking(true, error);
    return error;
  }

  [[nodiscard]] Protocol::endpoint local_endpoint() const { return acceptor_.local_endpoint(); }

  void accept() {
    acceptor_.async_wait(NativeAcceptor::wait_read, place(memory_, [this](const ErrorCode& error) {
                           if (error || !acceptor_.is_open()) return;
                           accept_ready();
                         }));
  }

  void close() {
    // Those in the backlog are connected already: closing over their heads would reset them.
    while (acceptor_.is_open() && accept_one()) {
    }
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  [[nodiscard]] IoLoop& loop() const noexcept { return loop_; }

 private:
  void accept_ready() {
    // Bounded, so that a flood of connections does not hold up those that are there.
    for (int i = 0; i < 64 && accept_one(); ++i) {
    }
    const bool out_of_descriptors =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (!out_of_descriptors) {
      paused_ = false;
      return accept();
    }
    if (!std::exchange(paused_, true)) loop_.service().note_descriptors_exhausted();
    pause();
  }

  // Returns false when there is nothing to accept, or no way to; errno says which.
  bool accept_one() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int descriptor = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                     &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return errno == EINTR || errno == ECONNABORTED;
    hand_over(descriptor, peer.ss_family);
    errno = 0;
    return true;
  }

  void hand_over(int descriptor, int family) {
    if (!loop_.service().admit_connection(listener_.kind_)) {
      loop_.metrics().limit_hit(core::Errc::overloaded);
      loop_.service().refuse_connection(descriptor);
      ::close(descriptor);
      return;
    }
    if (family != AF_UNIX) {
      const int on = 1;
      ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    IoLoop& loop = next_loop();
    const Protocol protocol(family == AF_UNSPEC ? AF_UNIX : family, 0);
    if (&loop == &loop_) {
      loop.adopt(Connection::Socket(loop.context(), protocol, descriptor), listener_.kind_);
      return;
    }
    asio::post(loop.context(), [&loop, protocol, descriptor, kind = listener_.kind_] {
      loop.adopt(Connection::Socket(loop.context(), protocol, descriptor), kind);
    });
  }

  IoLoop& next_loop() {
    if (listener_.acceptors_.size() == listener_.loops_.size()) return loop_;
    turn_ = (turn_ + 1) % listener_.loops_.size();
    return *listener_.loops_[turn_];
  }

  void pause() {
    pause_.expires_after(kOutOfDescriptorsPause);
    pause_.async_wait([this](const ErrorCode& error) {
      if (!error && acceptor_.is_open()) accept_ready();
    });
  }

  Listener& listener_;
  IoLoop& loop_;
  NativeAcceptor acceptor_;
  asio::steady_timer pause_;
  HandlerMemory memory_;
  std::size_t turn_ = 0;
  bool paused_ = false;
};

Listener::Listener(proto::Listener kind, std::vector<IoLoop*> loops) noexcept
    : kind_(kind), loops_(std::move(loops)) {}

Listener::~Listener() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::expected<std::unique_ptr<Listener>, std::string> Listener::open(const ListenAddress& address,
                                                                     proto::Listener kind,
                                                                     std::vector<IoLoop*> loops) {
  std::unique_ptr<Listener> listener(new Listener(kind, std::move(loops)));
  ErrorCode error;
  if (address.is_unix()) {
    if (is_stale_socket(address.path)) ::unlink(address.path.c_str());
    auto acceptor = std::make_unique<Acceptor>(*listener, *listener->loops_.front());
    error = acceptor->open(asio::local::stream_protocol::endpoint(address.path), false);
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
  for (IoLoop* loop : listener->loops_) {
    auto acceptor = std::make_unique<Acceptor>(*listener, *loop);
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
  std::unique_ptr<Listener> listener(new Listener(kind, std::move(loops)));
  auto acceptor = std::make_unique<Acceptor>(*listener, *listener->loops_.front());
  if (const ErrorCode error = acceptor->assign(Protocol(address.ss_family, 0), descriptor)) {
    ::close(descriptor);
    return std::unexpected("cannot listen on the socket that was handed over: " + error.message());
  }
  listener->acceptors_.push_back(std::move(acceptor));
  listener->bound_address_ = text_of(address, length);
  return listener;
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
