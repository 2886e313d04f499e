// Raw deflate data from strangers, through our inflater and through zlib. Both must accept or
// refuse it, with the same output and the same end, however the views are cut. The first byte
// selects the cuts; the rest is the data.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/inflater.h"

namespace {

using namespace frdpu::core;

constexpr std::size_t kMostOutput = std::size_t{1} << 16;

struct Outcome {
  std::vector<std::byte> output;
  std::size_t consumed = 0;
  bool good = false;
  bool truncated = false;
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

Outcome by_zlib(Bytes input) {
  Outcome outcome;
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) std::abort();
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  static std::vector<std::byte> room(1 << 16);
  int code = Z_OK;
  while (code == Z_OK && outcome.output.size() < kMostOutput) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    code = ::inflate(&stream, Z_NO_FLUSH);
    outcome.output.insert(
        outcome.output.end(), room.begin(),
        room.begin() + static_cast<std::ptrdiff_t>(room.size() - stream.avail_out));
  }
  outcome.consumed = stream.total_in;
  outcome.good = code == Z_STREAM_END;
  outcome.truncated = code == Z_BUF_ERROR;
  inflateEnd(&stream);
  return outcome;
}

// Views are copied to blocks of their exact size, so that a sanitizer sees the byte behind them.
Outcome by_us(Bytes input, std::size_t cut, std::size_t room_bytes) {
  Outcome outcome;
  static Inflater inflater;
  inflater.reset();
  std::size_t end = 0;
  for (int idle = 0; outcome.output.size() < kMostOutput;) {
    end = std::max(end, std::min(input.size(), outcome.consumed + cut));
    const std::vector<std::byte> view(input.begin() + static_cast<std::ptrdiff_t>(outcome.consumed),
                                      input.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<std::byte> room(room_bytes);
    const auto ran = inflater.run(view, room);
    if (!ran) {
      require(ran.error().code == Errc::corrupt_input, "another error");
      require(ran.error().offset.value_or(SIZE_MAX) <= view.size(), "an error behind the view");
      return outcome;
    }
    require(ran->consumed <= view.size() && ran->produced <= room.size(), "went past its views");
    outcome.consumed += ran->consumed;
    outcome.output.insert(outcome.output.end(), room.begin(),
                          room.begin() + static_cast<std::ptrdiff_t>(ran->produced));
    if (ran->state == StepState::done) {
      outcome.good = true;
      return outcome;
    }
    idle = ran->consumed + ran->produced == 0 ? idle + 1 : 0;
    if (ran->state == StepState::need_input) {
      require(ran->consumed == view.size(), "wants input and left some");
      if (end == input.size()) {
        outcome.truncated = true;
        return outcome;
      }
    } else {
      require(ran->produced == room.size() || idle < 2, "wants room that it has");
    }
    require(idle < 3, "gets nowhere");
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * kKiB) return 0;
  constexpr std::size_t kCuts[] = {SIZE_MAX, 1, SIZE_MAX, 3, 7, 40, 100, 1000};
  constexpr std::size_t kRooms[] = {1 << 16, 5, 31, 64, 300, 1500, 20000, 40000};
  const std::size_t cut = kCuts[data[0] % 8];
  const std::size_t room = kRooms[data[0] / 8 % 8];
  const Bytes input = std::as_bytes(std::span(data + 1, size - 1));
  const Outcome zlib = by_zlib(input);
  const Outcome ours = by_us(input, cut, room);
  if (zlib.output.size() >= kMostOutput || ours.output.size() >= kMostOutput) return 0;
  require(zlib.good == ours.good, "one accepts it, the other does not");
  // zlib reads on through code lengths in a code that is none before it refuses them.
  require(!ours.truncated || zlib.truncated, "wants more of what zlib has refused");
  if (ours.good) {
    require(zlib.output == ours.output, "different output");
    require(zlib.consumed == ours.consumed, "different ends");
  }
  return 0;
}
