#include "server/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace frdpu::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class LogThreadTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  void TearDown() override {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }

  [[nodiscard]] int writing_end() const { return ends_[1]; }
  [[nodiscard]] int reading_end() const { return ends_[0]; }

  // What was written until now. Requires: no log writes any more.
  std::string written() {
    ::close(ends_[1]);
    ends_[1] = -1;
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(ends_[0], buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST_F(LogThreadTest, DestructionWritesWhatIsQueued) {
  {
    Log log({.descriptor = writing_end()});
    for (int i = 0; i < 100; ++i) log.info("event", {{"n", i}});
    log.debug("hidden");
  }
  const std::string lines = written();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 100);
  EXPECT_THAT(lines, EndsWith("level=info msg=event n=99\n"));
}

TEST_F(LogThreadTest, LevelsBelowTheConfiguredOneAreSilent) {
  {
    Log log({.level = LogLevel::warning, .descriptor = writing_end()});
    EXPECT_FALSE(log.enabled(LogLevel::info));
    EXPECT_TRUE(log.enabled(LogLevel::error));
    log.info("no");
    log.warning("yes");
    log.error("yes");
  }
  const std::string lines = written();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_EQ(lines.find("msg=no"), std::string::npos);
}

TEST_F(LogThreadTest, ScriptsFindTheBoundAddressInBothFormats) {
  {
    Log log({.level = LogLevel::error, .descriptor = writing_end()});
    log.listening("service", "127.0.0.1:41234");
    Log json({.format = LogFormat::json, .descriptor = writing_end()});
    json.listening("admin", "[::1]:8081");
  }
  const std::string lines = written();
  EXPECT_THAT(lines, HasSubstr("listening service=127.0.0.1:41234\n"));
  EXPECT_THAT(lines, HasSubstr(R"("msg":"listening admin=[::1]:8081","admin":"[::1]:8081"})"));
}

TEST_F(LogThreadTest, AReaderThatNeverReadsStallsNobody) {
  // The pipe takes some lines, the queue some 64; all others are lost, and nothing waits for them.
  constexpr std::uint64_t kLines = 5000;
  std::uint64_t dropped = 0;
  {
    Log log({.descriptor = writing_end(), .queue_bytes = 64 * 1100});
    const std::string text(1000, 'x');
    for (std::uint64_t i = 0; i < kLines; ++i) log.info("event", {{"text", text}});
    dropped = log.dropped();
  }
  const std::string lines = written();
  const auto kept = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
  EXPECT_LT(kept, kLines);
  EXPECT_GE(dropped + kept + 64 + 5, kLines);
}

TEST_F(LogThreadTest, LossesAreSaidOnceTheReaderReads) {
  std::string lines;
  {
    Log log({.descriptor = writing_end(), .queue_bytes = 16 * 3100});
    const std::string text(3000, 'x');
    while (log.dropped() == 0) log.info("event", {{"text", text}});
    // Make room, then wait until the log has said what it lost.
    ::fcntl(reading_end(), F_SETFL, O_NONBLOCK);
    std::array<char, 65536> buffer;
    while (lines.find("msg=log_lines_lost lines=") == std::string::npos) {
      const ssize_t n = ::read(reading_end(), buffer.data(), buffer.size());
      if (n > 0) lines.append(buffer.data(), static_cast<std::size_t>(n));
      log.info("tick");
    }
    ::fcntl(reading_end(), F_SETFL, 0);
  }
  EXPECT_THAT(lines, HasSubstr("level=warning msg=log_lines_lost lines="));
}

TEST_F(LogThreadTest, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  std::string lines;
  {
    Log log({.format = LogFormat::json, .descriptor = writing_end()});
    std::jthread reader([&] {
      std::array<char, 4096> buffer;
      while (std::count(lines.begin(), lines.end(), '\n') < kThreads * kLines) {
        const ssize_t n = ::read(reading_end(), buffer.data(), buffer.size());
        if (n <= 0) break;
        lines.append(buffer.data(), static_cast<std::size_t>(n));
      }
    });
    std::vector<std::jthread> writers;
    for (int t = 0; t < kThreads; ++t) {
      writers.emplace_back([&log, t] {
        for (int i = 0; i < kLines; ++i) {
          log.info("event", {{"thread", t}, {"n", i}, {"pad", std::string(300, 'p')}});
        }
      });
    }
  }
  std::size_t whole = 0;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    whole += nlohmann::json::accept(lines.substr(at, end - at)) ? 1 : 0;
    at = end + 1;
  }
  EXPECT_EQ(whole, static_cast<std::size_t>(kThreads * kLines));
}

}  // namespace
}  // namespace frdpu::server
