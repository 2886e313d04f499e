#include "core/workspace.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>

namespace frdpu::core {
namespace {

class WorkspaceTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kBytes = 4096;

  Workspace& open(std::size_t bytes = kBytes) {
    auto opened = Workspace::open(MutableBytes(region_).first(bytes));
    EXPECT_TRUE(opened.has_value());
    return **opened;
  }

  alignas(64) std::array<std::byte, kBytes> region_{};
};

constexpr PreparedFor kKey{Coding::zstd, Direction::compress, 3, 1u << 20, 7};

TEST_F(WorkspaceTest, RefusesRegionsThatAreTooSmallOrMisaligned) {
  for (const MutableBytes region :
       {MutableBytes{}, MutableBytes(region_).first(Workspace::kHeaderBytes - 1),
        MutableBytes(region_).subspan(16)}) {
    const auto opened = Workspace::open(region);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::invalid_size);
  }
}

TEST_F(WorkspaceTest, StartsEmptyWhateverTheRegionHeld) {
  std::memset(region_.data(), 0xA5, region_.size());
  Workspace& workspace = open();
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes);
  EXPECT_FALSE(workspace.is_prepared_for({}));
  EXPECT_FALSE(workspace.is_prepared_for(kKey));
}

TEST_F(WorkspaceTest, AllocatesAlignedAndApart) {
  Workspace& workspace = open();
  std::byte* last_end = region_.data() + Workspace::kHeaderBytes;
  for (const std::size_t alignment : {1, 8, 16, 32, 64}) {
    for (const std::size_t bytes : {1, 7, 16, 65}) {
      auto* got = static_cast<std::byte*>(workspace.allocate(bytes, alignment));
      ASSERT_NE(got, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got) % alignment, 0u);
      EXPECT_GE(got, last_end);
      last_end = got + bytes;
      std::memset(got, 0xFF, bytes);
    }
  }
  EXPECT_LE(last_end, region_.data() + kBytes);
}

TEST_F(WorkspaceTest, RoomForIsEnoughForAnyOrderOfSizes) {
  const std::size_t sizes[] = {1, 200, 64, 63, 65, 129, 1000};
  std::size_t total = Workspace::kHeaderBytes;
  for (const std::size_t bytes : sizes) total += Workspace::room_for(bytes);
  Workspace& workspace = open(total);
  for (const std::size_t bytes : sizes) {
    EXPECT_NE(workspace.allocate(bytes, bytes % 2 == 0 ? 64 : 16), nullptr) << bytes;
  }
}

TEST_F(WorkspaceTest, RefusesWhatDoesNotFitAndRemembersIt) {
  Workspace& workspace = open();
  EXPECT_EQ(workspace.allocate(kBytes - Workspace::kHeaderBytes + 1), nullptr);
  EXPECT_EQ(workspace.refused_bytes(), kBytes - Workspace::kHeaderBytes + 1);
  EXPECT_EQ(workspace.allocate(std::numeric_limits<std::size_t>::max()), nullptr);
  EXPECT_EQ(workspace.allocate(std::numeric_limits<std::size_t>::max() - 100, 64), nullptr);
  ASSERT_NE(workspace.allocate(kBytes - Workspace::kHeaderBytes), nullptr);
  EXPECT_EQ(workspace.allocate(1), nullptr);
  EXPECT_EQ(workspace.peak_bytes(), kBytes);
  workspace.clear();
  EXPECT_EQ(workspace.refused_bytes(), 0u);
  EXPECT_NE(workspace.allocate(1), nullptr);
}

TEST_F(WorkspaceTest, KeepsPreparedStateAcrossOpenAndRewind) {
  {
    Workspace& workspace = open();
    auto* state = static_cast<char*>(workspace.allocate(100));
    ASSERT_NE(state, nullptr);
    std::strcpy(state, "prepared");
    workspace.seal(kKey);
    ASSERT_NE(workspace.allocate(500), nullptr);
  }
  Workspace& again = open();
  ASSERT_TRUE(again.is_prepared_for(kKey));
  EXPECT_FALSE(again.is_prepared_for({Coding::zstd, Direction::compress, 4, 1u << 20, 7}));
  again.rewind();
  EXPECT_EQ(again.used_bytes(), Workspace::kHeaderBytes + 100);
  EXPECT_STREQ(reinterpret_cast<char*>(region_.data() + Workspace::kHeaderBytes), "prepared");
  again.clear();
  EXPECT_FALSE(again.is_prepared_for(kKey));
  EXPECT_EQ(again.used_bytes(), Workspace::kHeaderBytes);
}

TEST_F(WorkspaceTest, TakesAnotherSizeOrAMovedCopyForEmpty) {
  Workspace& workspace = open();
  ASSERT_NE(workspace.allocate(64), nullptr);
  workspace.seal(kKey);
  EXPECT_TRUE(open().is_prepared_for(kKey));

  alignas(64) std::array<std::byte, kBytes> copy = region_;
  EXPECT_FALSE((*Workspace::open(copy))->is_prepared_for(kKey));
  EXPECT_FALSE(open(kBytes / 2).is_prepared_for(kKey));
}

TEST_F(WorkspaceTest, GivesBackOnlyTheLatestAllocation) {
  Workspace& workspace = open();
  void* first = workspace.allocate(100);
  void* second = workspace.allocate(100);
  workspace.deallocate(first);
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes + 112 + 100);
  workspace.deallocate(second);
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes + 112);
  workspace.deallocate(second);
  workspace.deallocate(nullptr);
  EXPECT_EQ(workspace.allocate(50), second);
}

TEST_F(WorkspaceTest, NeverGivesBackWhatIsSealedOrRewound) {
  Workspace& workspace = open();
  void* state = workspace.allocate(64);
  workspace.seal(kKey);
  workspace.deallocate(state);
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes + 64);
  void* scratch = workspace.allocate(64);
  workspace.rewind();
  workspace.deallocate(scratch);
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes + 64);
}

TEST_F(WorkspaceTest, HooksRefuseOverflowAndServeLibraries) {
  Workspace& workspace = open();
  EXPECT_EQ(Workspace::zlib_alloc(&workspace, ~0u, ~0u), nullptr);
  void* got = Workspace::zlib_alloc(&workspace, 10, 10);
  ASSERT_NE(got, nullptr);
  Workspace::hook_free(&workspace, got);
  EXPECT_EQ(workspace.used_bytes(), Workspace::kHeaderBytes);
  EXPECT_NE(Workspace::hook_alloc(&workspace, 1), nullptr);
}

TEST_F(WorkspaceTest, EmplacesObjectsAndShowsWhatIsFree) {
  struct Thing {
    explicit Thing(int v) noexcept : value(v) {}
    int value;
  };
  Workspace& workspace = open();
  ASSERT_NE(workspace.allocate(1), nullptr);
  Thing* thing = workspace.emplace<Thing>(42);
  ASSERT_NE(thing, nullptr);
  EXPECT_EQ(thing->value, 42);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(thing) % 64, 0u);
  const MutableBytes rest = workspace.free_bytes();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(rest.data()) % 64, 0u);
  EXPECT_EQ(rest.data() + rest.size(), region_.data() + kBytes);
  ASSERT_NE(workspace.allocate(rest.size(), 64), nullptr);
  EXPECT_EQ(workspace.emplace<Thing>(1), nullptr);
  EXPECT_TRUE(workspace.free_bytes().empty());
}

}  // namespace
}  // namespace frdpu::core
