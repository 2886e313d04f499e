// The n-th socket operation of the service fails, for each n until a conversation passes without:
// what the system only puts off must not show, what breaks a connection must not pass for an
// answer, and all memory comes home.
#include <gtest/gtest.h>

#include "tests/server/failure_scenarios.h"
#include "tests/support/faults.h"
#include "tests/support/tls_identity.h"

namespace frdpu::server {
namespace {

using test::SocketFault;

struct FaultRow {
  const char* name;
  SocketFault fault;
  bool breaks;  ///< the connection may be lost
};

constexpr FaultRow kFaults[] = {
    {"EAGAIN", SocketFault::would_block, false},
    {"EINTR", SocketFault::interrupted, false},
    {"one byte", SocketFault::short_count, false},
    {"ECONNRESET", SocketFault::reset_by_peer, true},
};

Config small_config() {
  Config config;
  config.threads = config.compute_threads = 1;
  config.pool_mtu_blocks = config.pool_64k_blocks = 128;
  config.workspace_bytes = std::size_t{1} << 30;
  return config;
}

// Returns: at how many operations the fault came.
std::uint64_t fail_each(test::RunningService& service, const test::FailureScenario& scenario,
                        const FaultRow& row, const TlsContext* tls = nullptr) {
  test::set_socket_fault(row.fault);
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << scenario.name << ", " << row.name << " at " << n);
    test::socket_failure().arm(n);
    const auto conversation = test::hold(scenario, service, tls);
    const bool fired = test::socket_failure().fired();
    test::socket_failure().disarm();
    const test::FailureOutcome outcome = test::judge(scenario, conversation);
    for (const test::HttpAnswer* other : outcome.others) ADD_FAILURE() << other->head;
    if (!fired || !row.breaks) {
      EXPECT_TRUE(outcome.all_right) << outcome.right << " right answers";
    }
    EXPECT_EQ(service.unbalanced(), "");
    if (!fired || testing::Test::HasFailure()) return n - 1;
    if (n > 2000) ADD_FAILURE() << "never passes";
  }
}

TEST(ServerSocketFailureTest, TheNthOperationFailsUntilItPasses) {
  test::RunningService service(small_config());
  for (const test::FailureScenario& scenario : test::failure_scenarios(200'000)) {
    for (const FaultRow& row : kFaults) {
      // At least the request is read and its answer sent; what follows may come after the client.
      EXPECT_GE(fail_each(service, scenario, row), 2u) << scenario.name << ", " << row.name;
      ASSERT_FALSE(HasFailure());
    }
  }
}

// Handshakes and records, too. A handshake that breaks leaves no answer at all.
TEST(ServerSocketFailureTest, TheNthOperationFailsUntilItPassesOverTls) {
  const test::TlsIdentity identity;
  Config config = small_config();
  config.access = identity.access();
  test::RunningService service(config);
  const auto client = TlsContext::load_client(identity.access(), "--");
  ASSERT_TRUE(client) << client.error();
  for (const test::FailureScenario& scenario : test::failure_scenarios(60'000)) {
    for (const FaultRow& row : kFaults) {
      EXPECT_GE(fail_each(service, scenario, row, &*client), 4u) << scenario.name << row.name;
      ASSERT_FALSE(HasFailure());
    }
  }
}

// Every operation of a conversation moves one byte.
TEST(ServerSocketFailureTest, AConversationByteByByteIsTheSame) {
  test::RunningService service(small_config());
  test::set_socket_fault(SocketFault::short_count);
  for (const test::FailureScenario& scenario : test::failure_scenarios(10'000)) {
    SCOPED_TRACE(scenario.name);
    test::socket_failure().arm(1, true);
    const auto conversation = test::hold(scenario, service);
    test::socket_failure().disarm();
    EXPECT_TRUE(test::judge(scenario, conversation).all_right);
    EXPECT_EQ(service.unbalanced(), "");
  }
}

}  // namespace
}  // namespace frdpu::server
