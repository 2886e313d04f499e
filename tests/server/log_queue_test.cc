#include "server/log_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace frdpu::server {
namespace {

std::string take(LogQueue& queue, std::size_t room = 4096) {
  std::string lines(room, '\0');
  lines.resize(queue.take(lines));
  return lines;
}

TEST(LogQueueTest, LinesComeOutWholeAndInOrder) {
  LogQueue queue(100);
  queue.push("one\n");
  queue.push("two\n");
  queue.push("three\n");
  queue.stop();
  EXPECT_EQ(take(queue, 9), "one\ntwo\n");
  EXPECT_EQ(take(queue, 9), "three\n");
  EXPECT_EQ(take(queue, 9), "");
  EXPECT_EQ(queue.dropped(), 0u);
}

TEST(LogQueueTest, TheOldestGoWhenItIsFull) {
  LogQueue queue(10);
  for (const char* line : {"aaa\n", "bbb\n", "ccccc\n"}) queue.push(line);
  EXPECT_EQ(queue.dropped(), 1u);
  queue.push("0123456789\n");  // longer than the ring: it goes instead
  EXPECT_EQ(queue.dropped(), 2u);
  queue.stop();
  EXPECT_EQ(take(queue), "bbb\nccccc\n");
}

TEST(LogQueueTest, AgreesWithAPlainModel) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const std::size_t capacity : {1u, 7u, 64u, 257u}) {
    LogQueue queue(capacity);
    queue.stop();  // take() never waits
    std::deque<std::string> model;
    std::size_t used = 0;
    std::uint64_t dropped = 0;
    for (int step = 0; step < 5000; ++step) {
      if (random() % 3 != 0) {
        const std::string line =
            std::string(random() % 40, static_cast<char>('a' + step % 26)) + "\n";
        queue.push(line);
        if (line.size() > capacity) {
          ++dropped;
          continue;
        }
        while (capacity - used < line.size()) {
          used -= model.front().size();
          model.pop_front();
          ++dropped;
        }
        model.push_back(line);
        used += line.size();
      } else {
        const std::size_t room = 41 + random() % 60;
        std::string expected;
        while (!model.empty() && expected.size() + model.front().size() <= room) {
          used -= model.front().size();
          expected += model.front();
          model.pop_front();
        }
        ASSERT_EQ(take(queue, room), expected);
      }
      ASSERT_EQ(queue.dropped(), dropped);
    }
  }
}

TEST(LogQueueThreadTest, NothingIsLostBetweenThreadsWhileThereIsRoom) {
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  LogQueue queue(kThreads * kLines * 12);
  std::string all;
  std::jthread reader([&] {
    for (std::string lines; !(lines = take(queue)).empty();) all += lines;
  });
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < kThreads; ++t) {
      writers.emplace_back([&queue, t] {
        for (int i = 0; i < kLines; ++i) {
          queue.push(std::to_string(t) + " " + std::to_string(i) + "\n");
        }
      });
    }
  }
  queue.stop();
  reader.join();
  EXPECT_EQ(queue.dropped(), 0u);
  std::array<int, kThreads> next{};
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    ASSERT_NE(end, all.npos);
    const auto thread = static_cast<std::size_t>(all[at] - '0');
    EXPECT_EQ(all.substr(at + 2, end - at - 2), std::to_string(next.at(thread)++));
    at = end + 1;
  }
  for (const int count : next) EXPECT_EQ(count, kLines);
}

}  // namespace
}  // namespace frdpu::server
