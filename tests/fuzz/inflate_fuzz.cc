// Raw deflate data from strangers. The streaming inflater must accept or refuse it as zlib does in
// one piece, with the same output and the same end, however the views are cut. The one that takes
// whole streams must take at least what zlib takes. The first byte selects the cuts; the rest is
// the data.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/raw_inflate.h"
#include "core/workspace.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu::core;
using frdpu::fuzz::require;

constexpr std::size_t kMostOutput = std::size_t{1} << 16;

struct Outcome {
  std::vector<std::byte> output;
  std::size_t consumed = 0;
  bool good = false;
  bool truncated = false;
};

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

// An inflater in a workspace of its own, for all runs.
template <class Inflater>
Inflater& prepared() {
  const std::size_t bytes = Workspace::kHeaderBytes + Inflater::arena_bytes();
  auto* const memory =
      static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64}));  // never freed
  Workspace::format({memory, bytes});
  static Inflater inflater;
  if (!inflater.prepare(**Workspace::open({memory, bytes}))) std::abort();
  return inflater;
}

// The whole stream in one call, in and out of blocks of their exact size.
void check_whole(Bytes input, const Outcome& zlib) {
  static WholeInflate& inflater = prepared<WholeInflate>();
  const std::vector<std::byte> view(input.begin(), input.end());
  std::vector<std::byte> room(zlib.good ? zlib.output.size() : kMostOutput);
  const Progress got = inflater.run(view, room);
  if (!zlib.good) return;
  require(got.state == StepState::done, "refuses whole what zlib takes");
  room.resize(got.produced);
  require(room == zlib.output && got.consumed == zlib.consumed, "whole: another output or end");
}

// Views are copied to blocks of their exact size, so that a sanitizer sees the byte behind them.
Outcome by_us(Bytes input, std::size_t cut, std::size_t room_bytes) {
  Outcome outcome;
  static ZlibInflate& inflater = prepared<ZlibInflate>();
  require(inflater.reset().has_value(), "cannot be reset");
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
  if (zlib.output.size() < kMostOutput) check_whole(input, zlib);
  const Outcome ours = by_us(input, cut, room);
  if (zlib.output.size() >= kMostOutput || ours.output.size() >= kMostOutput) return 0;
  require(zlib.good == ours.good, "one accepts it, the other does not");
  require(!ours.truncated || zlib.truncated, "wants more of what zlib has refused");
  if (ours.good) {
    require(zlib.output == ours.output, "different output");
    require(zlib.consumed == ours.consumed, "different ends");
  }
  return 0;
}
