// Any bytes, encoded at any level, window, block and flush pattern, with a dictionary or without,
// are what the decoder gives back; frames are within their bound, and no offset exceeds the window.
// The first bytes choose the settings; the rest is the input.
#include "tests/fuzz/lz4_fuzz_support.h"

namespace {

using namespace frdpu;
using namespace frdpu::fuzz;

std::size_t le(core::Bytes bytes, std::size_t at, std::size_t count) {
  std::size_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | static_cast<std::size_t>(bytes[at + i]);
  return value;
}

/// Walks the sequences of a block by the format's description alone. Returns: the largest offset.
std::size_t largest_offset(core::Bytes block) {
  std::size_t largest = 0;
  std::size_t at = 0;
  const auto length = [&](std::size_t nibble) {
    for (std::size_t byte = nibble == 15 ? 255 : 0; byte == 255; nibble += byte) {
      byte = le(block, at++, 1);
    }
    return nibble;
  };
  for (;;) {
    const std::size_t token = le(block, at++, 1);
    at += length(token >> 4);
    if (at == block.size()) return largest;
    require(at + 2 <= block.size(), "a block ends in a sequence");
    largest = std::max(largest, le(block, at, 2));
    at += 2;
    length(token & 15);
  }
}

void check_offsets(core::Bytes frame, std::size_t window) {
  const auto header = core::parse_lz4_frame_header(frame, true);
  require(header && *header, "a header of ours is not read");
  std::size_t at = (*header)->header_bytes;
  for (;;) {
    const std::size_t field = le(frame, at, 4);
    const std::size_t size = field & 0x7FFFFFFF;
    at += 4;
    if (field == 0) return;
    if (field == size) {
      require(largest_offset(frame.subspan(at, size)) <= window, "an offset exceeds the window");
    }
    at += size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  constexpr std::uint32_t kWindows[] = {256, 257, 300, 1000, 4096, 32768, 65534, 65535};
  constexpr std::size_t kStretches[] = {1400, 4095, 4097, 5000, 65'535, 65'537, 140'000};
  core::EncoderParams params;
  params.level = static_cast<int>(1 + choices.below(9));
  params.window_bytes = kWindows[choices.below(std::size(kWindows))];
  params.whole = choices.below(2) == 0;
  const bool pledged = params.whole || choices.below(2) == 0;
  const core::Flush between = choices.below(2) == 0 ? core::Flush::none : core::Flush::flush;
  // Rarely: large inputs are slow.
  const std::size_t large = choices.below(40);
  const std::size_t stretch = large < std::size(kStretches) ? kStretches[large] : 0;
  std::size_t cut = cut_size(choices);
  const std::size_t decode_cut = cut_size(choices);
  const std::size_t decode_room = std::clamp<std::size_t>(cut_size(choices), 64, 1 << 17);
  // What is known beforehand is the start of the bytes, alone or again and again.
  const std::size_t known = choices.below(3) == 0 ? choices.below(256) : 0;
  const bool much = choices.below(4) == 0;
  const core::Bytes rest = choices.rest();
  const core::Bytes first = rest.first(std::min(known, rest.size()));
  const Buffer content = stretched(first, much ? 70'000 : 0);
  const core::Dictionary dictionary(content, 7);
  if (!content.empty()) params.dictionary = &dictionary;
  const Buffer input = stretched(rest.subspan(first.size()), stretch);
  if (pledged) params.content_bytes = input.size();
  // Every flush adds a block; keep their number sane.
  if (between == core::Flush::flush) cut = std::max(cut, input.size() / 200 + 1);

  const std::size_t bound = core::lz4_bound(input.size());
  Buffer frame;
  if (params.whole) {
    frame = encode_frame(params, input, SIZE_MAX, bound, core::Flush::finish);
  } else {
    frame = encode_frame(params, input, cut, 1500, between);
  }
  const std::size_t flushes = between == core::Flush::flush && !params.whole ? 201 : 0;
  require(frame.size() <= bound + 4 * flushes, "larger than the bound");
  check_offsets(frame, params.window_bytes);
  const auto back = decode_frame(frame, std::max<std::size_t>(decode_cut, frame.size() / 5000),
                                 decode_room, SIZE_MAX, params.dictionary);
  require(back && back->done && back->consumed == frame.size(), "our frame is not read");
  require(back->output == input, "our frame is read as something else");
  return 0;
}
