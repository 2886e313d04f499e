// An LZ4 block from a stranger: decoded at once and cut anywhere, with and without history, it must
// come to the same end and the same bytes, and nothing outside the views is touched. The first
// bytes choose history, room and cuts; the rest is the block.
#include <algorithm>

#include "core/engine/block_decoder.h"
#include "tests/fuzz/lz4_fuzz_support.h"

namespace {

using namespace frdpu;
using namespace frdpu::fuzz;
using core::lz4::DecodeOutcome;

constexpr std::size_t kMostOutput = 70'000;

struct Decoded {
  Buffer output;
  bool good = false;
};

Buffer history_of(std::size_t bytes) {
  Buffer history(bytes);
  for (std::size_t i = 0; i < bytes; ++i) history[i] = std::byte(i * 167 >> 3 & 0xFF);
  return history;
}

/// All in one view: the output behind `near` bytes of history, the rest of it elsewhere.
Decoded at_once(core::Bytes block, std::size_t room, const Buffer& far, const Buffer& near) {
  const Buffer in = to_buffer(block);
  Buffer out(near.size() + room);
  std::copy(near.begin(), near.end(), out.begin());
  core::lz4::BlockDecoder decoder;
  decoder.begin(in.size(), room);
  auto* const floor = reinterpret_cast<std::uint8_t*>(out.data());
  core::lz4::DecodeViews views{
      .in = reinterpret_cast<const std::uint8_t*>(in.data()),
      .in_end = reinterpret_cast<const std::uint8_t*>(in.data()) + in.size(),
      .floor = floor,
      .out = floor + near.size(),
      .out_end = floor + out.size(),
      .history_end = reinterpret_cast<const std::uint8_t*>(far.data()) + far.size(),
      .history_bytes = far.size()};
  const DecodeOutcome outcome = decoder.run(views);
  require(outcome != DecodeOutcome::need_input, "wants more than the block");
  out.resize(static_cast<std::size_t>(views.out - floor));
  require(std::equal(near.begin(), near.end(), out.begin()), "wrote below its room");
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(near.size()));
  return {std::move(out), outcome == DecodeOutcome::done};
}

/// Cut into small views; between them everything so far moves into the history.
Decoded in_pieces(core::Bytes block, std::size_t room, Buffer history, std::size_t in_cut,
                  std::size_t out_cut) {
  const std::size_t before = history.size();
  core::lz4::BlockDecoder decoder;
  decoder.begin(block.size(), room);
  std::size_t taken = 0;
  for (;;) {
    const Buffer in = to_buffer(block.subspan(taken, std::min(in_cut, block.size() - taken)));
    Buffer out(std::min(out_cut, room + 1 - (history.size() - before)));
    auto* const floor = reinterpret_cast<std::uint8_t*>(out.data());
    const auto* const from = reinterpret_cast<const std::uint8_t*>(in.data());
    core::lz4::DecodeViews views{
        .in = from,
        .in_end = from + in.size(),
        .floor = floor,
        .out = floor,
        .out_end = floor + out.size(),
        .history_end = reinterpret_cast<const std::uint8_t*>(history.data()) + history.size(),
        .history_bytes = history.size()};
    const DecodeOutcome outcome = decoder.run(views);
    require(views.in <= from + in.size() && views.out <= floor + out.size(), "past its views");
    const auto consumed = static_cast<std::size_t>(views.in - from);
    const auto produced = static_cast<std::size_t>(views.out - floor);
    taken += consumed;
    history.insert(history.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(produced));
    if (outcome == DecodeOutcome::done || outcome == DecodeOutcome::corrupt) {
      history.erase(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(before));
      return {std::move(history), outcome == DecodeOutcome::done};
    }
    require(consumed + produced != 0, "gets nowhere");
    if (outcome == DecodeOutcome::need_input) require(consumed == in.size(), "left input");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  constexpr std::size_t kRooms[] = {0, 1, 31, 32, 33, 100, 1400, 1500, 20'000, kMostOutput};
  constexpr std::size_t kHistories[] = {0, 1, 8, 40, 1000, 70'000};
  const std::size_t room = kRooms[choices.below(std::size(kRooms))];
  const Buffer far = history_of(kHistories[choices.below(std::size(kHistories))]);
  const Buffer near = history_of(kHistories[choices.below(std::size(kHistories))]);
  const std::size_t in_cut = cut_size(choices);
  const std::size_t out_cut = cut_size(choices);
  const core::Bytes block = choices.rest();

  const Decoded whole = at_once(block, room, far, near);
  require(whole.output.size() <= room, "more than the limit");
  Buffer history = far;
  history.insert(history.end(), near.begin(), near.end());
  const Decoded pieces = in_pieces(block, room, std::move(history), in_cut, out_cut);
  require(whole.good == pieces.good, "the cuts decide whether it is good");
  if (whole.good) require(whole.output == pieces.output, "the cuts decide about the bytes");
  return 0;
}
