#include "server/dictionary_operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/problem.h"
#include "server/dictionary_file.h"
#include "server/sha256.h"
#include "tests/support/codec_driver.h"
#include "tests/support/dictionary_samples.h"
#include "tests/support/zstd_helpers.h"

namespace frdpu::server {
namespace {

using namespace dictionary_test;
using core::Errc;
using core::Flush;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

test::Buffer framed(const std::vector<test::Buffer>& items) {
  test::Buffer body;
  for (const test::Buffer& item : items) {
    const auto header = proto::item_header(static_cast<std::uint32_t>(item.size()));
    body.insert(body.end(), header.begin(), header.end());
    body.insert(body.end(), item.begin(), item.end());
  }
  return body;
}

class DictionaryOperationsTest : public ::testing::Test {
 protected:
  void open(std::uint64_t limit_bytes) {
    store_ = *DictionaryStore::open(folder_.path(), limit_bytes);
  }
  // What the operation answers to a whole body; the status is that of the operation.
  json answer(Operation& operation, core::Bytes body, test::Cut cut = {}) {
    const auto driven = test::drive(operation, body, cut);
    EXPECT_TRUE(driven) << driven.error().detail;
    if (!driven) return {};
    EXPECT_EQ(driven->consumed, body.size());
    return json::parse(core::as_text(driven->output));
  }
  static Errc refusal(Operation& operation, core::Bytes body, test::Cut cut = {}) {
    const auto driven = test::drive(operation, body, cut);
    EXPECT_FALSE(driven);
    return driven ? Errc{} : driven.error().code;
  }
  json put(std::string_view name, core::Bytes body, unsigned status, test::Cut cut = {}) {
    DictionaryPut operation(*store_, name);
    json made = answer(operation, body, cut);
    EXPECT_EQ(operation.status(), status);
    return made;
  }

  TemporaryFolder folder_;
  std::unique_ptr<DictionaryStore> store_ = *DictionaryStore::open(folder_.path(), core::kMiB);
  std::byte room_[4096];
};

TEST_F(DictionaryOperationsTest, PutStoresTheBodyHoweverItIsCut) {
  const test::Buffer content = test::random_bytes(5'000);
  for (const std::size_t cut : test::kSeamSizes) {
    SCOPED_TRACE(cut);
    json made = put("name", content, 201, {.input_bytes = cut, .output_bytes = 64});
    EXPECT_EQ(made["name"], "name");
    EXPECT_EQ(made["id"], dictionary_id(content));
    EXPECT_EQ(made["bytes"], 5'000);
    EXPECT_EQ(made["sha256"], to_hex(sha256(content)));
    EXPECT_THAT(made["created"].get<std::string>(),
                ::testing::MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
                                        "[0-6][0-9]Z"));
    EXPECT_EQ(made.size(), 5u);
    EXPECT_EQ(folder_.read("name"), test::to_text(content));
    json again = put("name", content, 200);
    for (json* one : {&made, &again}) one->erase("created");
    EXPECT_EQ(again, made);
    ASSERT_TRUE(store_->remove("name"));
  }
}

TEST_F(DictionaryOperationsTest, PutRefusesAsSoonAsTheBodyIsTooLong) {
  open(10'000);
  put("other", test::random_bytes(6'000), 201);
  DictionaryPut operation(*store_, "name");
  ASSERT_TRUE(operation.step(test::random_bytes(4'000, 2), room_, Flush::none));
  const auto refused = operation.step(test::random_bytes(1, 3), room_, Flush::none);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::dictionaries_too_large);
  std::byte text[proto::kMaxProblemBytes];
  const std::size_t size = proto::write_problem(text, refused.error());
  const json problem = json::parse(core::as_text(core::Bytes(text).first(size)));
  EXPECT_EQ(problem["status"], 413);
  EXPECT_EQ(problem["code"], "body_too_large");
  EXPECT_EQ(problem["limit"], 10'000);
  EXPECT_EQ(problem["observed"], 10'001);
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("--dictionary-bytes"));
  EXPECT_THAT(problem["detail"].get<std::string>(), Not(HasSubstr("--max-body-bytes")));
}

TEST_F(DictionaryOperationsTest, WhatIsReceivedIsCountedAndGivenBack) {
  open(10'000);
  {
    DictionaryPut one(*store_, "one");
    DictionaryPut two(*store_, "two");
    DictionaryPut three(*store_, "three");
    DictionaryPut four(*store_, "four");
    for (DictionaryPut* operation : {&one, &two, &three}) {
      ASSERT_TRUE(operation->step(test::random_bytes(10'000), room_, Flush::none));
    }
    EXPECT_EQ(store_->memory_in_use(), 30'000u);
    const auto refused = four.step(test::random_bytes(1), room_, Flush::none);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::overloaded);
  }
  EXPECT_EQ(store_->memory_in_use(), 0u);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(DictionaryOperationsTest, PutRefusesWhatTheStoreRefuses) {
  DictionaryPut empty(*store_, "name");
  EXPECT_EQ(refusal(empty, {}), Errc::empty_input);
  DictionaryPut broken(*store_, "name");
  EXPECT_EQ(refusal(broken, core::Bytes(zstd_dictionary()).first(100)), Errc::corrupt_input);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(DictionaryOperationsTest, TrainStoresADictionaryThatFramesAreReadWith) {
  const auto from = samples(400);
  const test::Buffer body = framed(from);
  json first;
  for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, std::size_t{1'000}, SIZE_MAX}) {
    SCOPED_TRACE(cut);
    DictionaryTrain operation(*store_, "name", 4'096);
    json made = answer(operation, body, {.input_bytes = cut, .output_bytes = 64});
    EXPECT_EQ(operation.status(), first.is_null() ? 201 : 200);
    EXPECT_EQ(made.size(), 7u);
    EXPECT_GT(made["ratio_with"], 2 * made["ratio_without"].get<double>());
    made.erase("created");
    if (first.is_null()) first = made;
    EXPECT_EQ(made, first);
  }
  PinnedDictionaries now;
  store_->pin(now);
  const core::Dictionary* const dictionary = now.find(first["id"].get<std::uint32_t>());
  ASSERT_NE(dictionary, nullptr);
  EXPECT_EQ(dictionary->content().size(), first["bytes"]);
  EXPECT_TRUE(dictionary->is_zstd_format());
  // Our encoder, the library's decoder.
  core::EncoderParams params = core::zstd_test::zstd_params(3, from[0].size());
  params.dictionary = dictionary;
  const auto frame = core::zstd_test::encode(params, from[0]);
  ASSERT_TRUE(frame);
  ZSTD_DCtx* const decoder = ZSTD_createDCtx();
  test::Buffer back(from[0].size());
  const core::Bytes content = dictionary->content();
  EXPECT_EQ(ZSTD_decompress_usingDict(decoder, back.data(), back.size(), frame->data(),
                                      frame->size(), content.data(), content.size()),
            back.size());
  ZSTD_freeDCtx(decoder);
  EXPECT_EQ(back, from[0]);
  EXPECT_EQ(ZSTD_getDictID_fromFrame(frame->data(), frame->size()), dictionary->id());
}

TEST_F(DictionaryOperationsTest, OnlyOneTrainsAtATime) {
  const test::Buffer body = framed(samples(100));
  {
    DictionaryTrain first(*store_, "first", 1'024);
    DictionaryTrain second(*store_, "second", 1'024);
    EXPECT_EQ(refusal(second, body), Errc::overloaded);
    EXPECT_EQ(answer(first, body)["name"], "first");
  }
  DictionaryTrain third(*store_, "third", 1'024);
  EXPECT_EQ(answer(third, body)["name"], "third");
}

TEST_F(DictionaryOperationsTest, TrainRefusesABodyThatIsNone) {
  const auto refuses = [&](core::Bytes body) {
    DictionaryTrain operation(*store_, "name", 1'024);
    return refusal(operation, body);
  };
  const test::Buffer good = framed(samples(8));
  EXPECT_EQ(refuses({}), Errc::too_few_samples);
  EXPECT_EQ(refuses(framed(samples(7))), Errc::too_few_samples);
  EXPECT_EQ(refuses(core::Bytes(good).first(good.size() - 1)), Errc::malformed_frames);
  EXPECT_EQ(refuses(test::bytes_of({1, 0, 0})), Errc::malformed_frames);
  EXPECT_EQ(refuses(test::bytes_of({255, 255, 255, 255})), Errc::malformed_frames);
  EXPECT_EQ(refuses(framed(std::vector<test::Buffer>(9, test::bytes_of({7})))),
            Errc::too_few_samples);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(DictionaryOperationsTest, TrainBelievesALengthOnlyToRefuse) {
  DictionaryTrain operation(*store_, "name", 1'024);
  const auto refused = operation.step(test::bytes_of({1, 0, 0, 1}), room_, Flush::none);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::fixed_limit_exceeded);
  std::byte text[proto::kMaxProblemBytes];
  const std::size_t size = proto::write_problem(text, refused.error());
  const json problem = json::parse(core::as_text(core::Bytes(text).first(size)));
  EXPECT_EQ(problem["status"], 413);
  EXPECT_EQ(problem["code"], "body_too_large");
  EXPECT_THAT(problem["detail"].get<std::string>(), Not(HasSubstr("--")));
}

TEST_F(DictionaryOperationsTest, TrainKeepsToTheStoresLimit) {
  open(4'096);
  put("other", test::random_bytes(4'000), 201);
  DictionaryTrain operation(*store_, "name", 2'048);
  EXPECT_EQ(refusal(operation, framed(samples(200))), Errc::dictionaries_too_large);
  EXPECT_EQ(store_->memory_in_use(), 4'000u);
}

TEST_F(DictionaryOperationsTest, RemoveAnswersNothing) {
  put("name", core::as_bytes("content"), 201);
  DictionaryRemove operation(*store_, "name");
  EXPECT_EQ(operation.status(), 204);
  const auto driven =
      test::drive(operation, core::as_bytes("a body nobody wants"), {.input_bytes = 3});
  ASSERT_TRUE(driven);
  EXPECT_THAT(driven->output, IsEmpty());
  EXPECT_THAT(folder_.names(), IsEmpty());
  DictionaryRemove again(*store_, "name");
  EXPECT_EQ(refusal(again, {}), Errc::unknown_dictionary);
}

TEST_F(DictionaryOperationsTest, TheListIsOrderedByName) {
  const auto listed = [&] {
    PinnedDictionaries now;
    store_->pin(now);
    return json::parse(dictionaries_json(now));
  };
  EXPECT_EQ(listed(), json::parse(R"({"dictionaries": []})"));
  const std::string longest(64, 'z');
  const json last = put(longest, core::as_bytes("1"), 201);
  const json first = put("a", core::as_bytes("2"), 201);
  EXPECT_EQ(listed(), (json{{"dictionaries", {first, last}}}));
}

TEST_F(DictionaryOperationsTest, EveryStepIsAWorkers) {
  DictionaryPut put(*store_, "name");
  DictionaryTrain train(*store_, "name", 1'024);
  DictionaryRemove remove(*store_, "name");
  for (const Operation* operation : {static_cast<Operation*>(&put), static_cast<Operation*>(&train),
                                     static_cast<Operation*>(&remove)}) {
    EXPECT_GE(operation->cost_estimate(0), std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(train.step(framed(samples(8'000)), room_, Flush::none));
  EXPECT_GE(train.cost_estimate(0), std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace frdpu::server
