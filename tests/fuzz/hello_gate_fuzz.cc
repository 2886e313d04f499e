// The first bytes of TLS connections. The first two bytes choose version and cut; the rest is
// what came. Cut or whole the gate says the same, and it stops exactly those in which a reading of
// all at once finds a ClientHello that claims too much.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "server/hello_gate.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

std::size_t number(core::Bytes bytes) {
  std::size_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::size_t>(byte);
  return value;
}

// What the records in the clear carry of handshake messages, one behind the other.
std::vector<std::byte> handshake_of(core::Bytes bytes, bool is_tls13) {
  std::vector<std::byte> messages;
  while (bytes.size() >= 5) {
    const std::size_t type = number(bytes.first(1));
    if (type != 22 && !(type == 20 && is_tls13)) break;
    const std::size_t size = std::min(number(bytes.subspan(3, 2)), bytes.size() - 5);
    const core::Bytes payload = bytes.subspan(5, size);
    if (type == 22) messages.insert(messages.end(), payload.begin(), payload.end());
    bytes = bytes.subspan(5 + size);
  }
  return messages;
}

bool claims_too_much(core::Bytes messages) {
  while (messages.size() >= 4) {
    const std::size_t size = number(messages.subspan(1, 3));
    if (number(messages.first(1)) == 1 && size > server::HelloGate::kMostHelloBytes) return true;
    messages = messages.subspan(std::min(4 + size, messages.size()));
  }
  return false;
}

bool admits(core::Bytes bytes, bool is_tls13, std::size_t cut) {
  server::HelloGate gate;
  while (!bytes.empty()) {
    const core::Bytes piece = bytes.first(std::min(cut, bytes.size()));
    if (!gate.admits(piece, is_tls13)) return false;
    bytes = bytes.subspan(piece.size());
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kCuts[] = {1, 2, 3, 4, 5, 9, 100};
  fuzz::Choices choices(data, size);
  const bool is_tls13 = choices.below(2) == 1;
  const std::size_t cut = kCuts[choices.below(std::size(kCuts))];
  const core::Bytes bytes = choices.rest();
  const bool whole = admits(bytes, is_tls13, SIZE_MAX);
  require(admits(bytes, is_tls13, cut) == whole, "it depends on the cuts");
  require(whole != claims_too_much(handshake_of(bytes, is_tls13)), "another opinion on a hello");
  return 0;
}
