#include "server/client_channel.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace frdpu::server {
namespace {

using Clock = ClientChannel::Clock;
template <class T>
using Asked = ClientChannel::Asked<T>;
using State = IoResult::State;

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

State state_of_error() noexcept {
  return errno == EAGAIN || errno == EINTR ? State::would_block : State::failed;
}

}  // namespace

ClientChannel::ClientChannel(core::FileDescriptor socket, Clock::time_point deadline) noexcept
    : socket_(std::move(socket)), deadline_(deadline) {}

Asked<ClientChannel> ClientChannel::connect(const ListenAddress& address,
                                            const AccessConfig& access, const std::string& prefix,
                                            Clock::time_point deadline) {
  auto socket =
      address.is_unix() ? connect_unix(address.path, deadline) : connect_tcp(address, deadline);
  if (!socket) return std::unexpected(socket.error());
  ClientChannel channel(std::move(*socket), deadline);
  if (access.tls_cert.empty()) return channel;
  if (auto begun = channel.begin_tls(access, prefix); !begun) {
    return std::unexpected(begun.error());
  }
  return channel;
}

// Repeats a step until it need not wait.
template <class Step>
Asked<IoResult> ClientChannel::finish(Step step, bool writes) {
  while (true) {
    const IoResult result = step();
    if (result.state != State::would_block) return result;
    const bool wants_write = tls_ ? tls_->wants_write() : writes;
    if (!wait_for(socket_.number(), wants_write ? POLLOUT : POLLIN, deadline_)) {
      return std::unexpected("no answer in time");
    }
  }
}

Asked<void> ClientChannel::begin_tls(const AccessConfig& access, const std::string& prefix) {
  auto context = TlsContext::load_client(access, prefix);
  if (!context) return std::unexpected(context.error());
  context_ = std::move(*context);
  tls_ = TlsSession::open(*context_, socket_.number(), TlsSession::Role::client);
  if (!tls_) return std::unexpected("no memory for TLS");
  const auto done = finish([this] { return IoResult{.state = tls_->handshake()}; }, true);
  if (!done) return std::unexpected(done.error());
  if (done->state == State::ok) return {};
  return std::unexpected(std::string("no TLS: ") + tls_->failure());
}

Asked<std::string> ClientChannel::ask(std::string_view text, std::size_t most_bytes) {
  while (!text.empty()) {
    iovec view{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    const auto sent = finish(
        [&]() -> IoResult {
          if (tls_) return tls_->send({&view, 1});
          const ssize_t count = ::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL);
          if (count < 0) return {.state = state_of_error()};
          return {.bytes = static_cast<std::size_t>(count)};
        },
        true);
    if (!sent) return std::unexpected(sent.error());
    if (sent->state != State::ok) return std::unexpected(because("cannot ask"));
    text.remove_prefix(sent->bytes);
  }
  std::string answer;
  std::array<std::byte, 512> room;
  while (answer.size() < most_bytes) {
    const auto got = finish(
        [&]() -> IoResult {
          if (tls_) return tls_->receive(room);
          const ssize_t count = ::recv(socket_.number(), room.data(), room.size(), 0);
          if (count < 0) return {.state = state_of_error()};
          return {.state = count == 0 ? State::ended : State::ok,
                  .bytes = static_cast<std::size_t>(count)};
        },
        false);
    if (!got) return std::unexpected(got.error());
    if (got->state == State::ended) break;
    if (got->state != State::ok) {
      return std::unexpected(tls_ ? std::string("no answer: ") + tls_->failure()
                                  : because("no answer"));
    }
    answer.append(core::as_text(core::Bytes(room).first(got->bytes)));
  }
  return answer;
}

}  // namespace frdpu::server
