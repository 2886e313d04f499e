#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/dictionary_file.h"
#include "server/dictionary_store.h"
#include "tests/support/dictionary_samples.h"

namespace frdpu::server {
namespace {

using namespace dictionary_test;

// A content that says of itself whether it is whole: one byte, repeated as often as it says.
test::Buffer content_of(unsigned version) {
  return test::repeated_byte(100 + version % 50, static_cast<int>(version % 50));
}

bool is_whole(core::Bytes content) {
  const auto value = content.empty() ? 0u : std::to_integer<unsigned>(content.front());
  return content.size() == 100 + value &&
         std::ranges::all_of(content, [&](std::byte byte) { return byte == content.front(); });
}

TEST(DictionaryStoreThreadTest, ReadersSeeWholeDictionariesWhileTheyAreReplaced) {
  const TemporaryFolder folder;
  const auto store = *DictionaryStore::open(folder.path(), core::kMiB);
  ASSERT_TRUE(put(*store, "name", content_of(0)));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> found = 0;
  std::atomic<std::uint64_t> broken = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        PinnedDictionaries kept;
        while (!stop) {
          PinnedDictionaries now;
          store->pin(now);
          const StoredDictionary* const named = now.find_named("name");
          if (named != nullptr) {
            ++found;
            const core::Dictionary* const same = now.find(named->entry().id);
            if (!is_whole(named->content()) || same == nullptr || !is_whole(same->content())) {
              ++broken;
            }
          }
          if (found % 3 == 0) store->pin(kept);
        }
      });
    }
    std::vector<std::jthread> writers;
    for (unsigned of = 0; of < 2; ++of) {
      writers.emplace_back([&, of] {
        for (unsigned i = 0; i < 100; ++i) {
          const std::string name = of == 0 ? "name" : std::to_string(i % 5) + "th";
          EXPECT_TRUE(put(*store, name, content_of(1 + 2 * i + of)));
          if (of == 1 && i % 3 == 0) {
            EXPECT_TRUE(store->remove(name));
          }
        }
      });
    }
    writers.clear();
    while (found < 100) std::this_thread::yield();
    stop = true;
  }
  EXPECT_EQ(broken, 0u);
  PinnedDictionaries last;
  store->pin(last);
  EXPECT_EQ(test::to_buffer(last.find_named("name")->content()), content_of(199));
  std::uint64_t bytes = 0;
  for (const auto& stored : last.all()) bytes += stored->content().size();
  EXPECT_EQ(store->memory_in_use(), bytes);  // nothing else is kept
}

TEST(DictionaryStoreThreadTest, OneTrainingAtATime) {
  const TemporaryFolder folder;
  const auto store = *DictionaryStore::open(folder.path(), core::kMiB);
  std::atomic<int> inside = 0;
  std::atomic<int> turns = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 1000; ++k) {
          const TrainingTurn turn(*store);
          if (!turn) continue;
          EXPECT_EQ(++inside, 1);
          ++turns;
          --inside;
        }
      });
    }
  }
  EXPECT_GT(turns, 0);
  EXPECT_TRUE(TrainingTurn(*store));
}

}  // namespace
}  // namespace frdpu::server
