#include "server/io_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <memory>

#include "server/log.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

class ServerIoLoopTest : public ::testing::Test {
 protected:
  ServerIoLoopTest() {
    Config config;
    config.threads = config.compute_threads = 1;
    config.pool_mtu_blocks = config.pool_64k_blocks = 16;
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

}  // namespace
}  // namespace frdpu::server
