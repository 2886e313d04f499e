#pragma once

#include <openssl/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "core/bytes.h"
#include "server/hello_gate.h"
#include "server/io_result.h"

namespace frdpu::server {

class TlsContext;

/// TLS over one non-blocking socket, driven by whoever waits for that socket: every call does what
/// can be done now, and says would_block when it needs the socket readable or writable.
///
/// Life: `handshake` until it is ok, then `receive` and `send`, then `end`. A session that is
/// destroyed before `end` says nothing: the peer can tell that it was cut off.
/// Ownership: the socket is the caller's and must outlive the session.
/// Threads: one at a time. Cost: what OpenSSL allocates; buffers of some 17 KiB only while a record
/// is partly there (memory_plan.h has the bound).
class TlsSession {
 public:
  enum class Role : std::uint8_t { server, client };

  /// Returns: nullptr where there is no memory.
  [[nodiscard]] static std::unique_ptr<TlsSession> open(const TlsContext& context, int descriptor,
                                                        Role role);

  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Goes on with the handshake. On failure the peer has been sent an alert; `failure` says why.
  [[nodiscard]] IoResult::State handshake() noexcept;
  [[nodiscard]] bool is_established() const noexcept { return established_; }
  /// What the last call that said would_block waits for: the socket writable, or readable.
  [[nodiscard]] bool wants_write() const noexcept { return wants_write_; }

  /// Reads as much as is there and fits. `ended`: the peer has said that nothing more will come;
  /// without that word the end of its bytes is a failure.
  [[nodiscard]] IoResult receive(core::MutableBytes room) noexcept;
  /// Whether the last `receive` took all there was: the next one needs the socket.
  [[nodiscard]] bool is_drained() const noexcept { return drained_; }
  [[nodiscard]] bool receive_wants_write() const noexcept { return receive_wants_write_; }

  /// Sends what the socket takes of the views, a record at a time.
  /// Requires: behind would_block the same bytes come first again.
  [[nodiscard]] IoResult send(std::span<const iovec> views) noexcept;
  [[nodiscard]] bool send_wants_read() const noexcept { return send_wants_read_; }

  /// Says that nothing more will come. May be called again: behind would_block it must.
  /// Returns failed where it cannot be said, as before the handshake or behind half a record.
  [[nodiscard]] IoResult::State end() noexcept;

  /// Bytes that were handed to the socket, encrypted, so far.
  [[nodiscard]] std::uint64_t wire_bytes_sent() const noexcept { return wire_bytes_sent_; }

  /// Why it failed, in OpenSSL's words. Static storage.
  [[nodiscard]] const char* failure() const noexcept { return failure_; }
  /// Whether the peer spoke HTTP without TLS.
  [[nodiscard]] bool met_plain_http() const noexcept { return met_plain_http_; }

 private:
  // How OpenSSL reaches the socket, and we see what goes by.
  struct Wire;

  struct Deleter {
    void operator()(SSL* session) const noexcept;
  };

  explicit TlsSession(int descriptor) noexcept : descriptor_(descriptor) {}
  [[nodiscard]] IoResult::State judge(int result) noexcept;

  std::unique_ptr<SSL, Deleter> ssl_;
  int descriptor_;
  std::uint32_t pending_bytes_ = 0;  // of the record that waits for the socket
  std::uint64_t wire_bytes_sent_ = 0;
  const char* failure_ = "the connection broke";
  HelloGate gate_;
  bool peer_left_ = false;
  bool socket_empty_ = false;  // as far as the last read of it could tell
  bool established_ = false;
  bool drained_ = false;
  bool wants_write_ = false;
  bool receive_wants_write_ = false;
  bool send_wants_read_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool met_plain_http_ = false;
};

}  // namespace frdpu::server
