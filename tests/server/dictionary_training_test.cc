#include "server/dictionary_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "core/dictionary.h"
#include "tests/support/dictionary_samples.h"

namespace frdpu::server {
namespace {

using namespace dictionary_test;
using core::Errc;
using ::testing::HasSubstr;

void add(TrainingSamples& to, core::Bytes sample) {
  ASSERT_TRUE(to.append(sample));
  to.end_sample();
}

TrainingSamples gathered(const std::vector<test::Buffer>& from) {
  TrainingSamples made;
  for (const test::Buffer& sample : from) add(made, sample);
  return made;
}

// One frame a sample, by the library: with a dictionary or without, checksum and all.
std::size_t frame_bytes(core::Bytes sample, core::Bytes dictionary) {
  ZSTD_CCtx* const encoder = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_compressionLevel, 3);
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_loadDictionary(encoder, dictionary.data(), dictionary.size());
  test::Buffer frame(ZSTD_compressBound(sample.size()) + 4);
  frame.resize(ZSTD_compress2(encoder, frame.data(), frame.size(), sample.data(), sample.size()));
  ZSTD_freeCCtx(encoder);

  ZSTD_DCtx* const decoder = ZSTD_createDCtx();
  test::Buffer back(sample.size());
  EXPECT_EQ(ZSTD_decompress_usingDict(decoder, back.data(), back.size(), frame.data(), frame.size(),
                                      dictionary.data(), dictionary.size()),
            sample.size());
  ZSTD_freeDCtx(decoder);
  EXPECT_EQ(back, test::to_buffer(sample));
  return frame.size();
}

TEST(DictionaryTrainingTest, TheRatiosAreThoseOfWhatWasHeldBack) {
  const auto from = samples(800);
  const auto trained = gathered(from).train(8'192);
  ASSERT_TRUE(trained) << trained.error().detail;
  EXPECT_LE(trained->content.size(), 8'192u);
  const core::Bytes content = trained->content;
  EXPECT_TRUE(core::Dictionary::declared_id(content));
  std::size_t bytes = 0;
  std::size_t with = 0;
  std::size_t without = 0;
  for (std::size_t i = 3; i < from.size(); i += 8) {
    bytes += from[i].size();
    with += frame_bytes(from[i], content);
    without += frame_bytes(from[i], {});
  }
  const auto ratio = [&](std::size_t to) {
    return static_cast<double>(bytes) / static_cast<double>(to);
  };
  EXPECT_NEAR(trained->ratio_with, ratio(with), 0.02 * ratio(with));
  EXPECT_DOUBLE_EQ(trained->ratio_without, ratio(without));
  EXPECT_GT(trained->ratio_with, 2 * trained->ratio_without);
}

TEST(DictionaryTrainingTest, WhatIsHeldBackIsNotTrainedWith) {
  auto from = samples(80);
  const auto before = gathered(from).train(4'096);
  ASSERT_TRUE(before);
  for (std::size_t i = 3; i < from.size(); i += 8) from[i] = test::random_bytes(200, i);
  const auto after = gathered(from).train(4'096);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->content, before->content);
  EXPECT_LT(after->ratio_with, 1);  // nothing helps noise
  from[4] = test::random_bytes(200, 4);
  EXPECT_NE(gathered(from).train(4'096)->content, before->content);
}

TEST(DictionaryTrainingTest, TheSameSamplesGiveTheSameDictionaryHoweverTheyAreCut) {
  const auto from = samples(200);
  TrainingSamples cut;
  for (const test::Buffer& sample : from) {
    for (std::size_t at = 0; at < sample.size(); at += 7) {
      ASSERT_TRUE(cut.append(
          core::Bytes(sample).subspan(at, std::min<std::size_t>(7, sample.size() - at))));
    }
    cut.end_sample();
  }
  const auto whole = gathered(from).train(4'096);
  ASSERT_TRUE(whole);
  EXPECT_EQ(cut.train(4'096)->content, whole->content);
  EXPECT_NE(gathered(samples(200, 2)).train(4'096)->content, whole->content);
}

TEST(DictionaryTrainingTest, EightAreEnoughAndSevenAreNot) {
  auto from = samples(8);
  const auto eight = gathered(from).train(512);
  ASSERT_TRUE(eight) << eight.error().detail;
  EXPECT_GT(eight->ratio_with, eight->ratio_without);
  EXPECT_GT(eight->ratio_without, 0);

  from.back().clear();  // an empty one is none
  TrainingSamples seven = gathered(from);
  EXPECT_EQ(seven.count(), 7u);
  for (int i = 0; i < 10; ++i) add(seven, {});
  const auto refused = seven.train(512);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_few_samples);
  EXPECT_EQ(refused.error().limit, 8u);
  EXPECT_EQ(refused.error().observed, 7u);
  EXPECT_EQ(TrainingSamples().train(512).error().code, Errc::too_few_samples);
}

TEST(DictionaryTrainingTest, SamplesThatTeachNothingAreRefusedWithAReason) {
  TrainingSamples tiny;
  for (int i = 0; i < 8; ++i) add(tiny, core::as_bytes("x"));
  const auto refused = tiny.train(4'096);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_few_samples);
  EXPECT_THAT(refused.error().detail, HasSubstr("too small"));
}

TEST(DictionaryTrainingTest, AlikeOrOddSamplesAreTrainedOrRefusedAndNoMore) {
  for (const std::size_t count : {8u, 9u, 12u, 100u}) {
    for (const std::size_t size : {1u, 2u, 7u, 8u, 9u, 100u, 5'000u}) {
      for (const std::uint32_t most : {256u, 4'096u, 112'640u}) {
        for (const bool alike : {false, true}) {
          SCOPED_TRACE(::testing::Message() << count << " of " << size << " to " << most);
          TrainingSamples made;
          for (std::size_t i = 0; i < count; ++i) {
            add(made, alike ? test::zeros(size) : test::random_bytes(size, i + 1));
          }
          const auto trained = made.train(most);
          if (trained) {
            EXPECT_LE(trained->content.size(), most);
            EXPECT_TRUE(core::check_zstd_dictionary(trained->content));
            EXPECT_GT(trained->ratio_with, 0);
          } else {
            EXPECT_TRUE(trained.error().code == Errc::too_few_samples ||
                        trained.error().code == Errc::invalid_parameter)
                << trained.error().detail;
          }
        }
      }
    }
  }
}

TEST(DictionaryTrainingTest, TheSmallestSizeHoldsADictionaryOfOrdinarySamples) {
  const auto trained = gathered(samples(400)).train(256);
  ASSERT_TRUE(trained) << trained.error().detail;
  EXPECT_LE(trained->content.size(), 256u);
  EXPECT_GT(trained->ratio_with, trained->ratio_without);
}

TEST(DictionaryTrainingTest, MoreThanThereMayBeIsRefusedAsSoonAsItIsKnown) {
  TrainingSamples made;
  ASSERT_TRUE(made.append(test::zeros(TrainingSamples::kMostBytes - 10)));
  EXPECT_TRUE(made.check_room(10));
  const auto claimed = made.check_room(11);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().code, Errc::fixed_limit_exceeded);
  EXPECT_EQ(claimed.error().limit, TrainingSamples::kMostBytes);
  EXPECT_EQ(claimed.error().observed, TrainingSamples::kMostBytes + 1);
  EXPECT_FALSE(made.check_room(UINT32_MAX));
  ASSERT_TRUE(made.append(test::zeros(10)));
  EXPECT_EQ(made.bytes(), TrainingSamples::kMostBytes);
  EXPECT_FALSE(made.append(test::zeros(1)));

  TrainingSamples many;
  for (std::size_t i = 0; i < TrainingSamples::kMostSamples; ++i) {
    add(many, core::as_bytes("x"));
  }
  add(many, {});
  const auto one_more = many.append(core::as_bytes("x"));
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Errc::fixed_limit_exceeded);
  EXPECT_EQ(one_more.error().limit, TrainingSamples::kMostSamples);
}

}  // namespace
}  // namespace frdpu::server
