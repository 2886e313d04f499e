// LZ4 frames from strangers: cut anywhere they decode to the same, and what liblz4 makes of them,
// too. The first bytes choose the cuts, and whether the header's checksum is made right so that
// mutations get past it; the rest is the frame.
#include <lz4frame.h>

#include <algorithm>

#include "core/engine/xxhash32.h"
#include "tests/fuzz/lz4_fuzz_support.h"

namespace {

using namespace frdpu;
using namespace frdpu::fuzz;

constexpr std::size_t kMostOutput = std::size_t{1} << 18;

/// Sets the header checksum of a standard frame to what it should be.
void mend_header(Buffer& frame) {
  if (frame.size() < 7 || frame[0] != std::byte{0x04} || frame[1] != std::byte{0x22}) return;
  const auto flags = static_cast<unsigned>(frame[4]);
  const std::size_t at = 6 + ((flags & 0x08) != 0 ? 8 : 0) + ((flags & 0x01) != 0 ? 4 : 0);
  if (frame.size() <= at) return;
  core::Xxhash32 hash;
  hash.update(core::Bytes(frame).subspan(4, at - 4));
  frame[at] = std::byte(hash.digest() >> 8 & 0xFF);
}

/// Returns: what liblz4 decodes, or nothing when it refuses or the frame does not end.
std::optional<Outcome> by_liblz4(core::Bytes input) {
  static LZ4F_dctx* const context = [] {
    LZ4F_dctx* made = nullptr;
    LZ4F_createDecompressionContext(&made, LZ4F_VERSION);
    return made;
  }();
  LZ4F_resetDecompressionContext(context);
  Outcome outcome;
  static Buffer room(1 << 16);
  for (std::size_t hint = 1; hint != 0;) {
    std::size_t produced = room.size();
    std::size_t taken = input.size() - outcome.consumed;
    hint = LZ4F_decompress(context, room.data(), &produced, input.data() + outcome.consumed, &taken,
                           nullptr);
    if (LZ4F_isError(hint) != 0 || (hint != 0 && taken + produced == 0)) return std::nullopt;
    outcome.consumed += taken;
    outcome.output.insert(outcome.output.end(), room.begin(),
                          room.begin() + static_cast<std::ptrdiff_t>(produced));
    if (outcome.output.size() > kMostOutput) return std::nullopt;
  }
  outcome.done = true;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const bool mend = choices.below(2) == 0;
  const std::size_t cut = cut_size(choices);
  const std::size_t room = std::clamp<std::size_t>(cut_size(choices), 64, 1 << 17);
  Buffer frame = to_buffer(choices.rest());
  if (mend) mend_header(frame);

  const auto whole = decode_frame(frame, SIZE_MAX, 1 << 17, kMostOutput);
  const auto pieces = decode_frame(frame, cut, room, kMostOutput);
  require(whole.has_value() == pieces.has_value(), "two opinions on one header");
  if (!whole || whole->output.size() >= kMostOutput || pieces->output.size() >= kMostOutput) {
    return 0;
  }
  require(whole->done == pieces->done && whole->error == pieces->error,
          "the cuts decide about the outcome");
  if (!whole->done) return 0;
  require(whole->output == pieces->output, "the cuts decide about the bytes");
  require(whole->consumed == pieces->consumed, "the cuts decide about the end");
  const bool standard = frame[0] == std::byte{0x04};
  const auto theirs = standard ? by_liblz4(frame) : std::nullopt;
  if (theirs) {
    require(theirs->output == whole->output, "liblz4 reads other bytes");
    require(theirs->consumed == whole->consumed, "liblz4 sees another end");
  }
  return 0;
}
