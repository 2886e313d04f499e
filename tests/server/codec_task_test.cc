#include "server/codec_task.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

#include "server/log.h"
#include "server/service.h"
#include "tests/support/oracles.h"
#include "tests/support/test_data.h"

namespace frdpu::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class ServerCodecTaskTest : public ::testing::Test {
 protected:
  ServerCodecTaskTest() {
    Config config;
    config.threads = config.compute_threads = 1;
    config.pool_mtu_blocks = config.pool_64k_blocks = 64;
    config.workspace_bytes = std::size_t{1} << 30;
    service_ = std::move(*Service::create(config, log_, 1));
    task_ = std::make_unique<CodecTask>(*service_);
  }

  void open(core::Coding coding, int level) {
    ASSERT_TRUE(task_->open({.encode = core::EncoderParams{.coding = coding, .level = level}}));
  }

  void feed(core::Bytes bytes) {
    auto block = service_->blocks(proto::Listener::service).acquire(core::k64kBlockBytes);
    ASSERT_TRUE(block);
    std::memcpy(block->data(), bytes.data(), bytes.size());
    task_->input.push_back(std::move(*block), 0, bytes.size());
  }

  Log log_{{.level = LogLevel::error}};
  std::unique_ptr<Service> service_;
  std::unique_ptr<CodecTask> task_;
};

// Encoders gather input for a block. A step that is handed nothing but the end works all of it, and
// must not be taken for a small one: with brotli 11 it held an I/O thread up for half a second.
TEST_F(ServerCodecTaskTest, TheEndCostsWhatTheEncoderHolds) {
  struct Case {
    core::Coding coding;
    int level;
    nanoseconds at_least;
  };
  const test::Buffer text = test::text_like(60'000, 1);
  for (const Case& one : {Case{core::Coding::br, 11, milliseconds(50)},
                          Case{core::Coding::zstd, 19, milliseconds(10)},
                          Case{core::Coding::lz4, 9, milliseconds(1)}}) {
    SCOPED_TRACE(testing::Message() << core::to_string(one.coding) << ' ' << one.level);
    open(one.coding, one.level);
    feed(text);
    task_->run();
    ASSERT_EQ(task_->state(), CodecTask::State::need_input);
    ASSERT_TRUE(task_->input.empty());
    task_->input_ended = true;
    EXPECT_GT(task_->cost_estimate(0), one.at_least);
    task_->run();
    EXPECT_EQ(task_->state(), CodecTask::State::done);
    task_->close();
  }
}

// What was written is not held any more.
TEST_F(ServerCodecTaskTest, AWholeBlockLeavesNothingHeld) {
  for (const auto& [coding, level, block_bytes] :
       {std::tuple(core::Coding::zstd, 19, std::size_t{128} << 10),
        std::tuple(core::Coding::lz4, 9, std::size_t{64} << 10)}) {
    SCOPED_TRACE(testing::Message() << core::to_string(coding) << ' ' << level);
    open(coding, level);
    const test::Buffer text = test::text_like(block_bytes, 1);
    for (std::size_t at = 0; at < block_bytes; at += core::k64kBlockBytes) {
      feed(core::Bytes(text).subspan(at, core::k64kBlockBytes));
    }
    task_->run();
    ASSERT_TRUE(task_->input.empty());
    EXPECT_LT(task_->cost_estimate(0), milliseconds(1));
    task_->close();
  }
}

// What is known to follow counts, but what is only passed on costs nothing, however long.
TEST_F(ServerCodecTaskTest, TheRestOfABodyCosts) {
  for (const auto& [plan, least, most] :
       {std::tuple(CodecTask::Plan{.decode = {core::Coding::zstd}, .decoders = 1},
                   microseconds(500), milliseconds(100)),
        std::tuple(
            CodecTask::Plan{.encode = core::EncoderParams{.coding = core::Coding::lz4, .level = 1}},
            microseconds(500), milliseconds(100)),
        std::tuple(CodecTask::Plan{.encode = core::EncoderParams{.coding = core::Coding::identity}},
                   microseconds(0), milliseconds(0))}) {
    ASSERT_TRUE(task_->open(plan));
    feed(test::text_like(1000, 1));
    EXPECT_LT(task_->cost_estimate(0), microseconds(30));
    EXPECT_GE(task_->cost_estimate(core::kMiB), least);
    EXPECT_LE(task_->cost_estimate(core::kMiB), most);
    EXPECT_GE(task_->cost_estimate(UINT64_MAX), 100 * least);  // no sum wraps
    task_->close();
  }
}

// Of a thousand bodies that wait for a worker only those that were begun have a workspace.
TEST_F(ServerCodecTaskTest, HasAWorkspaceFromItsFirstSliceToItsLast) {
  core::WorkspacePools& workspaces = service_->workspaces();
  const auto in_use = [&] {
    std::size_t blocks = 0;
    for (std::size_t i = 0; i < workspaces.kinds().size(); ++i) {
      blocks += workspaces.stats(i).in_use;
    }
    return blocks;
  };
  const test::Buffer text = test::text_like(5'000, 1);
  for (const bool whole : {true, false}) {
    SCOPED_TRACE(whole);
    const core::EncoderParams params{.coding = core::Coding::br, .level = 11, .whole = whole};
    const std::size_t needed = *core::encoder_workspace_bytes(params);
    std::vector<core::PooledBlock> hoard;
    while (auto block = workspaces.acquire(core::Coding::br, core::Direction::compress, needed)) {
      hoard.push_back(std::move(*block));
    }
    ASSERT_FALSE(hoard.empty());
    ASSERT_TRUE(task_->open({.encode = params, .whole = whole}));
    feed(text);
    task_->input_ended = whole;
    task_->run();
    EXPECT_EQ(task_->state(), CodecTask::State::need_memory);
    EXPECT_EQ(task_->error().code, core::Errc::pool_exhausted);
    EXPECT_EQ(task_->input.size(), text.size());
    hoard.clear();
    EXPECT_EQ(in_use(), 0u);
    task_->run();
    if (!whole) {
      EXPECT_EQ(task_->state(), CodecTask::State::need_input);
      EXPECT_EQ(in_use(), 1u);
      task_->input_ended = true;
      task_->run();
    }
    EXPECT_EQ(task_->state(), CodecTask::State::done);
    EXPECT_EQ(in_use(), 0u);
    EXPECT_EQ(task_->input_bytes(), text.size());
    EXPECT_GT(task_->output_bytes(), 0u);
    task_->close();
  }
}

// Where all that is to do is decode, a slice writes as much as its owner has room for.
TEST_F(ServerCodecTaskTest, ADecodersSliceWritesWhatItMay) {
  const test::Buffer zeros(4 * core::kMiB);
  const test::Buffer frame = test::oracle_encode(core::Coding::zstd, zeros);
  const CodecTask::Plan decode{.decode = {core::Coding::zstd}, .decoders = 1};
  CodecTask::Plan transcode = decode;
  transcode.encode = core::EncoderParams{.coding = core::Coding::identity};
  constexpr std::size_t kUsual = CodecTask::kSliceOutputBytes;
  for (const auto& [plan, allowed, written] :
       {std::tuple(decode, kUsual, kUsual), std::tuple(decode, 2 * kUsual, 2 * kUsual),
        std::tuple(transcode, 2 * kUsual, kUsual)}) {
    ASSERT_TRUE(task_->open(plan));
    feed(frame);
    task_->input_ended = true;
    task_->slice_output_bytes = allowed;
    task_->run();
    EXPECT_EQ(task_->state(), CodecTask::State::need_output);
    EXPECT_EQ(task_->output.size(), written);
    task_->close();
  }
}

// A stream, too: but only full blocks, for room is promised in blocks.
TEST_F(ServerCodecTaskTest, IdentityPassesFullBlocksOfAStreamOn) {
  open(core::Coding::identity, 0);
  core::BlockChain came;
  auto block = service_->blocks(proto::Listener::service).acquire(core::k64kBlockBytes);
  ASSERT_TRUE(block);
  came.push_back(std::move(*block), 0, 0);
  came.commit(1000);
  const std::byte* const bytes = came.front().data();
  task_->take_input(came, false);
  EXPECT_TRUE(task_->input.empty());
  came.commit(came.tail_room().size());
  task_->take_input(came, false);
  EXPECT_TRUE(came.empty());
  task_->run();
  EXPECT_EQ(task_->state(), CodecTask::State::need_input);
  EXPECT_EQ(task_->output.front().data(), bytes);
  EXPECT_EQ(task_->output_bytes(), core::k64kBlockBytes);

  feed(test::text_like(10));
  came.swap(task_->input);
  task_->take_input(came, true);
  task_->input_ended = true;
  task_->run();
  EXPECT_EQ(task_->state(), CodecTask::State::done);
  EXPECT_EQ(task_->output.size(), core::k64kBlockBytes + 10);
  EXPECT_EQ(task_->output_bytes(), core::k64kBlockBytes + 10);
}

// A body that is its own result is not copied.
TEST_F(ServerCodecTaskTest, IdentityPassesAWholeBodyOn) {
  ASSERT_TRUE(task_->open(
      {.encode = core::EncoderParams{.coding = core::Coding::identity}, .whole = true}));
  const test::Buffer text = test::text_like(60'000, 1);
  feed(text);
  const std::byte* const bytes = task_->input.front().data();
  task_->input_ended = true;
  task_->run();
  ASSERT_EQ(task_->state(), CodecTask::State::done);
  EXPECT_EQ(task_->output.front().data(), bytes);
  EXPECT_EQ(test::to_buffer(task_->output.front()), text);
  EXPECT_TRUE(task_->input.empty());
  EXPECT_EQ(task_->input_bytes(), text.size());
  EXPECT_EQ(task_->output_bytes(), text.size());
  task_->close();
  EXPECT_EQ(service_->blocks(proto::Listener::service).large().stats().in_use, 0u);
}

}  // namespace
}  // namespace frdpu::server
