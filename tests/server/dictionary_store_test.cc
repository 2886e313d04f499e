#include "server/dictionary_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zstd.h>

#include <csignal>

#include "server/dictionary_file.h"
#include "tests/support/dictionary_samples.h"

namespace frdpu::server {
namespace {

using namespace dictionary_test;
using core::Errc;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DictionaryStoreTest : public WithFolder {};

TEST_F(DictionaryStoreTest, WhatWasPutIsThereAgainAfterTheNextStart) {
  const test::Buffer trained = zstd_dictionary();
  {
    const auto store = open();
    ASSERT_TRUE(put(*store, "raw", "some raw content"));
    ASSERT_TRUE(put(*store, "Trained-1.x", trained));
    EXPECT_THAT(names_in(*store), ElementsAre("Trained-1.x", "raw"));
  }
  EXPECT_EQ(folder_.read("raw"), "some raw content");
  EXPECT_THAT(folder_.names(), ElementsAre("Trained-1.x", "raw"));
  const auto store = open();
  PinnedDictionaries now;
  store->pin(now);
  const StoredDictionary* raw = now.find_named("raw");
  ASSERT_NE(raw, nullptr);
  EXPECT_EQ(core::as_text(raw->content()), "some raw content");
  EXPECT_FALSE(raw->dictionary().is_zstd_format());
  const StoredDictionary* found = now.find_named("Trained-1.x");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(test::to_buffer(found->content()), trained);
  EXPECT_EQ(found->entry().id, core::Dictionary::declared_id(trained));
  EXPECT_TRUE(found->dictionary().is_zstd_format());
}

TEST_F(DictionaryStoreTest, AnEntrySaysWhatIsStored) {
  const auto store = open();
  const auto first = put(*store, "abc", "abc");
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->replaced);
  const DictionaryEntry& entry = first->stored->entry();
  EXPECT_EQ(entry.name, "abc");
  EXPECT_EQ(entry.id, dictionary_id(core::as_bytes("abc")));
  EXPECT_EQ(entry.bytes, 3u);
  EXPECT_EQ(entry.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "abc").c_str(), &info), 0);
  char text[32];
  tm utc{};
  gmtime_r(&info.st_mtim.tv_sec, &utc);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  EXPECT_EQ(entry.created, text);
  EXPECT_EQ(info.st_mode & 0777, 0644u);

  const auto second = put(*store, "abc", "abcd");
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->replaced);
  EXPECT_EQ(second->stored->entry().bytes, 4u);
  EXPECT_EQ(folder_.read("abc"), "abcd");
}

TEST_F(DictionaryStoreTest, FindsByNameThenById) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "b", "same content"));
  ASSERT_TRUE(put(*store, "a", "same content"));
  const std::uint32_t id = dictionary_id(core::as_bytes("same content"));
  ASSERT_TRUE(put(*store, std::to_string(id + 1), "named like a number"));
  ASSERT_TRUE(put(*store, "z", "other"));
  PinnedDictionaries now;
  EXPECT_FALSE(now);
  EXPECT_EQ(now.find(id), nullptr);
  EXPECT_EQ(now.find_named("a"), nullptr);
  store->pin(now);
  EXPECT_TRUE(now);
  ASSERT_NE(now.find(id), nullptr);
  EXPECT_EQ(core::as_text(now.find(id)->content()), "same content");
  EXPECT_EQ(now.find(id)->id(), id);
  EXPECT_EQ(now.find(id + 1), nullptr);
  EXPECT_EQ(now.find(0), nullptr);
  ASSERT_NE(now.find_named(std::to_string(id)), nullptr);
  EXPECT_EQ(now.find_named(std::to_string(id))->entry().name, "a");  // the first of the two names
  EXPECT_EQ(now.find_named(std::to_string(id + 1))->entry().name, std::to_string(id + 1));
  const std::string digits = std::to_string(id);
  for (const std::string& no :
       {std::string(), std::string("c"), std::string("A"), std::string("-1"), std::string("0"),
        digits + "x", std::string("+").append(digits), std::string(" ").append(digits),
        std::to_string(std::uint64_t{id} + (1ull << 32))}) {
    EXPECT_EQ(now.find_named(no), nullptr) << no;
  }
  now.reset();
  EXPECT_FALSE(now);
  EXPECT_EQ(now.find(id), nullptr);
}

TEST_F(DictionaryStoreTest, WhatIsPinnedOutlivesReplacementAndRemoval) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "name", "first"));
  PinnedDictionaries first;
  store->pin(first);
  ASSERT_TRUE(put(*store, "name", "second"));
  PinnedDictionaries second;
  store->pin(second);
  ASSERT_TRUE(store->remove("name"));
  EXPECT_THAT(names_in(*store), IsEmpty());
  EXPECT_THAT(folder_.names(), IsEmpty());
  EXPECT_EQ(core::as_text(first.find_named("name")->content()), "first");
  EXPECT_EQ(core::as_text(second.find_named("name")->content()), "second");
  EXPECT_EQ(store->memory_in_use(), 11u);
  first.reset();
  EXPECT_EQ(store->memory_in_use(), 6u);
  store->pin(second);
  EXPECT_EQ(store->memory_in_use(), 0u);
}

TEST_F(DictionaryStoreTest, WhatIsPinnedOutlivesTheStore) {
  PinnedDictionaries now;
  {
    const auto store = open();
    ASSERT_TRUE(put(*store, "name", "content"));
    store->pin(now);
  }
  EXPECT_EQ(core::as_text(now.find_named("name")->content()), "content");
}

TEST_F(DictionaryStoreTest, RemovingWhatIsNotThereIsAnError) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "name", "content"));
  EXPECT_EQ(store->remove("nam").error().code, Errc::unknown_dictionary);
  ASSERT_TRUE(store->remove("name"));
  EXPECT_EQ(store->remove("name").error().code, Errc::unknown_dictionary);
  // Somebody else has removed the file: the name goes all the same.
  ASSERT_TRUE(put(*store, "name", "content"));
  std::filesystem::remove(folder_ / "name");
  EXPECT_TRUE(store->remove("name"));
}

TEST_F(DictionaryStoreTest, WhatIsNoDictionaryIsRefused) {
  const auto store = open();
  EXPECT_EQ(put(*store, "name", "").error().code, Errc::empty_input);
  const test::Buffer whole = zstd_dictionary();
  // Wherever it is cut off, it is the library's word that decides.
  std::size_t refused = 0;
  for (std::size_t size = 4; size < whole.size(); size += size < 300 ? 1 : 97) {
    const auto cut = core::Bytes(whole).first(size);
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_loadDictionary(context, cut.data(), cut.size());
    std::byte room[64];
    const bool usable = !ZSTD_isError(ZSTD_compress2(context, room, sizeof room, "x", 1));
    ZSTD_freeCCtx(context);
    const auto stored = put(*store, "name", cut);
    EXPECT_EQ(stored.has_value(), usable && size >= 8) << size;
    if (stored) continue;
    EXPECT_EQ(stored.error().code, Errc::corrupt_input) << size;
    ++refused;
  }
  EXPECT_GT(refused, 50u);
  test::Buffer nameless = whole;
  std::ranges::fill(std::span(nameless).subspan(4, 4), std::byte{0});
  EXPECT_EQ(put(*store, "name", nameless).error().code, Errc::corrupt_input);
  EXPECT_TRUE(put(*store, "name", core::Bytes(whole).first(3)));  // raw: that is no magic number
  EXPECT_TRUE(put(*store, "name", whole));
}

TEST_F(DictionaryStoreTest, AllTogetherStayWithinTheLimit) {
  const auto store = open(10'000);
  ASSERT_TRUE(put(*store, "one", test::random_bytes(6'000, 1)));
  const auto too_much = put(*store, "two", test::random_bytes(4'001, 2));
  ASSERT_FALSE(too_much);
  EXPECT_EQ(too_much.error().code, Errc::dictionaries_too_large);
  EXPECT_EQ(too_much.error().limit, 10'000u);
  EXPECT_EQ(too_much.error().observed, 10'001u);
  EXPECT_THAT(folder_.names(), ElementsAre("one"));
  ASSERT_TRUE(put(*store, "two", test::random_bytes(4'000, 2)));
  EXPECT_EQ(store->memory_in_use(), 10'000u);
  // What is replaced makes room.
  EXPECT_TRUE(store->check_room("one", 6'000));
  EXPECT_FALSE(store->check_room("one", 6'001));
  EXPECT_FALSE(store->check_room("three", 1));
  EXPECT_TRUE(put(*store, "one", test::random_bytes(5'999, 3)));
  ASSERT_TRUE(store->remove("two"));
  EXPECT_TRUE(put(*store, "three", test::random_bytes(4'001, 4)));
}

TEST_F(DictionaryStoreTest, WhatIsStillInUseIsCountedToo) {
  const auto store = open(10'000);
  std::vector<std::unique_ptr<PinnedDictionaries>> pins;
  std::uint64_t seed = 0;
  while (true) {
    const auto stored = put(*store, "name", test::random_bytes(10'000, ++seed));
    if (!stored) {
      EXPECT_EQ(stored.error().code, Errc::overloaded);
      break;
    }
    ASSERT_LE(store->memory_in_use(), 3 * 10'000u);
    store->pin(*pins.emplace_back(std::make_unique<PinnedDictionaries>()));
  }
  EXPECT_EQ(pins.size(), 3u);
  pins.erase(pins.begin());
  EXPECT_TRUE(put(*store, "name", test::random_bytes(10'000, 99)));
}

TEST_F(DictionaryStoreTest, ThereAreOnlySoMany) {
  const auto store = open();
  for (std::size_t i = 0; i < DictionaryStore::kMostDictionaries; ++i) {
    folder_.write(std::to_string(i) + "n", core::as_bytes(std::to_string(i)));
  }
  const auto full = open();
  const auto one_more = put(*full, "more", "more");
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Errc::fixed_limit_exceeded);
  EXPECT_EQ(one_more.error().limit, 1000u);
  EXPECT_TRUE(put(*full, "7n", "more"));
  folder_.write("more", core::as_bytes("x"));
  EXPECT_THAT(refusal(), HasSubstr("holds more than 1000 dictionaries"));
}

TEST_F(DictionaryStoreTest, AnotherContentOfTheSameIdIsRefused) {
  const auto store = open();
  const test::Buffer one = zstd_dictionary(1);
  test::Buffer two = zstd_dictionary(2);
  std::ranges::copy(std::span(one).subspan(4, 4), two.begin() + 4);
  ASSERT_TRUE(put(*store, "one", one));
  const auto collides = put(*store, "two", two);
  ASSERT_FALSE(collides);
  EXPECT_EQ(collides.error().code, Errc::invalid_parameter);
  EXPECT_THAT(folder_.names(), ElementsAre("one"));
  EXPECT_TRUE(put(*store, "same", one));  // under two names, which is no question
  EXPECT_FALSE(put(*store, "one", two));  // "same" still has the old content
  ASSERT_TRUE(store->remove("same"));
  EXPECT_TRUE(put(*store, "one", two));  // it takes its own place
}

TEST_F(DictionaryStoreTest, AWriteThatFailsLeavesTheOldOne) {
  const auto store = open();
  const test::Buffer old = test::random_bytes(1'000, 1);
  ASSERT_TRUE(put(*store, "name", old));
  // As a full disk would: files may grow to so many bytes.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t room : {0u, 1u, 4'096u, 49'999u}) {
    const rlimit small{room, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto failed = put(*store, "name", test::random_bytes(50'000, 2));
    const auto also_failed = put(*store, "new", test::random_bytes(50'000, 3));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::io_error);
    EXPECT_EQ(failed.error().observed, std::uint64_t{EFBIG});
    EXPECT_FALSE(also_failed);
    EXPECT_THAT(folder_.names(), ElementsAre("name"));  // and no temporary file
    EXPECT_EQ(folder_.read("name"), test::to_text(old));
    EXPECT_THAT(names_in(*store), ElementsAre("name"));
    EXPECT_EQ(store->memory_in_use(), 1'000u);
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(put(*store, "name", test::random_bytes(50'000, 2)));
}

TEST_F(DictionaryStoreTest, AFolderThatIsGoneIsAnErrorAndNoMore) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "name", "content"));
  std::filesystem::remove_all(folder_.path());
  EXPECT_EQ(put(*store, "name", "other").error().code, Errc::io_error);
  PinnedDictionaries now;
  store->pin(now);
  EXPECT_EQ(core::as_text(now.find_named("name")->content()), "content");
}

}  // namespace
}  // namespace frdpu::server
