#include "server/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "core/bytes.h"
#include "core/workspace_pool.h"
#include "server/dictionary_training.h"
#include "server/exchange.h"

namespace frdpu::server {
namespace {

using core::kGiB;
using core::kKiB;
using core::kMiB;
using ::testing::HasSubstr;
using ::testing::Not;

Config two_cores() {
  Config config;
  config.threads = 2;
  config.compute_threads = 2;
  return config;
}

MachineMemory machine_of(std::uint64_t bytes) {
  return {.bytes = bytes, .source = "the machine"};
}

TEST(MemoryPlanTest, DefaultsFitTheMachineAndLeaveTheKernelItsShare) {
  for (const std::uint64_t memory :
       {256 * kMiB, 512 * kMiB, 1 * kGiB, 4 * kGiB, 64 * kGiB, 1024 * kGiB}) {
    SCOPED_TRACE(memory / kMiB);
    Config config = two_cores();
    choose_memory(config, machine_of(memory));
    const auto checked = check_memory(config, machine_of(memory));
    EXPECT_TRUE(checked) << checked.error();
    EXPECT_LE(memory_bytes(config), memory - memory / 16);
    EXPECT_GE(config.pool_64k_blocks, 64u);
    EXPECT_GE(config.pool_mtu_blocks, 256u);
    EXPECT_TRUE(core::WorkspacePools::plan(config.workspace_bytes, 8u << 20));
  }
}

TEST(MemoryPlanTest, DictionariesLeaveRoomForTheRest) {
  for (const std::uint64_t memory : {384 * kMiB, 512 * kMiB, 1 * kGiB, 4 * kGiB}) {
    SCOPED_TRACE(memory / kMiB);
    Config config = two_cores();
    config.dictionary_dir = "/var/lib/frdpu";
    choose_memory(config, machine_of(memory));
    const auto checked = check_memory(config, machine_of(memory));
    EXPECT_TRUE(checked) << checked.error();
    EXPECT_LE(memory_bytes(config), memory - memory / 16);
  }
}

TEST(MemoryPlanTest, LargeMachinesAreCapped) {
  Config config = two_cores();
  choose_memory(config, machine_of(1024 * kGiB));
  EXPECT_EQ(config.pool_mtu_blocks, 16'384u);
  EXPECT_EQ(config.workspace_bytes, 2 * kGiB);
  const std::size_t pool = core::FixedPool::footprint_bytes(pool_64k_options(config));
  EXPECT_LE(pool, 2 * kGiB);
  EXPECT_GT(pool, 2 * kGiB - 1 * kMiB);
}

TEST(MemoryPlanTest, WhatWasGivenStays) {
  Config config = two_cores();
  config.pool_mtu_blocks = 7;
  config.pool_64k_blocks = 9;
  choose_memory(config, machine_of(4 * kGiB));
  EXPECT_EQ(config.pool_mtu_blocks, 7u);
  EXPECT_EQ(config.pool_64k_blocks, 9u);
  EXPECT_EQ(config.workspace_bytes, 1 * kGiB);
  config.workspace_bytes = 300 * kMiB;
  choose_memory(config, machine_of(4 * kGiB));
  EXPECT_EQ(config.workspace_bytes, 300 * kMiB);
}

TEST(MemoryPlanTest, ThePartsAddUpToTheTotal) {
  Config config = two_cores();
  choose_memory(config, machine_of(4 * kGiB));
  const auto parts = memory_parts(config).value();
  const std::uint64_t sum = std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                                            [](std::uint64_t so_far, const MemoryPart& part) {
                                              EXPECT_GT(part.bytes, 0u) << part.what;
                                              return so_far + part.bytes;
                                            });
  EXPECT_EQ(sum, memory_bytes(config));
  config.pool_mtu_blocks = 5000;  // so many requests may be under way, of more connections
  const std::uint64_t before = memory_bytes(config);
  config.max_connections += 1000;
  EXPECT_EQ(memory_bytes(config), before + 1000 * kKiB);
  config.pool_64k_blocks += 16;
  EXPECT_GE(memory_bytes(config), before + 1000 * kKiB + 16 * 64 * kKiB);
  const std::uint64_t fewer_requests = memory_bytes(config);
  config.pool_mtu_blocks += 1000;
  EXPECT_GE(memory_bytes(config), fewer_requests + 1000 * (1500 + sizeof(Exchange)));
}

TEST(MemoryPlanTest, TlsIsCountedForEveryConnectionThatMayBe) {
  Config config = two_cores();
  choose_memory(config, machine_of(4 * kGiB));
  const std::uint64_t plain = memory_bytes(config);
  config.max_connections = 1000;
  const std::uint64_t fewer = memory_bytes(config);
  EXPECT_LT(fewer, plain);
  config.access.tls_cert = "cert.pem";
  EXPECT_EQ(memory_bytes(config), fewer + 1000 * 64 * kKiB);
  config.access.tls_client_ca = "ca.pem";
  EXPECT_EQ(memory_bytes(config), fewer + 1000 * 128 * kKiB);
  config.admin_access.tls_cert = "cert.pem";
  EXPECT_EQ(memory_bytes(config), fewer + 1000 * 128 * kKiB + 256 * 64 * kKiB);
  EXPECT_THAT(memory_report(config, machine_of(4 * kGiB)).value(),
              HasSubstr("TLS of 256 admin connections"));
}

TEST(MemoryPlanTest, DictionariesAreCountedWhereThereIsAFolderOfThem) {
  Config config = two_cores();
  choose_memory(config, machine_of(4 * kGiB));
  const std::uint64_t without = memory_bytes(config);
  config.dictionary_bytes = 64 * kMiB;
  EXPECT_EQ(memory_bytes(config), without);
  EXPECT_THAT(memory_report(config, machine_of(4 * kGiB)).value(), Not(HasSubstr("dictionar")));
  config.dictionary_dir = "/var/lib/frdpu";
  const std::uint64_t with = memory_bytes(config);
  EXPECT_GE(with, without + 3 * 64 * kMiB + TrainingSamples::kMemoryBytes);
  config.dictionary_bytes += kMiB;  // what is stored, what replaces it, what was replaced
  EXPECT_EQ(memory_bytes(config), with + 3 * kMiB);
  const std::string report = memory_report(config, machine_of(4 * kGiB)).value();
  EXPECT_THAT(report, HasSubstr("stored dictionaries, of 68157440 B"));
  EXPECT_THAT(report, HasSubstr("one training of a dictionary"));
}

TEST(MemoryPlanTest, WhatExceedsTheMemoryIsRefusedInOneLine) {
  Config config = two_cores();
  choose_memory(config, machine_of(4 * kGiB));
  const auto too_much = check_memory(config, machine_of(memory_bytes(config) - 1));
  ASSERT_FALSE(too_much);
  EXPECT_THAT(too_much.error(), HasSubstr("the machine has"));
  EXPECT_THAT(too_much.error(), HasSubstr("--pool-64k-blocks"));
  EXPECT_EQ(too_much.error().find('\n'), std::string::npos);
  EXPECT_TRUE(check_memory(config, machine_of(memory_bytes(config))));
  EXPECT_TRUE(check_memory(config, machine_of(0)));  // of unknown size

  config.pool_64k_blocks = SIZE_MAX / 2;
  EXPECT_FALSE(check_memory(config, machine_of(1024 * kGiB)));
}

TEST(MemoryPlanTest, ABudgetTooSmallForTheCodecsIsRefused) {
  Config config = two_cores();
  config.workspace_bytes = kMiB;
  choose_memory(config, machine_of(4 * kGiB));
  const auto checked = check_memory(config, machine_of(4 * kGiB));
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error(), HasSubstr("--workspace-bytes 1048576 is too small"));
  EXPECT_FALSE(memory_report(config, machine_of(4 * kGiB)));
}

TEST(MemoryPlanTest, TheReportNamesEveryPart) {
  Config config = two_cores();
  choose_memory(config, machine_of(4 * kGiB));
  const std::string report = memory_report(config, machine_of(4 * kGiB)).value();
  for (const char* part :
       {"pool mtu, ", "pool 64k, ", "pool admin-64k, ", "workspaces zstd-compress-4m, ",
        "10000 connections", "2 loops, 2 workers", "\ntotal ", "\nthe machine ", "4096.0 MiB\n"}) {
    EXPECT_THAT(report, HasSubstr(part));
  }
}

}  // namespace
}  // namespace frdpu::server
