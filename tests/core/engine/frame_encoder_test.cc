#include "core/engine/frame_encoder.h"

#include "tests/core/engine/block_facts.h"
#include "tests/core/engine/lz4_test_support.h"
#include "tests/support/heap_counter.h"

namespace frdpu::test {
namespace {

using core::Errc;
using core::Flush;

std::vector<Sample> inputs() {
  std::vector<Sample> all = synthetic_samples(150'000);
  for (const std::size_t size : {0, 1, 4, 5, 11, 12, 13, 14, 64, 1400, 65535, 65536, 65537}) {
    all.push_back({"text" + std::to_string(size), text_like(size)});
    all.push_back({"zeros" + std::to_string(size), zeros(size)});
  }
  for (Sample& sample : corpus_samples(200'000)) all.push_back(std::move(sample));
  return all;
}

class FrameEncoderLevelTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, FrameEncoderLevelTest, testing::Range(1, 10));

TEST_P(FrameEncoderLevelTest, StreamsWhatLiblz4Reads) {
  for (const Sample& sample : inputs()) {
    const Buffer frame = encode_lz4(lz4_params(GetParam()), sample.bytes);
    const auto decoded = liblz4_decode(frame);
    ASSERT_TRUE(decoded) << sample;
    ASSERT_TRUE(same_bytes(*decoded, sample.bytes)) << sample;
    ASSERT_LE(frame.size(), core::lz4_bound(sample.bytes.size()));
  }
}

TEST_P(FrameEncoderLevelTest, WritesWholeInputsThatLiblz4Reads) {
  for (const Sample& sample : inputs()) {
    for (const std::uint32_t window : {256u, 4096u, 32768u, 65535u}) {
      const Buffer frame = encode_lz4_whole(lz4_params(GetParam(), window), sample.bytes);
      const auto decoded = liblz4_decode(frame);
      ASSERT_TRUE(decoded) << sample;
      ASSERT_TRUE(same_bytes(*decoded, sample.bytes)) << sample;
      ASSERT_LE(largest_offset_of(frame), window) << sample;
    }
  }
}

TEST_P(FrameEncoderLevelTest, UsesTheWholeWindowOverBlocks) {
  // The only matches are at that distance, over the seam of blocks and where history moves down.
  for (const std::size_t window : {257uz, 40'000uz, 65'535uz}) {
    Buffer input;
    for (int i = 0; i < 4; ++i) {
      const Buffer same = random_bytes(window, 7);
      input.insert(input.end(), same.begin(), same.end());
    }
    const auto params = lz4_params(GetParam(), static_cast<std::uint32_t>(window));
    for (const Flush between : {Flush::none, Flush::flush}) {
      const Buffer frame = encode_lz4(params, input, 30'000, 1 << 17, between);
      EXPECT_EQ(largest_offset_of(frame), window);
      EXPECT_LT(frame.size(), input.size());
      // The fast levels' tables have not room for so many positions: they find some again.
      const bool finds_all = GetParam() > 3 || window <= 40'000;
      EXPECT_TRUE(!finds_all || frame.size() < window + window / 4 + 200) << frame.size();
      const auto decoded = liblz4_decode(frame);
      ASSERT_TRUE(decoded) << window;
      ASSERT_TRUE(same_bytes(*decoded, input)) << window;
    }
  }
}

TEST_P(FrameEncoderLevelTest, IsTheSameBytesAtEverySeam) {
  const Buffer input = mixed_bytes(70'000);
  const Buffer expected = encode_lz4(lz4_params(GetParam()), input);
  for (const std::size_t in_cut : kSeamSizes) {
    for (const std::size_t out_cut : {1, 3, 15, 64, 65, 100, 1500}) {
      const Buffer frame = encode_lz4(lz4_params(GetParam()), input, in_cut, out_cut);
      ASSERT_TRUE(same_bytes(frame, expected))
          << "input cut at " << in_cut << ", output at " << out_cut;
    }
  }
}

TEST_P(FrameEncoderLevelTest, PutsTheSizeIntoTheHeaderWhereItIsPledged) {
  const Buffer input = json_like(1400);
  core::EncoderParams params = lz4_params(GetParam());
  params.content_bytes = input.size();
  const Buffer frame = encode_lz4(params, input);
  const auto header = core::parse_lz4_frame_header(frame, true);
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->content_bytes, 1400u);
  EXPECT_EQ((*header)->window_bytes, 65536u);
  EXPECT_EQ((*header)->checksum, true);
  EXPECT_TRUE((*header)->independent_blocks);
  EXPECT_TRUE(same_bytes(*decode_lz4(frame).output, input));
}

TEST(FrameEncoderTest, RefusesAnInputThatIsNotOfThePledgedSize) {
  for (const std::size_t pledged : {0, 1, 99, 101, 65536, 70'000}) {
    for (const std::size_t cut : {1, 7, 1000}) {
      core::EncoderParams params = lz4_params(1);
      params.content_bytes = pledged;
      const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
      const Placed<core::Encoder> encoder(*core::place_lz4_encoder(params, workspace.bytes()));
      const Buffer input = text_like(pledged < 100 || pledged == 65536 ? pledged + 100 : 100);
      const RunResult result = run_transform(*encoder.object, input, cut, 1000);
      ASSERT_FALSE(result.output) << pledged;
      EXPECT_EQ(result.output.error().code, Errc::invalid_size);
    }
  }
}

TEST(FrameEncoderTest, FlushMakesAllInputReadable) {
  const Buffer input = json_like(40'000);
  const core::EncoderParams params = lz4_params(1);
  const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
  const Placed<core::Encoder> encoder(*core::place_lz4_encoder(params, workspace.bytes()));
  Buffer frame;
  Buffer room(core::lz4_bound(2000));
  for (std::size_t at = 0; at < input.size(); at += 1400) {
    const std::size_t size = std::min<std::size_t>(1400, input.size() - at);
    const auto step =
        encoder.object->step(core::Bytes(input).subspan(at, size), room, Flush::flush);
    ASSERT_TRUE(step);
    ASSERT_EQ(step->consumed, size);
    ASSERT_EQ(step->state, core::StepState::need_input);
    frame.insert(frame.end(), room.begin(),
                 room.begin() + static_cast<std::ptrdiff_t>(step->produced));

    // A decoder that gets this much, and no end, must give back all of it.
    const auto header = core::parse_lz4_frame_header(frame, false);
    const TestWorkspace decoding((*header)->workspace_bytes);
    const Placed<core::Decoder> decoder(
        *core::place_lz4_decoder(**header, nullptr, decoding.bytes()));
    Buffer out(input.size());
    const auto read = decoder.object->step(frame, out, Flush::none);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->produced, at + size);
    out.resize(read->produced);
    ASSERT_TRUE(same_bytes(out, core::Bytes(input).first(at + size)));
  }
}

TEST(FrameEncoderTest, FlushedBlocksOfAPledgedInputAreLinked) {
  // Found by lz4_round_trip_fuzz: the header called them independent, because one would have held
  // the whole input.
  const Buffer input = json_like(1400);
  for (const std::size_t cut : {31, 1000, 1400, 2000}) {
    core::EncoderParams params = lz4_params(2);
    params.content_bytes = input.size();
    const Buffer frame = encode_lz4(params, input, cut, 1500, Flush::flush);
    const auto header = core::parse_lz4_frame_header(frame, true);
    ASSERT_TRUE(header && *header);
    EXPECT_EQ((*header)->independent_blocks, cut >= input.size()) << cut;
    EXPECT_EQ((*header)->content_bytes, input.size());
    const auto decoded = liblz4_decode(frame);
    ASSERT_TRUE(decoded) << cut;
    EXPECT_TRUE(same_bytes(*decoded, input));
    const RunResult ours = decode_lz4(frame);
    ASSERT_TRUE(ours.output) << cut;
    EXPECT_TRUE(same_bytes(*ours.output, input));
  }
}

TEST(FrameEncoderTest, HistoryOverTheStreamPays) {
  const Buffer input = json_like(140'000);
  const Buffer linked = encode_lz4(lz4_params(1), input, 1400, 4096, Flush::flush);
  std::size_t alone = 0;
  for (std::size_t at = 0; at < input.size(); at += 1400) {
    alone += encode_lz4_whole(lz4_params(1), core::Bytes(input).subspan(at, 1400)).size();
  }
  EXPECT_LT(linked.size() * 10, alone * 7);
  for (int level = 1; level <= 9; ++level) {
    const Buffer near = encode_lz4(lz4_params(level, 1000), input, 1400, 4096, Flush::flush);
    EXPECT_LE(largest_offset_of(near), 1000u) << level;
    EXPECT_TRUE(same_bytes(*liblz4_decode(near), input)) << level;
  }
  EXPECT_TRUE(same_bytes(*liblz4_decode(linked), input));
}

// Small payloads share what was learned of a dictionary. Whatever a workspace held before, the
// frame is the one that a fresh workspace makes.
TEST(FrameEncoderTest, ADictionaryThatWasLearnedBeforeChangesNothing) {
  const Buffer content = json_like(100'000, 7);
  for (const std::size_t dictionary_bytes : {1, 9, 5'000, 70'000}) {
    Buffer bytes = to_buffer(core::Bytes(content).first(dictionary_bytes));
    const core::Dictionary first(bytes, 1000);
    Buffer others = bytes;
    std::ranges::reverse(others);
    const core::Dictionary second(others, 1000);  // the same id
    for (int level = 1; level <= 9; ++level) {
      for (const std::uint32_t window : {256u, 4096u, 65535u}) {
        const TestWorkspace workspace(2 << 20);
        for (const std::size_t size : {1'400, 0, 1, 16'384, 1'400, 16'385}) {
          for (const core::Dictionary* dictionary :
               {&first, &first, static_cast<const core::Dictionary*>(nullptr), &second, &first}) {
            SCOPED_TRACE(testing::Message() << dictionary_bytes << " level " << level << " window "
                                            << window << " size " << size);
            const Buffer input = json_like(size, 8);
            core::EncoderParams params = lz4_params(level, window);
            params.content_bytes = size;
            params.dictionary = dictionary;
            ASSERT_LE(core::lz4_encoder_workspace_bytes(params), 2 << 20);
            Buffer again;
            {
              const Placed<core::Encoder> encoder(
                  *core::place_lz4_encoder(params, workspace.bytes()));
              again = *run_transform(*encoder.object, input, 1000, 1 << 16).output;
            }
            ASSERT_TRUE(same_bytes(again, encode_lz4(params, input, 1000, 1 << 16)));
            const RunResult back = decode_lz4(again, SIZE_MAX, 1 << 16, dictionary);
            ASSERT_TRUE(back.output && same_bytes(*back.output, input));
          }
        }
      }
    }
  }
}

TEST(FrameEncoderTest, RefusesWhatIsOutOfRange) {
  const TestWorkspace workspace(1 << 21);
  EXPECT_EQ(core::lz4_encoder_workspace_bytes(lz4_params(0)), 0u);
  EXPECT_EQ(core::lz4_encoder_workspace_bytes(lz4_params(10)), 0u);
  EXPECT_EQ(core::place_lz4_encoder(lz4_params(0), workspace.bytes()).error().code,
            Errc::invalid_level);
  EXPECT_EQ(core::place_lz4_encoder(lz4_params(10), workspace.bytes()).error().code,
            Errc::invalid_level);
  EXPECT_EQ(core::place_lz4_encoder(lz4_params(1, 255), workspace.bytes()).error().code,
            Errc::invalid_window);
  EXPECT_EQ(core::place_lz4_encoder(lz4_params(1, 65536), workspace.bytes()).error().code,
            Errc::invalid_window);
  const std::size_t needed = core::lz4_encoder_workspace_bytes(lz4_params(1));
  EXPECT_EQ(
      core::place_lz4_encoder(lz4_params(1), workspace.bytes().first(needed - 1)).error().code,
      Errc::invalid_size);
  EXPECT_EQ(core::place_lz4_encoder(lz4_params(1), workspace.bytes().subspan(1)).error().code,
            Errc::invalid_size);
}

TEST(FrameEncoderTest, WholeInputsOfOnePacketNeedFewKibibytes) {
  for (const auto& [level, kibibytes] : {std::pair{1, 5}, {9, 49}}) {
    core::EncoderParams params = lz4_params(level);
    params.whole = true;
    params.content_bytes = 1400;
    EXPECT_LE(core::lz4_encoder_workspace_bytes(params), std::size_t(kibibytes) * core::kKiB)
        << level;
  }
}

TEST(FrameEncoderTest, OptimalParsingFindsWhatStandsInBlocksThatItGaveBack) {
  // Whole blocks of noise, moved down in the workspace again and again; then the last of it once
  // more, at the start of a block that has a history of nothing but noise.
  constexpr std::size_t kNoise = std::size_t{5} << 16;
  for (const std::uint32_t window : {256u, 1000u, 65535u}) {
    const Buffer noise = random_bytes(kNoise);
    const std::size_t again = std::min<std::size_t>(window, 2000);
    Buffer input = noise;
    input.insert(input.end(), noise.end() - std::ptrdiff_t(again), noise.end());
    const Buffer more = random_bytes(3000, 2);
    input.insert(input.end(), more.begin(), more.end());
    const Buffer frame = encode_lz4(lz4_params(9, window), input, 5000, 1500);
    EXPECT_LT(frame.size(), input.size() - again + 100) << window;
    EXPECT_EQ(largest_offset_of(frame), again);
    const auto decoded = liblz4_decode(frame);
    ASSERT_TRUE(decoded) << window;
    EXPECT_TRUE(same_bytes(*decoded, input)) << window;
  }
}

TEST(FrameEncoderTest, WholePathRefusesLessRoomThanTheBound) {
  core::EncoderParams params = lz4_params(1);
  params.whole = true;
  params.content_bytes = 1400;
  const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
  const Placed<core::Encoder> encoder(*core::place_lz4_encoder(params, workspace.bytes()));
  Buffer room(core::lz4_bound(1400) - 1);
  EXPECT_EQ(encoder.object->step(text_like(1400), room, Flush::finish).error().code,
            Errc::invalid_size);
}

TEST(FrameEncoderTest, DoesNotGrowWhatDoesNotCompress) {
  for (const std::size_t size : {1400, 65536, 200'000}) {
    const Buffer input = random_bytes(size);
    const std::size_t blocks = (size + 65535) / 65536;
    for (int level = 1; level <= 9; ++level) {
      EXPECT_EQ(encode_lz4_whole(lz4_params(level), input).size(), size + 15 + 4 * blocks + 8);
    }
  }
}

TEST(FrameEncoderTest, UsesADictionary) {
  const Buffer content = json_like(20'000, 7);
  const core::Dictionary dictionary(content, 77);
  const Buffer input = json_like(1400, 7);
  for (int level = 1; level <= 9; ++level) {
    for (const std::uint32_t window : {256u, 16384u, 65535u}) {
      core::EncoderParams params = lz4_params(level, window);
      const Buffer without = encode_lz4_whole(params, input);
      params.dictionary = &dictionary;
      const Buffer streamed = encode_lz4(params, input);
      const Buffer whole = encode_lz4_whole(params, input);
      if (window > 256) {
        EXPECT_LT(whole.size() * 4, without.size() * 3) << level;
      }
      for (const Buffer& frame : {streamed, whole}) {
        EXPECT_LE(largest_offset_of(frame), window) << level;
        const auto header = core::parse_lz4_frame_header(frame, true);
        EXPECT_EQ((*header)->dictionary_id, 77u);
        const auto decoded = liblz4_decode(frame, content);
        ASSERT_TRUE(decoded);
        ASSERT_TRUE(same_bytes(*decoded, input));
        for (const std::size_t out_cut : {64, 1000, 100'000}) {
          const RunResult ours = decode_lz4(frame, 50, out_cut, &dictionary);
          ASSERT_TRUE(ours.output);
          ASSERT_TRUE(same_bytes(*ours.output, input));
        }
      }
    }
  }
}

// Every way through encoder and decoder, in memory that was there before.
TEST_P(FrameEncoderLevelTest, NeitherEncodingNorDecodingAllocates) {
  const Buffer input = json_like(150'000);
  const Buffer content = json_like(20'000, 7);
  const core::Dictionary dictionary(content, 77);
  const auto count = [&](core::EncoderParams params, std::size_t cut, Flush between) {
    if (params.whole) params.content_bytes = input.size();
    const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
    Buffer frame(core::lz4_bound(input.size()) + 8 * (input.size() / cut));
    Buffer back(input.size());
    const std::uint64_t before = heap_calls();
    core::Encoder* const encoder = *core::place_lz4_encoder(params, workspace.bytes());
    std::size_t produced = 0;
    bool done = false;
    for (std::size_t at = 0; at < input.size(); at += cut) {
      const core::Bytes piece = core::Bytes(input).subspan(at, std::min(cut, input.size() - at));
      const auto step = encoder->step(piece, core::MutableBytes(frame).subspan(produced),
                                      at + cut >= input.size() ? Flush::finish : between);
      produced += step ? step->produced : 0;
      done = step && step->state == core::StepState::done;
    }
    std::destroy_at(encoder);
    const std::uint64_t encoding = heap_calls() - before;
    EXPECT_TRUE(done);
    frame.resize(produced);

    const auto header = core::parse_lz4_frame_header(frame, true);
    const TestWorkspace decoding(std::max<std::size_t>((*header)->workspace_bytes,
                                                       params.dictionary != nullptr ? 140'000 : 0));
    const std::uint64_t between_both = heap_calls();
    core::Decoder* const decoder =
        *core::place_lz4_decoder(**header, params.dictionary, decoding.bytes());
    const auto decoded = decoder->step(frame, back, Flush::finish);
    std::destroy_at(decoder);
    const std::uint64_t both = encoding + heap_calls() - between_both;
    EXPECT_TRUE(decoded && decoded->state == core::StepState::done);
    EXPECT_TRUE(same_bytes(back, input));
    return both;
  };
  for (const std::uint32_t window : {256u, 65535u}) {
    core::EncoderParams params = lz4_params(GetParam(), window);
    EXPECT_EQ(count(params, input.size(), Flush::none), 0u);
    EXPECT_EQ(count(params, 1400, Flush::flush), 0u);
    params.dictionary = &dictionary;
    EXPECT_EQ(count(params, 10'000, Flush::none), 0u);
    params.whole = true;
    EXPECT_EQ(count(params, input.size(), Flush::none), 0u);
  }
}

}  // namespace
}  // namespace frdpu::test
