#include <gtest/gtest.h>
#include <zdict.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/dictionary.h"
#include "core/zstd_codec.h"
#include "tests/support/heap_counter.h"
#include "tests/support/zstd_helpers.h"

namespace frdpu::core {
namespace {

using namespace zstd_test;
using test::AlignedRegion;
using test::Buffer;
using test::Placed;

class ZstdDictionaryTest : public ::testing::Test {
 protected:
  ZstdDictionaryTest() {
    std::vector<std::size_t> sizes(200, 300);
    const Buffer samples = test::json_like(200 * 300, 3);
    trained_.resize(4096);
    const std::size_t got =
        ZDICT_trainFromBuffer(trained_.data(), trained_.size(), samples.data(), sizes.data(), 200);
    EXPECT_FALSE(ZDICT_isError(got)) << ZDICT_getErrorName(got);
    trained_.resize(got);
    id_ = Dictionary::declared_id(trained_).value_or(0);
  }

  Buffer trained_;
  std::uint32_t id_ = 0;
  Buffer input_ = test::json_like(700, 99);
};

TEST_F(ZstdDictionaryTest, RoundTripsAgainstTheLibraryAndSavesBytes) {
  const Dictionary dictionary(trained_, id_);
  const auto without = encode(zstd_params(3, input_.size()), input_);
  for (const bool whole : {false, true}) {
    for (const int level : {1, 3, 9, 19}) {
      EncoderParams params = zstd_params(level, input_.size(), 0, whole);
      params.dictionary = &dictionary;
      const auto frame = encode(params, input_);
      ASSERT_TRUE(frame.has_value()) << frame.error().detail;
      EXPECT_LT(frame->size() * 10, without->size() * 8);

      ZSTD_DCtx* context = ZSTD_createDCtx();
      Buffer back(input_.size());
      EXPECT_EQ(ZSTD_decompress_usingDict(context, back.data(), back.size(), frame->data(),
                                          frame->size(), trained_.data(), trained_.size()),
                input_.size());
      ZSTD_freeDCtx(context);
      EXPECT_EQ(back, input_);

      EXPECT_EQ((*parse_zstd_frame_header(*frame, true))->dictionary_id, id_);
      for (const std::size_t in : test::kSeamSizes) {
        const auto ours = decode(*frame, {in, in}, &dictionary);
        ASSERT_TRUE(ours.has_value()) << ours.error().detail;
        EXPECT_EQ(ours->output, input_);
      }
    }
  }
}

TEST_F(ZstdDictionaryTest, NeverTouchesTheHeap) {
  if (!test::heap_calls_are_counted()) GTEST_SKIP() << "a sanitizer's allocator is in place";
  const Dictionary dictionary(trained_, id_);
  EncoderParams params = zstd_params(3, input_.size());
  params.dictionary = &dictionary;
  const AlignedRegion encoder_memory(zstd_encoder_workspace_bytes(params));
  const AlignedRegion decoder_memory(std::size_t{1} << 20);
  Buffer out(2000);
  Buffer back(2000);
  const std::uint64_t before = test::heap_calls();
  for (int i = 0; i < 3; ++i) {
    const Placed<Encoder> encoder(*place_zstd_encoder(params, encoder_memory.bytes()));
    const std::size_t size = encoder->step(input_, out, Flush::finish)->produced;
    const auto header = parse_zstd_frame_header(Bytes(out).first(size), true);
    const Placed<Decoder> decoder(
        *place_zstd_decoder(**header, &dictionary, decoder_memory.bytes()));
    // Two steps: the one-shot path and the buffered one must both keep off the heap.
    ASSERT_TRUE(decoder->step(Bytes(out).first(20), back, Flush::none).has_value());
    ASSERT_EQ(decoder->step(Bytes(out).subspan(20, size - 20), back, Flush::finish)->state,
              StepState::done);
  }
  EXPECT_EQ(test::heap_calls() - before, 0u);
}

TEST_F(ZstdDictionaryTest, TakesRawContent) {
  const Buffer raw = test::json_like(4000, 5);
  const Dictionary dictionary(raw, 77);
  EncoderParams params = zstd_params(3, input_.size());
  params.dictionary = &dictionary;
  const auto frame = encode(params, input_);
  ASSERT_TRUE(frame.has_value());
  ZSTD_DCtx* context = ZSTD_createDCtx();
  Buffer back(input_.size());
  EXPECT_EQ(ZSTD_decompress_usingDict(context, back.data(), back.size(), frame->data(),
                                      frame->size(), raw.data(), raw.size()),
            input_.size());
  ZSTD_freeDCtx(context);
  EXPECT_EQ(back, input_);
}

TEST_F(ZstdDictionaryTest, NamesAMissingAWrongAndABrokenOne) {
  const Dictionary dictionary(trained_, id_);
  EncoderParams params = zstd_params(3, input_.size());
  params.dictionary = &dictionary;
  const auto frame = encode(params, input_);
  ASSERT_TRUE(frame.has_value());
  const auto missing = decode(*frame);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::missing_dictionary);
  EXPECT_EQ(missing.error().observed, id_);

  Buffer other = trained_;
  other[4] ^= std::byte{1};  // its id
  const Dictionary wrong(other, id_ ^ 1);
  const auto refused = decode(*frame, {}, &wrong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::missing_dictionary);

  const Dictionary broken(Bytes(trained_).first(20), id_);
  const auto corrupt = decode(*frame, {}, &broken);
  ASSERT_FALSE(corrupt.has_value());
  EXPECT_EQ(corrupt.error().code, Errc::corrupt_input);
  params.dictionary = &broken;
  const auto encoded = encode(params, input_);
  ASSERT_FALSE(encoded.has_value());
  EXPECT_EQ(encoded.error().code, Errc::invalid_parameter);
}

// Small payloads have a digest of the dictionary, in memory that was computed for it.
TEST_F(ZstdDictionaryTest, MemoryIsEnoughForEveryLevelAndSize) {
  for (const std::size_t dictionary_bytes : {std::size_t{300}, std::size_t{4096}}) {
    std::vector<std::size_t> sizes(200, 300);
    Buffer trained(dictionary_bytes);
    const Buffer samples = test::json_like(200 * 300, 3);
    trained.resize(
        ZDICT_trainFromBuffer(trained.data(), trained.size(), samples.data(), sizes.data(), 200));
    trained.insert(trained.end(), 16 * dictionary_bytes, std::byte{'x'});  // more content
    const Dictionary dictionary(trained, *Dictionary::declared_id(trained));
    for (int level = 1; level <= ZSTD_maxCLevel(); ++level) {
      for (const std::size_t size : {0, 1, 1'400, 9'000, 16'384, 16'385}) {
        for (const std::uint32_t window : {0u, 1024u, 1u << 20}) {
          for (const bool whole : {false, true}) {
            SCOPED_TRACE(testing::Message() << trained.size() << " level " << level << ' ' << size
                                            << " window " << window << ' ' << whole);
            const Buffer input = test::json_like(size, 11);
            EncoderParams params = zstd_params(level, size, window, whole);
            params.dictionary = &dictionary;
            const auto frame = encode(params, input);
            ASSERT_TRUE(frame) << frame.error().detail;
            const auto back = decode(*frame, {}, &dictionary);
            ASSERT_TRUE(back) << back.error().detail;
            ASSERT_TRUE(back->output == input);
          }
        }
      }
    }
  }
}

// What a workspace holds from earlier must not be taken for what is asked for now: the same id may
// stand for other content, and the memory of a dictionary may be another's by then.
TEST_F(ZstdDictionaryTest, ADigestIsOfTheDictionaryThatIsAskedFor) {
  Buffer content = trained_;
  auto first = std::make_unique<Dictionary>(content, id_);
  const auto frame_with = [&](const Dictionary* dictionary, int level, core::MutableBytes region) {
    EncoderParams params = zstd_params(level, input_.size(), 0, true);
    params.dictionary = dictionary;
    const Placed<Encoder> encoder(*place_zstd_encoder(params, region));
    Buffer out(zstd_bound(input_.size()));
    out.resize(encoder->step(input_, out, Flush::finish)->produced);
    return out;
  };
  EncoderParams largest = zstd_params(19, input_.size(), 0, true);
  largest.dictionary = first.get();
  const std::size_t bytes = 2 * zstd_encoder_workspace_bytes(largest);
  const auto fresh = [&](const Dictionary* dictionary, int level) {
    const AlignedRegion region(bytes);
    return frame_with(dictionary, level, region.bytes());
  };
  const AlignedRegion region(bytes);
  const Buffer before = frame_with(first.get(), 3, region.bytes());
  EXPECT_TRUE(before == fresh(first.get(), 3));
  EXPECT_TRUE(frame_with(first.get(), 3, region.bytes()) == before) << "the second time";
  EXPECT_TRUE(frame_with(first.get(), 19, region.bytes()) == fresh(first.get(), 19));
  EXPECT_TRUE(frame_with(nullptr, 3, region.bytes()) == fresh(nullptr, 3));
  EXPECT_TRUE(frame_with(first.get(), 3, region.bytes()) == before);

  // Another dictionary at the same place, with the same id and size.
  first.reset();
  std::rotate(content.end() - 3000, content.end() - 1500, content.end());
  const Dictionary second(content, id_);
  const Buffer after = frame_with(&second, 3, region.bytes());
  EXPECT_TRUE(after == fresh(&second, 3));
  const auto back = decode(after, {}, &second);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->output == input_);
}

}  // namespace
}  // namespace frdpu::core
