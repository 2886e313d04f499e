// Chunked framing: cut anywhere the outcome is the same, and what is let through is what a second,
// naive reading of the whole text finds.
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_support.h"
#include "tests/support/chunk_feed.h"

namespace {

using namespace frdpu;
using fuzz::require;

constexpr std::size_t kMaxTrailerBytes = 200;

// Takes a line that ends in CR LF and holds neither of them.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  require(end != rest.npos && end > 0 && rest[end - 1] == '\r');
  const std::string_view line = rest.substr(0, end - 1);
  require(line.find_first_of(std::string_view("\r\0", 2)) == line.npos);
  rest.remove_prefix(end + 1);
  return line;
}

void check_good(std::string_view text, const test::ChunkedBody& outcome) {
  std::string_view rest = text.substr(0, outcome.used);
  std::string data;
  for (;;) {
    const std::string_view line = take_line(rest);
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    require(error == std::errc{} && (end == line.data() + line.size() || *end == ';'));
    if (size == 0) break;
    require(size <= rest.size());
    data += rest.substr(0, size);
    rest.remove_prefix(size);
    require(take_line(rest).empty());
  }
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    require(line.front() != ' ' && line.front() != '\t' && line.find(':') != line.npos);
    require(line.substr(0, line.find(':')).find(' ') == line.npos);
  }
  require(rest.empty() && data == outcome.data);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const test::ChunkedBody whole = test::read_chunked(text, kMaxTrailerBytes, SIZE_MAX);
  for (const std::size_t cut : {1u, 3u, 7u}) {
    const test::ChunkedBody pieces = test::read_chunked(text, kMaxTrailerBytes, cut);
    require(pieces.data == whole.data && pieces.error == whole.error && pieces.done == whole.done,
            "the outcome depends on the cuts");
    require(pieces.error || pieces.used == whole.used, "the end depends on the cuts");
  }
  require(whole.error != core::Errc::internal_error, "gets nowhere");
  if (whole.done) check_good(text, whole);
  return 0;
}
