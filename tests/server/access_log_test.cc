#include "server/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "server/log.h"

namespace frdpu::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Time = std::chrono::steady_clock::time_point;

Config config(std::size_t sample, std::size_t rate, std::size_t threads = 1) {
  Config config;
  config.access_log_sample = sample;
  config.access_log_rate = rate;
  config.threads = threads;
  return config;
}

// What `use` logs.
std::string lines_of(LogFormat format, LogLevel level, auto use) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  {
    Log log({.level = level, .format = format, .descriptor = ends[1]});
    use(log);
  }
  ::close(ends[1]);
  std::string text(65536, '\0');
  text.resize(
      static_cast<std::size_t>(std::max<ssize_t>(::read(ends[0], text.data(), text.size()), 0)));
  ::close(ends[0]);
  return text;
}

int taken(AccessLog& access, int requests, Time now,
          proto::Listener listener = proto::Listener::service) {
  int count = 0;
  for (int i = 0; i < requests; ++i) count += access.takes(listener, now) ? 1 : 0;
  return count;
}

TEST(AccessLogTest, SamplingTakesEveryNth) {
  Log log({.descriptor = -1});
  struct Row {
    std::size_t sample;
    int of_hundred;
  };
  for (const Row& row : {Row{0, 0}, Row{1, 100}, Row{2, 50}, Row{10, 10}, Row{1000, 1}}) {
    AccessLog access(config(row.sample, 0), log);
    EXPECT_EQ(taken(access, 100, Time(1h)), row.of_hundred) << row.sample;
  }
}

TEST(AccessLogTest, TheRateIsKeptEachSecondAndSharedByTheLoops) {
  Log log({.descriptor = -1});
  AccessLog access(config(1, 30, 3), log);
  EXPECT_EQ(taken(access, 100, Time(1h)), 10);
  EXPECT_EQ(taken(access, 100, Time(1h + 999ms)), 0);
  EXPECT_EQ(taken(access, 5, Time(1h + 1s)), 5);
  EXPECT_EQ(taken(access, 100, Time(1h + 1500ms)), 5);
  AccessLog many_loops(config(1, 2, 64), log);
  EXPECT_EQ(taken(many_loops, 100, Time(1h)), 1);
}

TEST(AccessLogTest, TheNextLineSaysHowManyHadNone) {
  const std::string lines = lines_of(LogFormat::logfmt, LogLevel::info, [](Log& log) {
    AccessLog access(config(1, 1), log);
    if (access.takes(proto::Listener::service, Time(1h))) access.write({});
    EXPECT_EQ(taken(access, 7, Time(1h)), 0);
    for (const auto second : {1s, 2s}) {
      if (access.takes(proto::Listener::service, Time(1h + second))) access.write({});
    }
  });
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  const std::size_t first = lines.find('\n');
  const std::size_t unlogged = lines.find("unlogged=7\n");
  EXPECT_GT(unlogged, first);
  EXPECT_EQ(lines.find("unlogged"), unlogged);
  EXPECT_EQ(lines.rfind("unlogged"), unlogged);
}

TEST(AccessLogTest, TheAdminListenersRequestsAreForDebugging) {
  const std::string none = lines_of(LogFormat::logfmt, LogLevel::info, [](Log& log) {
    AccessLog access(config(1, 0), log);
    EXPECT_EQ(taken(access, 10, Time(1h), proto::Listener::admin), 0);
  });
  EXPECT_EQ(none, "");
  const std::string some = lines_of(LogFormat::logfmt, LogLevel::debug, [](Log& log) {
    AccessLog access(config(1, 0), log);
    EXPECT_EQ(taken(access, 10, Time(1h), proto::Listener::admin), 10);
    access.write({.listener = proto::Listener::admin, .route = proto::Route::metrics});
  });
  EXPECT_THAT(some, HasSubstr("level=debug msg=request"));
  EXPECT_THAT(some, HasSubstr("route=/metrics"));
}

TEST(AccessLogTest, ALineHasAllThatIsKnown) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const AccessEntry entry{.descriptor = pair[0],
                          .method = proto::Method::post,
                          .route = proto::Route::compress,
                          .status = 413,
                          .refusal = core::Errc::body_too_large,
                          .coding = core::Coding::zstd,
                          .in_bytes = 1400,
                          .out_bytes = 613,
                          .duration = 1'234'567ns,
                          .queue_time = 5us,
                          .codec_time = 1ms,
                          .request_id = "id \"1\"",
                          .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          .end = AccessEntry::End::cut_off};
  const std::string line = lines_of(LogFormat::json, LogLevel::info, [&](Log& log) {
    AccessLog access(config(1, 1), log);
    EXPECT_EQ(taken(access, 2, Time(1h)), 1);
    access.write(entry);
  });
  ::close(pair[0]);
  ::close(pair[1]);
  auto seen = nlohmann::json::parse(line);
  seen.erase("time");
  const nlohmann::json expected = {
      {"level", "info"},
      {"msg", "request"},
      {"method", "POST"},
      {"route", "/v1/compress"},
      {"status", 413},
      {"code", "body_too_large"},
      {"coding", "zstd"},
      {"in", 1400},
      {"out", 613},
      {"ms", 1.235},
      {"queue_ms", 0.005},
      {"codec_ms", 1.0},
      {"end", "cut_off"},
      {"client", "unix"},
      {"request_id", "id \"1\""},
      {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"unlogged", 1}};
  EXPECT_EQ(seen, expected);
}

TEST(AccessLogTest, WhatIsNotKnownIsLeftOut) {
  const std::string line = lines_of(LogFormat::logfmt, LogLevel::info, [&](Log& log) {
    AccessLog(config(1, 0), log).write({.end = AccessEntry::End::client_gone});
  });
  EXPECT_THAT(line, HasSubstr(" msg=request method=other route=other in=0 out=0 ms=0 queue_ms=0 "
                              "codec_ms=0 end=client_gone\n"));
}

}  // namespace
}  // namespace frdpu::server
