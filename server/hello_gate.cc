#include "server/hello_gate.h"

#include <algorithm>

namespace frdpu::server {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kClientHello = 1;

}  // namespace

template <std::size_t N>
bool HelloGate::Head<N>::take(core::Bytes& input) noexcept {
  while (used < N && !input.empty()) {
    bytes[used++] = std::to_integer<std::uint8_t>(input.front());
    input = input.subspan(1);
  }
  return used == N;
}

bool HelloGate::admits(core::Bytes bytes, bool is_tls13) noexcept {
  while (!ended_ && !bytes.empty()) {
    if (record_left_ == 0) {
      if (!record_.take(bytes)) return true;
      record_.used = 0;
      record_left_ = std::uint32_t{record_.bytes[3]} << 8 | record_.bytes[4];
      const std::uint8_t type = record_.bytes[0];
      // TLS 1.3 sends one for show, and a second ClientHello may follow it.
      ended_ = type != kHandshake && (type != kChangeCipherSpec || !is_tls13);
      continue;
    }
    const core::Bytes payload = bytes.first(std::min<std::size_t>(bytes.size(), record_left_));
    bytes = bytes.subspan(payload.size());
    record_left_ -= static_cast<std::uint32_t>(payload.size());
    if (record_.bytes[0] == kHandshake && !admits_payload(payload)) return false;
  }
  return true;
}

bool HelloGate::admits_payload(core::Bytes payload) noexcept {
  while (!payload.empty()) {
    const std::size_t body = std::min<std::size_t>(payload.size(), message_left_);
    payload = payload.subspan(body);
    message_left_ -= static_cast<std::uint32_t>(body);
    if (message_left_ != 0 || !message_.take(payload)) return true;
    message_.used = 0;
    message_left_ = std::uint32_t{message_.bytes[1]} << 16 | std::uint32_t{message_.bytes[2]} << 8 |
                    message_.bytes[3];
    if (message_.bytes[0] == kClientHello && message_left_ > kMostHelloBytes) return false;
  }
  return true;
}

}  // namespace frdpu::server
