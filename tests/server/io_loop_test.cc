#include "server/io_loop.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <memory>

#include "server/log.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

// A tick that was due when the loop stopped is still in its queue when the loop is destroyed. It
// must not arm the timer again there: the destructor would run ticks for ever.
TEST(ServerIoLoopTest, ATickThatWasDueWhenTheLoopStoppedDoesNotHoldUpItsEnd) {
  Config config;
  config.threads = config.compute_threads = 1;
  config.pool_mtu_blocks = config.pool_64k_blocks = 16;
  config.workspace_bytes = std::size_t{1} << 30;
  Log log({.level = LogLevel::error});
  auto service = Service::create(config, log, 1);
  ASSERT_TRUE(service) << service.error();
  auto loop = std::make_unique<IoLoop>(**service, (*service)->metrics().shard(0));
  boost::asio::post(loop->context(), [&loop] {
    // Behind this handler the reactor finds the timer due, then the one posted here stops the loop.
    const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(120);
    while (std::chrono::steady_clock::now() < due) {
    }
    boost::asio::post(loop->context(), [&loop] { loop->stop(); });
  });
  loop->run();
  loop.reset();
}

}  // namespace
}  // namespace frdpu::server
