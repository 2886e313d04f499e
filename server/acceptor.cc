#include "server/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

// How long to leave the backlog alone when descriptors ran out: long enough not to spin, short
// enough that a freed descriptor is used soon.
constexpr auto kOutOfDescriptorsPause = std::chrono::milliseconds(100);

boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

}  // namespace

Acceptor::Acceptor(IoLoop& loop, proto::Listener kind, std::vector<IoLoop*> targets)
    : loop_(loop),
      kind_(kind),
      targets_(std::move(targets)),
      acceptor_(loop.context()),
      pause_(loop.context()) {}

Acceptor::ErrorCode Acceptor::open(const Protocol::endpoint& endpoint, bool shared,
                                   std::optional<unsigned> mode) {
  ErrorCode error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error && shared) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      error = last_error();
    }
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error && mode) {
    const auto& address =
        *static_cast<const sockaddr_un*>(static_cast<const void*>(endpoint.data()));
    if (::chmod(address.sun_path, *mode) != 0) error = last_error();
  }
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_.native_non_blocking(true, error);
  return error;
}

Acceptor::ErrorCode Acceptor::assign(const Protocol& protocol, int descriptor) {
  ErrorCode error;
  acceptor_.assign(protocol, descriptor, error);
  if (!error) acceptor_.native_non_blocking(true, error);
  return error;
}

void Acceptor::accept() {
  acceptor_.async_wait(asio::socket_base::wait_read, place(memory_, [this](const ErrorCode& error) {
                         if (error || !acceptor_.is_open()) return;
                         accept_ready();
                       }));
}

void Acceptor::close() {
  // Those in the backlog are connected already: closing over their heads would reset them.
  while (acceptor_.is_open() && accept_one()) {
  }
  ErrorCode ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Acceptor::accept_ready() {
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
bool Acceptor::accept_one() {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  const int descriptor = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                   &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return errno == EINTR || errno == ECONNABORTED;
  const bool goes_on = may_take(descriptor + 1);
  hand_over(descriptor, peer.ss_family);
  errno = goes_on ? 0 : EMFILE;
  return goes_on;
}

// Descriptors are numbered from the lowest that is free, so the last ones have the last numbers.
bool Acceptor::may_take(int descriptor) const noexcept {
  if (kind_ == proto::Listener::admin) return true;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
         static_cast<rlim_t>(descriptor) + kReservedDescriptors < limit.rlim_cur;
}

bool Acceptor::finds_descriptor() noexcept {
  const int lowest = ::fcntl(acceptor_.native_handle(), F_DUPFD_CLOEXEC, 0);
  if (lowest < 0) return false;
  ::close(lowest);
  return may_take(lowest);
}

void Acceptor::hand_over(int descriptor, int family) {
  if (!loop_.service().admit_connection(kind_)) {
    loop_.metrics().limit_hit(core::Errc::overloaded);
    loop_.service().refuse_connection(kind_, descriptor);
    ::close(descriptor);
    return;
  }
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  turn_ = (turn_ + 1) % targets_.size();
  IoLoop& loop = *targets_[turn_];
  core::FileDescriptor socket(descriptor);
  if (&loop == &loop_) return loop.adopt(std::move(socket), kind_);
  asio::post(loop.context(), [&loop, socket = std::move(socket), kind = kind_]() mutable {
    loop.adopt(std::move(socket), kind);
  });
}

void Acceptor::pause() {
  pause_.expires_after(kOutOfDescriptorsPause);
  pause_.async_wait([this](const ErrorCode& error) {
    if (error || !acceptor_.is_open()) return;
    finds_descriptor() ? accept_ready() : pause();
  });
}

}  // namespace frdpu::server
