#include "server/io_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/log.h"
#include "server/service.h"
#include "tests/server/failure_scenarios.h"

namespace frdpu::server {
namespace {

class ServerIoLoopTest : public ::testing::Test {
 protected:
  explicit ServerIoLoopTest(std::size_t blocks = 16) {
    Config config;
    config.threads = config.compute_threads = 1;
    config.pool_mtu_blocks = config.pool_64k_blocks = blocks;
    config.workspace_bytes = std::size_t{1} << 30;
    service_ = std::move(*Service::create(config, log_, 1));
    loop_ = std::make_unique<IoLoop>(*service_, service_->metrics().shard(0));
  }

  Log log_{{.level = LogLevel::error}};
  std::unique_ptr<Service> service_;
  std::unique_ptr<IoLoop> loop_;
};

// A tick that was due when the loop stopped is still in its queue when the loop is destroyed. It
// must not arm the timer again there: the destructor would run ticks for ever.
TEST_F(ServerIoLoopTest, ATickThatWasDueWhenTheLoopStoppedDoesNotHoldUpItsEnd) {
  boost::asio::post(loop_->context(), [this] {
    // Behind this handler the reactor finds the timer due, then the one posted here stops the loop.
    const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(120);
    while (std::chrono::steady_clock::now() < due) {
    }
    boost::asio::post(loop_->context(), [this] { loop_->stop(); });
  });
  loop_->run();
  loop_.reset();
}

// The same for what a socket had to say.
TEST_F(ServerIoLoopTest, ASocketThatWasReadyWhenTheLoopStoppedDoesNotHoldUpItsEnd) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const core::FileDescriptor peer(ends[1]);
  boost::asio::post(loop_->context(), [this, &ends, &peer] {
    ASSERT_TRUE(service_->admit_connection(proto::Listener::service));
    loop_->adopt(core::FileDescriptor(ends[0]), proto::Listener::service);
    EXPECT_EQ(::send(peer.number(), "G", 1, MSG_NOSIGNAL), 1);
    boost::asio::post(loop_->context(), [this] { loop_->stop(); });
  });
  loop_->run();
  loop_.reset();
}

// A connection over a socketpair, with a request that has arrived by the time the loop runs.
class Client {
 public:
  Client(IoLoop& loop, std::string_view request) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    socket_ = core::FileDescriptor(ends[1]);
    EXPECT_EQ(::write(ends[1], request.data(), request.size()), std::ssize(request));
    EXPECT_TRUE(loop.service().admit_connection(proto::Listener::service));
    loop.adopt(core::FileDescriptor(ends[0]), proto::Listener::service);
  }

  // Returns: how many good answers have come by now.
  std::size_t answers() {
    char text[4096];
    for (ssize_t got; (got = ::read(socket_.number(), text, sizeof text)) > 0;) {
      seen_.append(text, static_cast<std::size_t>(got));
    }
    constexpr std::string_view kGood = "HTTP/1.1 200";
    std::size_t count = 0;
    for (std::size_t at = 0; (at = seen_.find(kGood, at)) != seen_.npos; ++at) ++count;
    return count;
  }

 private:
  core::FileDescriptor socket_;
  std::string seen_;
};

// With pools of so many blocks.
class RoundTest : public ServerIoLoopTest, public ::testing::WithParamInterface<std::size_t> {
 protected:
  RoundTest() : ServerIoLoopTest(GetParam()) {}

  void run_until(const std::function<bool()>& is_over) {
    // Behind everything that is ready by then.
    boost::asio::post(loop_->context(), [this, &is_over] { look(is_over); });
    loop_->run();
  }

  // The same for two clients whose second socket operation fails: the second read, when the first
  // answer is kept until the other one is made, too; the first answer's send otherwise.
  void fail_the_second_operation(Client& first, Client& second) {
    test::set_socket_fault(test::SocketFault::reset_by_peer);
    test::socket_failure().arm(2);
    run_until([&] { return first.answers() + second.answers() > 0; });
    EXPECT_TRUE(test::socket_failure().fired());
    test::socket_failure().disarm();
  }

  // Read at once, and more than 5 us of work on any machine, but less than makes it a worker's.
  const std::string slow_ = test::post("/v1/compress?coding=br&level=5", test::text_like(1000), "");

 private:
  void look(const std::function<bool()>& is_over) {
    if (is_over()) return loop_->stop();
    if (++looks_ > 1'000'000) {
      ADD_FAILURE() << "it is never over";
      return loop_->stop();
    }
    boost::asio::post(loop_->context(), [this, &is_over] { look(is_over); });
  }

  int looks_ = 0;
};

using RoomyRoundTest = RoundTest;

TEST_P(RoomyRoundTest, AnswersThatTookTheirTimeLeaveInARow) {
  Client first(*loop_, slow_);
  Client second(*loop_, slow_);
  fail_the_second_operation(first, second);
  EXPECT_EQ(first.answers(), 1u);
  EXPECT_EQ(second.answers(), 0u);
}

TEST_P(RoomyRoundTest, AnswersThatTookNoCodecLeaveAtOnce) {
  const std::string quick = "GET /v1/limits HTTP/1.1\r\nHost: h\r\n\r\n";
  Client first(*loop_, quick);
  Client second(*loop_, quick);
  fail_the_second_operation(first, second);
  EXPECT_EQ(first.answers(), 0u);
  EXPECT_EQ(second.answers(), 1u);
}

INSTANTIATE_TEST_SUITE_P(, RoomyRoundTest, ::testing::Values(1024));

// More connections than a round has, more work than an answer is kept for, and requests behind
// requests. None waits for blocks that kept answers hold.
TEST_P(RoundTest, EveryRequestIsAnsweredOnce) {
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(*loop_, slow_ + slow_ + slow_);
  const auto has_all = [](Client& client) { return client.answers() >= 3; };
  run_until([&] { return std::ranges::all_of(clients, has_all); });
  for (Client& client : clients) EXPECT_EQ(client.answers(), 3u);
}

INSTANTIATE_TEST_SUITE_P(, RoundTest, ::testing::Values(16, 64, 1024));

}  // namespace
}  // namespace frdpu::server
