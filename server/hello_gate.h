#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

namespace frdpu::server {

/// Watches the bytes of a TLS handshake on their way in, and stops a ClientHello that claims to be
/// longer than any honest one. OpenSSL takes the memory that a ClientHello claims (128 KiB) as soon
/// as it has seen the claim: nine bytes of a stranger for each connection.
///
///   record     | type 1 | version 2 | length 2 | payload |
///   message    | type 1 | length 3 | body |               in payloads of type 22, across records
///
/// Only what comes in the clear is looked at: it ends with the first record of application data
/// (which TLS 1.3 makes of all that is encrypted), or with the change of ciphers before that.
/// Threads: one at a time. Cost: a few bytes of a record; nothing once it has ended.
/// Source: RFC 8446, sections 4 and 5.1; RFC 5246, sections 6.2.1 and 7.4.
class HelloGate {
 public:
  /// Browsers' are under 2 KiB, those with keys against quantum computers, too.
  static constexpr std::uint32_t kMostHelloBytes = 16 * 1024;

  /// Looks at the next bytes, cut anywhere. `is_tls13`: whether that version is spoken, as far as
  /// that is settled. Returns: false when the connection is to be broken off.
  [[nodiscard]] bool admits(core::Bytes bytes, bool is_tls13) noexcept;

 private:
  // Collects the first bytes of something; full when `used` is its size.
  template <std::size_t N>
  struct Head {
    std::array<std::uint8_t, N> bytes{};
    std::size_t used = 0;

    [[nodiscard]] bool take(core::Bytes& input) noexcept;
  };

  [[nodiscard]] bool admits_payload(core::Bytes payload) noexcept;

  Head<5> record_;
  Head<4> message_;
  std::uint32_t record_left_ = 0;   // bytes of its payload still to come
  std::uint32_t message_left_ = 0;  // bytes of its body still to come
  bool ended_ = false;
};

}  // namespace frdpu::server
