#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/dictionary_store.h"
#include "tests/support/dictionary_samples.h"
#include "tests/support/faults.h"

// What the disk refuses, at each of its calls. A crash between two calls leaves what a failure of
// the second one and of all after it leaves.
namespace frdpu::server {
namespace {

using namespace dictionary_test;
using core::Errc;
using ::testing::AnyOf;
using ::testing::ElementsAre;

class DictionaryStoreFailureTest : public ::testing::Test {
 protected:
  ~DictionaryStoreFailureTest() override { test::disk_failure().disarm(); }

  std::unique_ptr<DictionaryStore> open() {
    auto opened = DictionaryStore::open(folder_.path(), core::kMiB);
    EXPECT_TRUE(opened) << opened.error();
    return opened ? std::move(*opened) : nullptr;
  }
  static std::string content_in(const DictionaryStore& store) {
    PinnedDictionaries now;
    store.pin(now);
    const StoredDictionary* const found = now.find_named("name");
    return found ? test::to_text(found->content()) : "none";
  }

  TemporaryFolder folder_;
};

TEST_F(DictionaryStoreFailureTest, TheFileIsSyncedBeforeItsNameAndTheFolderBehindIt) {
  const auto store = open();
  test::disk_calls().clear();
  ASSERT_TRUE(put(*store, "name", "content"));
  EXPECT_EQ(test::disk_calls(), "mkostemp fsync rename fsync ");
  test::disk_calls().clear();
  ASSERT_TRUE(store->remove("name"));
  EXPECT_EQ(test::disk_calls(), "unlink fsync ");
}

TEST_F(DictionaryStoreFailureTest, APutThatFailsAnywhereLeavesTheOldOneOrTheNewOne) {
  for (const bool forever : {false, true}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      SCOPED_TRACE(::testing::Message() << n << (forever ? " and all after it" : ""));
      ASSERT_LT(n, 20u);
      {
        const auto store = open();
        ASSERT_TRUE(put(*store, "name", "the old one"));
        test::disk_failure().arm(n, forever);
        const auto done = put(*store, "name", "the new one, which is longer");
        fired = test::disk_failure().fired();
        test::disk_failure().disarm();
        EXPECT_EQ(done.has_value(), !fired);
        if (!done) {
          EXPECT_EQ(done.error().code, Errc::io_error);
        }
        // What requests find is what the next start finds.
        EXPECT_EQ(content_in(*store), folder_.read("name"));
      }
      EXPECT_THAT(folder_.read("name"), AnyOf("the old one", "the new one, which is longer"));
      EXPECT_EQ(content_in(*open()), folder_.read("name"));
      EXPECT_THAT(folder_.names(), ElementsAre("name"));  // the start has removed what was left
    }
  }
}

TEST_F(DictionaryStoreFailureTest, ARemovalThatFailsIsAnErrorAndHasHappenedOrNot) {
  for (const std::uint64_t n : {1u, 2u, 3u}) {
    const auto store = open();
    ASSERT_TRUE(put(*store, "name", "content"));
    test::disk_failure().arm(n);
    const auto removed = store->remove("name");
    test::disk_failure().disarm();
    EXPECT_EQ(removed.has_value(), n == 3);
    EXPECT_EQ(content_in(*store), n == 1 ? "content" : "none");
    EXPECT_EQ(content_in(*open()), content_in(*store));
  }
}

}  // namespace
}  // namespace frdpu::server
