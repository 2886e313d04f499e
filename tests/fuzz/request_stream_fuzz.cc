// The bytes of a connection, read into requests as the service reads them: Beast behind our own
// scan, framing, bodies, what follows. The first byte chooses the cut.
//   - Cut or whole, it is the same requests, and an error or none;
//   - every byte of a body was sent, in that order; no request comes from inside another's body;
//   - all blocks are home afterwards.
#include <string_view>

#include "server/block_pools.h"
#include "server/config.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/support/request_feed.h"

namespace {

using namespace frdpu;
using fuzz::require;

server::Config make_config() {
  server::Config config;
  config.max_header_bytes = 1024;
  config.max_body_bytes = 100'000;
  return config;
}

server::BlockPools& pools() {
  static server::BlockPools made = *server::BlockPools::create(
      {.name = "mtu", .block_bytes = core::kMtuBlockBytes, .max_blocks = 8},
      {.name = "64k", .block_bytes = core::k64kBlockBytes, .max_blocks = 8});
  return made;
}

test::ReadRequests read(std::string_view text, std::size_t cut) {
  static const server::Config config = make_config();
  server::RequestReader reader(config);
  reader.use(pools());
  test::ReadRequests read = test::read_requests(reader, text, cut);
  reader.reset();
  require(pools().mtu().stats().in_use == 0 && pools().large().stats().in_use == 0,
          "a block is not home");
  return read;
}

bool is_too_large(core::Errc code) {
  return code == core::Errc::headers_too_large || code == core::Errc::uri_too_long ||
         code == core::Errc::body_too_large;
}

// Targets and bodies, in the order of the requests, are parts of the text in that order. A chunked
// body's bytes lie apart, but each of them behind the one before.
void check_order(std::string_view text, const test::ReadRequests& read) {
  std::size_t at = 0;
  for (const test::ReadRequest& request : read.requests) {
    const std::size_t found = text.find(request.target, at);
    require(found != text.npos, "a target that was not sent");
    at = found + request.target.size();
    for (const char c : request.body) {
      at = text.find(c, at);
      require(at != text.npos, "a body that was not sent");
      ++at;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kCuts[] = {1, 2, 3, 7, 17, 64, 300, 1400};
  fuzz::Choices choices(data, size);
  const std::size_t cut = kCuts[choices.below(std::size(kCuts))];
  const std::string_view text = choices.text();
  const test::ReadRequests whole = read(text, SIZE_MAX);
  const test::ReadRequests pieces = read(text, cut);
  require(whole.requests == pieces.requests, "the requests depend on the cuts");
  require(whole.error.has_value() == pieces.error.has_value(), "an error depends on the cuts");
  require(whole.error != core::Errc::pool_exhausted && pieces.error != core::Errc::pool_exhausted,
          "more blocks than there are");
  // What is both too long and malformed is refused for what is seen first.
  if (whole.error && !is_too_large(*whole.error) && !is_too_large(*pieces.error)) {
    require(whole.error == pieces.error, "the code depends on the cuts");
  }
  check_order(text, whole);
  return 0;
}
