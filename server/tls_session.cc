#include "server/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "server/tls_context.h"

namespace frdpu::server {
namespace {

using State = IoResult::State;

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

// What one record takes of the views: where it lies, or gathered into `scratch`, so that a head
// and its short body are one record and one system call.
core::Bytes next_record(std::span<const iovec> views, std::span<std::byte> scratch) noexcept {
  const auto bytes = [](const iovec& view) {
    return core::Bytes(static_cast<const std::byte*>(view.iov_base), view.iov_len);
  };
  if (views.empty()) return {};
  if (views.size() == 1 || views.front().iov_len >= kRecordBytes) {
    return bytes(views.front()).first(std::min(views.front().iov_len, kRecordBytes));
  }
  std::size_t used = 0;
  for (const iovec& view : views) {
    const core::Bytes piece = bytes(view).first(std::min(view.iov_len, scratch.size() - used));
    std::ranges::copy(piece, scratch.begin() + static_cast<std::ptrdiff_t>(used));
    used += piece.size();
  }
  return scratch.first(used);
}

}  // namespace

struct TlsSession::Wire {
  static TlsSession& session(BIO* bio) noexcept {
    return *static_cast<TlsSession*>(BIO_get_data(bio));
  }

  static int read(BIO* bio, char* room, int size) {
    TlsSession& self = session(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t got = ::recv(self.descriptor_, room, static_cast<std::size_t>(size), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    self.peer_left_ = got == 0;
    self.socket_empty_ = got < size;
    if (got <= 0 || self.established_ || !SSL_is_server(self.ssl_.get())) {
      return static_cast<int>(got);
    }
    const core::Bytes bytes =
        std::as_bytes(std::span<const char>(room, static_cast<std::size_t>(got)));
    if (self.gate_.admits(bytes, SSL_version(self.ssl_.get()) >= TLS1_3_VERSION)) {
      return static_cast<int>(got);
    }
    self.failure_ = "the ClientHello is too long";
    return -1;
  }

  static int write(BIO* bio, const char* bytes, int size) {
    TlsSession& self = session(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t sent =
        ::send(self.descriptor_, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent > 0) self.wire_bytes_sent_ += static_cast<std::uint64_t>(sent);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return session(bio).peer_left_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "frdpu socket");
      if (fresh == nullptr) return fresh;
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

void TlsSession::Deleter::operator()(SSL* session) const noexcept {
  SSL_free(session);
}

std::unique_ptr<TlsSession> TlsSession::open(const TlsContext& context, int descriptor, Role role) {
  std::unique_ptr<TlsSession> made(new TlsSession(descriptor));
  made->ssl_.reset(SSL_new(context.native()));
  BIO* const wire = Wire::method() == nullptr ? nullptr : BIO_new(Wire::method());
  if (!made->ssl_ || wire == nullptr) {
    BIO_free(wire);
    return nullptr;
  }
  BIO_set_data(wire, made.get());
  BIO_set_init(wire, 1);
  SSL_set_bio(made->ssl_.get(), wire, wire);
  role == Role::server ? SSL_set_accept_state(made->ssl_.get())
                       : SSL_set_connect_state(made->ssl_.get());
  return made;
}

State TlsSession::judge(int result) noexcept {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wants_write_ = false;
      return State::would_block;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return State::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return State::ended;
    default:
      break;
  }
  failed_ = true;
  const unsigned long error = ERR_peek_error();
  if (const char* const reason = ERR_reason_error_string(error)) failure_ = reason;
  met_plain_http_ =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
  return State::failed;
}

State TlsSession::handshake() noexcept {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done != 1) return judge(done);
  established_ = true;
  return State::ok;
}

IoResult TlsSession::receive(core::MutableBytes room) noexcept {
  std::size_t total = 0;
  while (total < room.size()) {
    std::size_t got = 0;
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_.get(), room.data() + total, room.size() - total, &got);
    if (done != 1) {
      const State state = judge(done);
      drained_ = state == State::would_block;
      receive_wants_write_ = drained_ && wants_write_;
      // What else there is to say is said again by the next call.
      if (total == 0) return {.state = state};
      break;
    }
    total += got;
    receive_wants_write_ = false;
    // A short read has emptied the socket: to ask again would cost a buffer and a system call.
    drained_ = socket_empty_ && SSL_has_pending(ssl_.get()) == 0;
    if (drained_) break;
  }
  return {.state = State::ok, .bytes = total};
}

IoResult TlsSession::send(std::span<const iovec> views) noexcept {
  std::array<std::byte, kRecordBytes> scratch;
  core::Bytes record = next_record(views, scratch);
  if (pending_bytes_ != 0) {
    // The record is encrypted already: OpenSSL wants its length again, and its bytes to be those.
    if (record.size() < pending_bytes_) return {.state = State::failed};
    record = record.first(pending_bytes_);
  }
  std::size_t sent = 0;
  ERR_clear_error();
  const int done = SSL_write_ex(ssl_.get(), record.data(), record.size(), &sent);
  send_wants_read_ = false;
  if (done == 1) {
    pending_bytes_ = 0;
    return {.state = State::ok, .bytes = sent};
  }
  const State state = judge(done);
  send_wants_read_ = state == State::would_block && !wants_write_;
  if (state == State::would_block) pending_bytes_ = static_cast<std::uint32_t>(record.size());
  return {.state = state == State::ended ? State::failed : state};
}

State TlsSession::end() noexcept {
  if (ended_) return State::ok;
  if (failed_ || !established_ || pending_bytes_ != 0) return State::failed;
  ERR_clear_error();
  const int done = SSL_shutdown(ssl_.get());
  ended_ = done >= 0;
  return ended_ ? State::ok : judge(done);
}

}  // namespace frdpu::server
