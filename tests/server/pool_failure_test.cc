// The n-th acquisition of a block or workspace fails, for each n until a conversation passes
// without: the request waits and goes on, or is refused with 503 when nothing comes back in time;
// never is half a result taken for a whole one, and all memory comes home.
#include <gtest/gtest.h>

#include "core/workspace_plan.h"
#include "tests/server/failure_scenarios.h"
#include "tests/support/faults.h"

namespace frdpu::server {
namespace {

// Pools of fewer than 8 blocks have no magazines: each acquisition can fail (faults.h).
Config scarce_config() {
  Config config;
  config.threads = config.compute_threads = 1;
  config.pool_mtu_blocks = config.pool_64k_blocks = 7;
  const auto none = core::plan_workspaces(0, static_cast<std::uint32_t>(config.max_window_bytes));
  config.workspace_bytes = *none.error().limit;
  config.queue_timeout = std::chrono::milliseconds(20);
  return config;
}

struct Tally {
  std::uint64_t fired = 0;
  std::uint64_t whole = 0;
  std::uint64_t refused = 0;
  std::uint64_t broken = 0;
};

bool is_pool_refusal(const test::HttpAnswer& answer) {
  return answer.status == 503 && answer.body.find("pool_exhausted") != answer.body.npos &&
         answer.head.find("\r\nRetry-After: ") != answer.head.npos;
}

Tally fail_each(test::RunningService& service, const test::FailureScenario& scenario,
                bool forever) {
  Tally tally;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message()
                 << scenario.name << ", acquisition " << n << (forever ? " and all after it" : ""));
    test::pool_failure().arm(n, forever);
    const auto conversation = test::hold(scenario, service);
    const bool fired = test::pool_failure().fired();
    test::pool_failure().disarm();
    const test::FailureOutcome outcome = test::judge(scenario, conversation);
    for (const test::HttpAnswer* other : outcome.others) {
      EXPECT_TRUE(is_pool_refusal(*other)) << other->head << other->body;
    }
    // What fails once is tried again.
    if (!fired || !forever) {
      EXPECT_TRUE(outcome.all_right) << outcome.right << " right answers";
    }
    EXPECT_EQ(service.unbalanced(), "");
    if (!fired || testing::Test::HasFailure()) return tally;
    ++tally.fired;
    ++(outcome.all_right ? tally.whole : !outcome.others.empty() ? tally.refused : tally.broken);
    if (n > 2000) ADD_FAILURE() << "never passes";
  }
}

TEST(ServerPoolFailureTest, TheNthAcquisitionFailsUntilItPasses) {
  test::RunningService service(scarce_config());
  for (const test::FailureScenario& scenario : test::failure_scenarios(150'000)) {
    const Tally once = fail_each(service, scenario, false);
    ASSERT_FALSE(HasFailure());
    EXPECT_GE(once.fired, 2u) << scenario.name;  // a block for the head, memory for the codec
    const Tally forever = fail_each(service, scenario, true);
    ASSERT_FALSE(HasFailure());
    RecordProperty(scenario.name, testing::PrintToString(once.fired) + " once; " +
                                      testing::PrintToString(forever.whole) + " whole, " +
                                      testing::PrintToString(forever.refused) + " refused, " +
                                      testing::PrintToString(forever.broken) + " broken off");
    EXPECT_GE(forever.fired, 2u) << scenario.name;
    EXPECT_GE(forever.refused, 1u) << scenario.name;
  }
}

}  // namespace
}  // namespace frdpu::server
