// What the kernel takes for a request, and nothing else: the floor of `./dev bench http`.
//
//   floor_server FILE     prints "listening 127.0.0.1:PORT" and answers until it is killed
//   floor_server FILE compress|decompress CODING LEVEL     the same, with the codec's work in it
//
// One thread, one epoll, as a careful C programmer would write it: a request is read to the end of
// its Content-Length into one buffer that all connections share, and thrown away; the answer to
// `/N` is a head and the first N bytes of FILE in one gathered send. With a codec, FILE is the body
// of every request, and the answer is what becomes of it, which has to fit the socket. No parser,
// no timeouts, no limits: it trusts its client, and is good for nothing else.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/http/one_codec.h"

namespace {

using frdpu::bench::OneCodec;

struct Connection {
  int fd = -1;
  std::size_t body_begin = 0;   // of the request, in `head`, which holds all of it for a codec
  std::size_t body_left = 0;    // of the request
  std::size_t answer_size = 0;  // wanted by the request, or made of it
  std::string head{};           // of the request while it is incomplete; then of the answer
  std::size_t sent = 0;         // of head and body of the answer
  bool answering = false;
};

std::string answer_bytes;
std::array<char, 65536> read_buffer;
std::unique_ptr<OneCodec> codec;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, size) != 0 || ::listen(fd, 512) != 0 ||
      ::getsockname(fd, generic, &size) != 0) {
    die("listen");
  }
  std::printf("listening 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

// Returns: false when the socket is full.
bool send_answer(Connection& to) {
  const std::size_t head_sent = std::min(to.sent, to.head.size());
  const std::size_t body_sent = to.sent - head_sent;
  std::array<iovec, 2> parts{iovec{to.head.data() + head_sent, to.head.size() - head_sent},
                             iovec{answer_bytes.data() + body_sent, to.answer_size - body_sent}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t done = ::sendmsg(to.fd, &message, MSG_NOSIGNAL);
  if (done > 0) to.sent += static_cast<std::size_t>(done);
  to.answering = to.sent < to.head.size() + to.answer_size;
  if (!to.answering) to.head.clear();
  return !to.answering;
}

void start_answer(Connection& to) {
  std::array<char, 128> head;
  const int length = std::snprintf(head.data(), head.size(),
                                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   to.answer_size);
  to.head.assign(head.data(), static_cast<std::size_t>(length));
  to.sent = 0;
  to.answering = true;
}

// Takes the request's head: "POST /N HTTP/1.1". Returns: false while it is incomplete.
bool read_head(Connection& from, const char* bytes, std::size_t size) {
  from.head.append(bytes, size);
  const std::size_t end = from.head.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const char* const target = std::strchr(from.head.c_str(), '/');
  const char* const length = strcasestr(from.head.c_str(), "content-length:");
  from.answer_size = target != nullptr ? std::strtoul(target + 1, nullptr, 10) : 0;
  from.answer_size = std::min(from.answer_size, answer_bytes.size());
  const std::size_t body = length != nullptr ? std::strtoul(length + 15, nullptr, 10) : 0;
  from.body_left = body - (from.head.size() - end - 4);
  from.body_begin = end + 4;
  return true;
}

// Returns: false when the connection is over.
bool serve(Connection& client) {
  for (;;) {
    if (client.answering && !send_answer(client)) return true;
    const ssize_t got = ::recv(client.fd, read_buffer.data(), read_buffer.size(), 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    const auto size = static_cast<std::size_t>(got);
    if (client.body_left > 0) {
      client.body_left -= std::min(size, client.body_left);
      if (codec != nullptr) client.head.append(read_buffer.data(), size);
    } else if (!read_head(client, read_buffer.data(), size)) {
      continue;
    }
    if (client.body_left > 0) continue;
    if (codec != nullptr) {
      const auto body = std::as_bytes(std::span(client.head)).subspan(client.body_begin);
      client.answer_size = codec->run(body, std::as_writable_bytes(std::span(answer_bytes)));
    }
    start_answer(client);
    // What was read was the whole request: a look for more would only find EAGAIN.
    if (send_answer(client)) return true;
    if (codec != nullptr) frdpu::bench::die("an answer in pieces");
    if (size < read_buffer.size()) return true;
  }
}

void add(int epoll, int fd, Connection* connection, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = connection;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 5) {
    return std::fprintf(stderr, "usage: floor_server FILE [DIRECTION CODING LEVEL]\n"), 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  answer_bytes.assign(std::istreambuf_iterator<char>(file), {});
  if (argc == 5) {
    codec = std::make_unique<OneCodec>(argv[2], argv[3], argv[4],
                                       std::as_bytes(std::span(answer_bytes)));
    answer_bytes.resize(codec->room_bytes());
  }
  const int listening = listen_on_loopback();
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  add(epoll, listening, nullptr, EPOLLIN);
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* const connection =
          static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        const int fd = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        // Edge-triggered: writability is told of without a system call to ask for it.
        add(epoll, fd, new Connection{.fd = fd}, EPOLLIN | EPOLLOUT | EPOLLET);
      } else if (!serve(*connection)) {
        ::close(connection->fd);
        delete connection;
      }
    }
  }
}
