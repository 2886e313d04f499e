#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file/file_descriptor.h"

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

/// Sends `first`, then, when `100 Continue` has come or at once, `rest`; reads meanwhile and until
/// the service ends the connection, which the last request should ask for.
inline HttpConversation converse(std::uint16_t port, std::string_view first, std::string_view rest,
                                 bool waits_for_continue) {
  HttpConversation conversation;
  const core::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) {
    conversation.nonsense = "cannot connect";
    return conversation;
  }
  std::string received;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!conversation.ended && std::chrono::steady_clock::now() < deadline) {
    if (first.empty() && (!waits_for_continue || received.starts_with("HTTP/1.1 100 "))) {
      first = std::exchange(rest, {});
    }
    pollfd wanted{.fd = socket.number(), .events = POLLIN, .revents = 0};
    if (!first.empty()) wanted.events |= POLLOUT;
    if (::poll(&wanted, 1, 1000) <= 0) continue;
    if ((wanted.revents & POLLOUT) != 0 && !first.empty()) {
      const ssize_t sent =
          ::send(socket.number(), first.data(), first.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) first.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) first = rest = {};  // only reads from now
    }
    if ((wanted.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char buffer[65536];
    const ssize_t got = ::read(socket.number(), buffer, sizeof buffer);
    if (got > 0) received.append(buffer, static_cast<std::size_t>(got));
    conversation.ended = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
  }
  std::string_view text = received;
  for (HttpAnswer answer; take_answer(text, answer, conversation.nonsense); answer = {}) {
    conversation.answers.push_back(std::move(answer));
  }
  return conversation;
}

}  // namespace frdpu::test
