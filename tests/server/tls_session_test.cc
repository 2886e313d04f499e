#include "server/tls_session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/file/file_descriptor.h"
#include "server/tls_context.h"
#include "tests/support/tls_identity.h"

namespace frdpu::server {
namespace {

using State = IoResult::State;
using Role = TlsSession::Role;

// Both ends of a connection whose socket holds little.
class TlsSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    int sockets[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
    const int bytes = 8192;
    for (const int each : sockets) {
      ::setsockopt(each, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    server_socket_ = core::FileDescriptor(sockets[0]);
    client_socket_ = core::FileDescriptor(sockets[1]);
    const test::TlsIdentity identity;
    auto context = TlsContext::load(identity.access(), "--");
    ASSERT_TRUE(context) << context.error();
    auto client_context = TlsContext::load_client(identity.access(), "--");
    ASSERT_TRUE(client_context) << client_context.error();
    server_ = TlsSession::open(*context, sockets[0], Role::server);
    client_ = TlsSession::open(*client_context, sockets[1], Role::client);
  }

  void shake_hands() {
    for (int turn = 0; turn < 100 && !(server_->is_established() && client_->is_established());
         ++turn) {
      ASSERT_TRUE(client_->is_established() || client_->handshake() != State::failed);
      ASSERT_TRUE(server_->is_established() || server_->handshake() != State::failed);
    }
    ASSERT_TRUE(server_->is_established() && client_->is_established());
  }

  // What `to` has received when it has all that `from` was given in views of these sizes.
  std::string carry(TlsSession& from, TlsSession& to, const std::string& text,
                    std::size_t view_bytes) {
    std::string got;
    std::size_t sent = 0;
    for (int turn = 0; turn < 100'000 && got.size() < text.size(); ++turn) {
      std::array<iovec, 16> views;
      std::size_t count = 0;
      for (std::size_t at = sent; at < text.size() && count < views.size(); ++count) {
        const std::size_t size = std::min(view_bytes, text.size() - at);
        views[count] = {.iov_base = const_cast<char*>(text.data()) + at, .iov_len = size};
        at += size;
      }
      if (count > 0) sent += from.send(std::span(views).first(count)).bytes;
      std::array<std::byte, 5000> room;
      const IoResult received = to.receive(room);
      EXPECT_NE(received.state, State::failed) << to.failure();
      EXPECT_TRUE(to.is_drained() || received.bytes == room.size());
      got.append(core::as_text(core::Bytes(room).first(received.bytes)));
    }
    return got;
  }

  core::FileDescriptor server_socket_, client_socket_;
  std::unique_ptr<TlsSession> server_, client_;
};

iovec view_of(const std::string& text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

State receive_state(TlsSession& session) {
  std::array<std::byte, 100> room;
  return session.receive(room).state;
}

TEST_F(TlsSessionTest, CarriesBytesThroughASocketThatTakesLittle) {
  shake_hands();
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7919 >> 8);
  for (const std::size_t view_bytes : {1ul, 700ul, 16'383ul, 16'384ul, 16'385ul, 65'536ul}) {
    const std::string part = text.substr(0, view_bytes == 1 ? 2000 : text.size());
    EXPECT_EQ(carry(*server_, *client_, part, view_bytes), part) << view_bytes;
    EXPECT_EQ(carry(*client_, *server_, part, view_bytes), part) << view_bytes;
  }
  EXPECT_GT(server_->wire_bytes_sent(), text.size() * 5);
}

TEST_F(TlsSessionTest, GathersSmallViewsIntoOneRecord) {
  shake_hands();
  const std::uint64_t before = server_->wire_bytes_sent();
  const std::string head(300, 'h');
  const std::string body(1000, 'b');
  const iovec views[] = {view_of(head), view_of(body)};
  EXPECT_EQ(server_->send(views).bytes, 1300u);
  EXPECT_LT(server_->wire_bytes_sent() - before, 1300u + 30u);  // one record's head and tag
}

TEST_F(TlsSessionTest, TheEndIsSeenAndOnlyWhereItWasSaid) {
  shake_hands();
  EXPECT_EQ(server_->end(), State::ok);
  EXPECT_EQ(server_->end(), State::ok);
  EXPECT_EQ(receive_state(*client_), State::ended);
  EXPECT_EQ(receive_state(*client_), State::ended);
  // The other way is still open.
  EXPECT_EQ(carry(*client_, *server_, "more", 4), "more");
  client_.reset();
  client_socket_ = {};
  EXPECT_EQ(receive_state(*server_), State::failed);
  EXPECT_EQ(server_->end(), State::ok);  // said already
}

TEST_F(TlsSessionTest, TheEndWaitsForRoom) {
  shake_hands();
  const std::string stuff(1000, 'x');  // past TLS: fills the socket, and is taken out again
  std::size_t filled = 0;
  for (;;) {
    const ssize_t sent = ::send(server_socket_.number(), stuff.data(), stuff.size(), 0);
    if (sent <= 0) break;
    filled += static_cast<std::size_t>(sent);
  }
  EXPECT_EQ(server_->end(), State::would_block);
  EXPECT_TRUE(server_->wants_write());
  EXPECT_EQ(server_->end(), State::would_block);
  // Tickets of the handshake lie in front of it.
  std::vector<char> room(filled + 4096);
  ASSERT_GT(::recv(client_socket_.number(), room.data(), room.size(), 0), 0);
  EXPECT_EQ(server_->end(), State::ok);
}

TEST_F(TlsSessionTest, NothingIsSaidBehindHalfARecord) {
  shake_hands();
  const std::string text(100'000, 'x');
  const iovec view = view_of(text);
  while (server_->send({&view, 1}).state == State::ok) {
  }
  EXPECT_EQ(server_->end(), State::failed);
  const std::string other(10, 'y');  // not what lies encrypted
  const iovec other_view = view_of(other);
  EXPECT_EQ(server_->send({&other_view, 1}).state, State::failed);
}

TEST_F(TlsSessionTest, NothingIsSaidBeforeTheHandshake) {
  EXPECT_EQ(server_->end(), State::failed);
  EXPECT_EQ(server_->handshake(), State::would_block);
  EXPECT_FALSE(server_->wants_write());
  EXPECT_EQ(server_->end(), State::failed);
}

TEST_F(TlsSessionTest, SaysWhyAHandshakeFailed) {
  const std::string plain = "GET / HTTP/1.1\r\n\r\n";
  ASSERT_GT(::send(client_socket_.number(), plain.data(), plain.size(), 0), 0);
  EXPECT_EQ(server_->handshake(), State::failed);
  EXPECT_STREQ(server_->failure(), "http request");
  EXPECT_TRUE(server_->met_plain_http());
}

}  // namespace
}  // namespace frdpu::server
