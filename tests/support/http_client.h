#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file/file_descriptor.h"
#include "server/tls_context.h"
#include "server/tls_session.h"

/// A client that sends bytes as they are and reads strictly what comes back: an answer is whole or
/// it is not.
namespace frdpu::test {

struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;    ///< chunks taken apart
  bool whole = false;  ///< its framing says that all of it is there
};

/// What came over one connection until it ended.
struct HttpConversation {
  std::vector<HttpAnswer> answers;
  bool ended = false;    ///< the service closed or reset; false: it hung for a minute
  std::string nonsense;  ///< what breaks HTTP, if anything did
};

/// Takes one answer off the front of the text.
/// Returns: false when a head is not there, or breaks HTTP (`nonsense`).
inline bool take_answer(std::string_view& text, HttpAnswer& answer, std::string& nonsense) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == text.npos) return false;
  answer.head = text.substr(0, end + 2);
  if (!answer.head.starts_with("HTTP/1.1 ")) {
    nonsense = answer.head;
    return false;
  }
  std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
  text.remove_prefix(end + 4);
  const auto number_at = [](std::string_view at, int base) {
    std::optional<std::size_t> number;
    std::size_t value = 0;
    const auto [stop, error] = std::from_chars(at.data(), at.data() + at.size(), value, base);
    if (error == std::errc{} &&
        at.substr(static_cast<std::size_t>(stop - at.data())).starts_with("\r\n")) {
      number = value;
    }
    return number;
  };
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t length_at = answer.head.find(kLength);
  if (answer.status == 100 || answer.status == 204) {
    answer.whole = true;
  } else if (length_at != answer.head.npos) {
    const auto length =
        number_at(std::string_view(answer.head).substr(length_at + kLength.size()), 10);
    if (!length) nonsense = answer.head;
    answer.body = text.substr(0, length.value_or(0));
    answer.whole = length && answer.body.size() == *length;
    text.remove_prefix(answer.body.size());
  } else if (answer.head.find("\r\nTransfer-Encoding: chunked\r\n") != answer.head.npos) {
    for (;;) {
      const std::size_t line_end = text.find("\r\n");
      if (line_end == text.npos) break;
      const auto size = number_at(text, 16);
      if (!size) nonsense = text.substr(0, 40);
      if (!size) break;
      if (*size == 0) {  // no trailers were asked for
        answer.whole = text.starts_with("0\r\n\r\n");
        if (answer.whole) text.remove_prefix(5);
        break;
      }
      text.remove_prefix(line_end + 2);
      answer.body += text.substr(0, *size);
      if (text.size() < *size + 2) break;
      if (text.substr(*size, 2) != "\r\n") nonsense = "a chunk without its end";
      text.remove_prefix(*size + 2);
    }
  } else {
    nonsense = answer.head;
  }
  if (!answer.whole) text = {};
  return true;
}

/// A client's non-blocking connection, over TLS where a context is given.
class HttpClient {
 public:
  using State = server::IoResult::State;

  HttpClient(std::uint16_t port, const server::TlsContext* tls)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        ::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        0);
    ::fcntl(socket_.number(), F_SETFL, O_NONBLOCK);
    const int on = 1;  // or TLS records wait for each other's acknowledgement
    ::setsockopt(socket_.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls != nullptr) {
      tls_ = server::TlsSession::open(*tls, socket_.number(), server::TlsSession::Role::client);
    }
  }

  /// Goes on with what comes before the first byte of HTTP.
  State open() { return tls_ && !tls_->is_established() ? tls_->handshake() : State::ok; }

  /// Sends what the socket takes, off the front of the text.
  State send(std::string_view& text) {
    const iovec view{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    const server::IoResult sent =
        tls_ ? tls_->send({&view, 1})
             : of(::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL));
    text.remove_prefix(sent.bytes);
    return sent.state;
  }

  State receive(std::string& into) {
    std::array<std::byte, 16384> room;
    server::IoResult got =
        tls_ ? tls_->receive(room) : of(::recv(socket_.number(), room.data(), room.size(), 0));
    if (!tls_ && got.state == State::ok && got.bytes == 0) got.state = State::ended;
    into.append(core::as_text(core::Bytes(room).first(got.bytes)));
    return got.state;
  }

  /// Waits, a second at most, until the socket is readable, or writable where that is wanted.
  void wait(bool to_write) {
    pollfd wanted{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    if (to_write || (tls_ && tls_->wants_write())) wanted.events |= POLLOUT;
    ::poll(&wanted, 1, 1000);
  }

 private:
  static server::IoResult of(ssize_t count) {
    if (count >= 0) return {.state = State::ok, .bytes = static_cast<std::size_t>(count)};
    const bool later = errno == EAGAIN || errno == EINTR;
    return {.state = later ? State::would_block : State::failed};
  }

  core::FileDescriptor socket_;
  std::unique_ptr<server::TlsSession> tls_;
};

/// Sends `first`, then, when `100 Continue` has come or at once, `rest`; reads meanwhile and until
/// the service ends the connection, which the last request should ask for.
inline HttpConversation converse(HttpClient& client, std::string_view first, std::string_view rest,
                                 bool waits_for_continue) {
  using State = HttpClient::State;
  HttpConversation conversation;
  std::string received;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!conversation.ended && std::chrono::steady_clock::now() < deadline) {
    const State open = client.open();
    conversation.ended = open != State::ok && open != State::would_block;
    if (open != State::ok) {
      if (!conversation.ended) client.wait(false);
      continue;
    }
    if (first.empty() && (!waits_for_continue || received.starts_with("HTTP/1.1 100 "))) {
      first = std::exchange(rest, {});
    }
    const State sent = first.empty() ? State::would_block : client.send(first);
    if (sent != State::ok && sent != State::would_block) first = rest = {};  // only reads from now
    const State got = client.receive(received);
    conversation.ended = got != State::ok && got != State::would_block;
    if (sent != State::ok && got == State::would_block) client.wait(!first.empty());
  }
  std::string_view text = received;
  for (HttpAnswer answer; take_answer(text, answer, conversation.nonsense); answer = {}) {
    conversation.answers.push_back(std::move(answer));
  }
  return conversation;
}

}  // namespace frdpu::test
