#include "server/machine_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace frdpu::server {
namespace {

class MachineMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "frdpu_machine_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& content) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }

  std::string root_;
};

TEST_F(MachineMemoryTest, TheSmallestOfTotalAndCgroupsCounts) {
  struct Row {
    const char* name;
    std::vector<std::pair<std::string, std::string>> files;
    std::uint64_t bytes;
    std::string source;
  };
  const std::string meminfo = "/proc/meminfo";
  const std::string groups = "/proc/self/cgroup";
  const std::string v2 = "/sys/fs/cgroup";
  const std::string v1 = "/sys/fs/cgroup/memory";
  const std::string total = "MemFree: 1 kB\nMemTotal:       4194304 kB\nMemAvailable: 5 kB\n";
  constexpr std::uint64_t kTotal = 4ull << 30;
  const Row rows[] = {
      {"no cgroup", {{meminfo, total}}, kTotal, "the machine"},
      {"v2, no limit",
       {{meminfo, total}, {groups, "0::/a\n"}, {v2 + "/a/memory.max", "max\n"}},
       kTotal,
       "the machine"},
      {"v2, own limit",
       {{meminfo, total}, {groups, "0::/a/b\n"}, {v2 + "/a/b/memory.max", "1048576\n"}},
       1048576,
       "the cgroup"},
      {"v2, parent's limit",
       {{meminfo, total},
        {groups, "0::/a/b\n"},
        {v2 + "/a/b/memory.max", "2097152\n"},
        {v2 + "/a/memory.max", "1048576\n"}},
       1048576,
       "the cgroup"},
      {"v2, container",
       {{meminfo, total}, {groups, "0::/\n"}, {v2 + "/memory.max", "4096\n"}},
       4096,
       "the cgroup"},
      {"v2, limit above the machine",
       {{meminfo, total}, {groups, "0::/\n"}, {v2 + "/memory.max", "999999999999\n"}},
       kTotal,
       "the machine"},
      {"v1",
       {{meminfo, total},
        {groups, "9:pids:/x\n4:cpu,memory:/x\n"},
        {v1 + "/x/memory.limit_in_bytes", "1048576\n"}},
       1048576,
       "the cgroup"},
      {"v1, no limit",
       {{meminfo, total},
        {groups, "4:memory:/x\n"},
        {v1 + "/x/memory.limit_in_bytes", "9223372036854771712\n"}},
       kTotal,
       "the machine"},
      {"v1, path of the host",
       {{meminfo, total},
        {groups, "4:memory:/docker/0123\n"},
        {v1 + "/memory.limit_in_bytes", "1048576\n"}},
       1048576,
       "the cgroup"},
      {"nothing to read", {}, 0, "the machine"},
      {"garbage", {{meminfo, "MemTotal: lots\n"}, {groups, "x\n:\n0::\n"}}, 0, "the machine"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    std::filesystem::remove_all(root_);
    for (const auto& [path, content] : row.files) put(path, content);
    const MachineMemory memory = read_machine_memory(root_);
    EXPECT_EQ(memory.bytes, row.bytes);
    EXPECT_EQ(memory.source, row.source);
  }
}

TEST_F(MachineMemoryTest, ThisMachineHasMemory) {
  EXPECT_GT(read_machine_memory().bytes, 64u << 20);
}

}  // namespace
}  // namespace frdpu::server
