// Our engine and liblz4 against each other. The first byte chooses: our frames of any bytes read by
// liblz4, liblz4's frames and blocks of any bytes read by us, or the bytes themselves taken for a
// block, on which both must agree where both take it.
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>

#include "core/engine/block_decoder.h"
#include "tests/fuzz/lz4_fuzz_support.h"

namespace {

using namespace frdpu;
using namespace frdpu::fuzz;

const char* chars(core::Bytes bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

void ours_to_liblz4(Choices& choices) {
  core::EncoderParams params;
  params.level = static_cast<int>(1 + choices.below(9));
  params.window_bytes = static_cast<std::uint32_t>(256 + choices.below(65280));
  const std::size_t cut = std::max<std::size_t>(cut_size(choices), 300);
  const core::Flush between = choices.below(2) == 0 ? core::Flush::none : core::Flush::flush;
  const std::size_t stretch = choices.below(8) != 0 ? 0 : choices.below(100'000);
  const Buffer input = stretched(choices.rest(), stretch);
  const Buffer frame = encode_frame(params, input, cut, 4096, between);
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  Buffer out(input.size() + 1);
  std::size_t produced_all = 0;
  std::size_t taken_all = 0;
  for (std::size_t hint = 1; hint != 0;) {
    std::size_t produced = out.size() - produced_all;
    std::size_t taken = frame.size() - taken_all;
    hint = LZ4F_decompress(context, out.data() + produced_all, &produced, frame.data() + taken_all,
                           &taken, nullptr);
    require(LZ4F_isError(hint) == 0 && (hint == 0 || taken + produced != 0), "liblz4 refuses ours");
    produced_all += produced;
    taken_all += taken;
  }
  LZ4F_freeDecompressionContext(context);
  out.resize(produced_all);
  require(taken_all == frame.size() && out == input, "liblz4 reads ours as something else");
}

void liblz4_to_ours(Choices& choices) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = static_cast<LZ4F_blockSizeID_t>(4 + choices.below(4));
  preferences.frameInfo.blockMode =
      choices.below(2) == 0 ? LZ4F_blockLinked : LZ4F_blockIndependent;
  preferences.frameInfo.contentChecksumFlag =
      choices.below(2) == 0 ? LZ4F_noContentChecksum : LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockChecksumFlag =
      choices.below(2) == 0 ? LZ4F_noBlockChecksum : LZ4F_blockChecksumEnabled;
  preferences.compressionLevel = static_cast<int>(choices.below(13)) - 1;
  const bool with_size = choices.below(2) == 0;
  const std::size_t cut = cut_size(choices);
  const std::size_t room = std::clamp<std::size_t>(cut_size(choices), 64, 1 << 17);
  const std::size_t stretch = choices.below(8) != 0 ? 0 : choices.below(200'000);
  const Buffer input = stretched(choices.rest(), stretch);
  preferences.frameInfo.contentSize = with_size ? input.size() : 0;
  Buffer frame(LZ4F_compressFrameBound(input.size(), &preferences));
  const std::size_t size =
      LZ4F_compressFrame(frame.data(), frame.size(), input.data(), input.size(), &preferences);
  require(LZ4F_isError(size) == 0, "liblz4 does not encode");
  frame.resize(size);
  const auto back = decode_frame(frame, std::max(cut, size / 5000), room);
  require(back && back->done && back->consumed == size, "we refuse liblz4's");
  require(back->output == input, "we read liblz4's as something else");
}

/// Returns: what our decoder makes of a block, or nothing when it refuses.
std::optional<Buffer> decode_block(core::Bytes block, std::size_t room) {
  const Buffer in = to_buffer(block);
  Buffer out(room);
  const auto* const from = reinterpret_cast<const std::uint8_t*>(in.data());
  auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
  core::lz4::BlockDecoder decoder;
  decoder.begin(in.size(), room);
  core::lz4::DecodeViews views{.in = from,
                               .in_end = from + in.size(),
                               .floor = to,
                               .out = to,
                               .out_end = to + room,
                               .history_end = nullptr,
                               .history_bytes = 0};
  if (decoder.run(views) != core::lz4::DecodeOutcome::done) return std::nullopt;
  out.resize(static_cast<std::size_t>(views.out - to));
  return out;
}

void same_block(Choices& choices) {
  const std::size_t room = choices.below(5000);
  const core::Bytes block = choices.rest();
  const auto ours = decode_block(block, room);
  Buffer out(room + 1);
  const int size = LZ4_decompress_safe(chars(block), reinterpret_cast<char*>(out.data()),
                                       static_cast<int>(block.size()), static_cast<int>(room));
  if (size < 0 || !ours) return;
  out.resize(static_cast<std::size_t>(size));
  require(*ours == out, "a block is read as two things");
}

void liblz4_blocks(Choices& choices) {
  const int level = static_cast<int>(choices.below(14));
  const std::size_t stretch = choices.below(8) != 0 ? 0 : choices.below(100'000);
  const std::size_t slack = choices.below(100);
  const Buffer input = stretched(choices.rest(), stretch);
  if (input.empty()) return;  // liblz4's HC reads through the null pointer
  Buffer block(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(input.size()))));
  const int room = static_cast<int>(block.size());
  char* const to = reinterpret_cast<char*>(block.data());
  const int size = level < 2 ? LZ4_compress_fast(chars(input), to, static_cast<int>(input.size()),
                                                 room, level == 0 ? 1 : 17)
                             : LZ4_compress_HC(chars(input), to, static_cast<int>(input.size()),
                                               room, level - 1);
  require(size > 0, "liblz4 does not encode");
  block.resize(static_cast<std::size_t>(size));
  for (const std::size_t more : {std::size_t{0}, slack}) {
    const auto back = decode_block(block, input.size() + more);
    require(back.has_value(), "we refuse liblz4's block");
    require(*back == input, "we read liblz4's block as something else");
  }
  require(!decode_block(block, input.size() - 1), "a block fits where it cannot");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  switch (choices.below(4)) {
    case 0:
      ours_to_liblz4(choices);
      break;
    case 1:
      liblz4_to_ours(choices);
      break;
    case 2:
      same_block(choices);
      break;
    default:
      liblz4_blocks(choices);
      break;
  }
  return 0;
}
