#include "server/hello_gate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::server {
namespace {

std::string record(unsigned char type, const std::string& payload) {
  const std::size_t size = payload.size();
  return std::string{static_cast<char>(type), 3, 3, static_cast<char>(size >> 8),
                     static_cast<char>(size)} +
         payload;
}

// A handshake message of which only the first bytes are there.
std::string message(unsigned char type, std::size_t claims, std::size_t there) {
  return std::string{static_cast<char>(type), static_cast<char>(claims >> 16),
                     static_cast<char>(claims >> 8), static_cast<char>(claims)} +
         std::string(there, 'x');
}

// What the gate says to bytes that come cut into pieces: false as soon as one is refused.
bool admits(const std::string& bytes, bool is_tls13, std::size_t cut) {
  HelloGate gate;
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    const std::string piece = bytes.substr(at, cut);
    if (!gate.admits(core::as_bytes(piece), is_tls13)) return false;
  }
  return true;
}

constexpr unsigned char kChange = 20;
constexpr unsigned char kHandshake = 22;
constexpr unsigned char kData = 23;
constexpr unsigned char kHello = 1;
constexpr unsigned char kCertificate = 11;
constexpr std::size_t kMost = HelloGate::kMostHelloBytes;

struct Row {
  const char* name;
  std::string bytes;
  bool is_tls13;
  bool admitted;
};

std::vector<Row> rows() {
  const std::string hello = record(kHandshake, message(kHello, 500, 500));
  const std::string claim = record(kHandshake, message(kHello, kMost + 1, 0));
  const std::string change = record(kChange, "\x01");
  const std::string split = message(kHello, 0x020000, 0);
  return {
      {"a hello", hello, false, true},
      {"the longest, in two records",
       record(kHandshake, message(kHello, kMost, 16'000)) +
           record(kHandshake, std::string(kMost - 16'000, 'x')),
       false, true},
      {"a claim that is too long", claim, false, false},
      {"the largest claim", record(kHandshake, message(kHello, 0xffffff, 0)), false, false},
      {"a claim cut into records",
       record(kHandshake, split.substr(0, 1)) + record(kHandshake, split.substr(1, 2)) +
           record(kHandshake, split.substr(3)),
       false, false},
      {"a claim behind a message in one record",
       record(kHandshake, message(kHello, 5, 5) + message(kHello, kMost + 1, 0)), true, false},
      {"a second hello (after a retry)", hello + claim, true, false},
      {"a second hello behind a change of ciphers", hello + change + claim, true, false},
      {"another message may be long", hello + record(kHandshake, message(kCertificate, 30'000, 9)),
       false, true},
      {"what TLS 1.2 encrypts is not looked at", hello + change + claim, false, true},
      {"what TLS 1.3 encrypts is not looked at", hello + record(kData, "abc") + claim, true, true},
      {"no TLS at all", "GET / HTTP/1.1\r\n" + claim, false, true},
      {"empty records", record(kHandshake, "") + record(kHandshake, "") + claim, false, false},
  };
}

TEST(HelloGateTest, StopsAClaimWhereverTheBytesAreCut) {
  for (const Row& row : rows()) {
    for (const std::size_t cut : {1, 2, 3, 4, 5, 8, 9, 16, 31, 40'000}) {
      EXPECT_EQ(admits(row.bytes, row.is_tls13, cut), row.admitted) << row.name << ", cut " << cut;
    }
  }
}

TEST(HelloGateTest, StopsAClaimBeforeItsBodyComes) {
  const std::string claim = record(kHandshake, message(kHello, kMost + 1, 0));
  HelloGate gate;
  EXPECT_TRUE(gate.admits(core::as_bytes(claim).first(claim.size() - 1), false));
  EXPECT_FALSE(gate.admits(core::as_bytes(claim).last(1), false));
}

}  // namespace
}  // namespace frdpu::server
