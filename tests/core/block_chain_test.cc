#include "core/block_chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/pool/fixed_pool.h"

namespace frdpu::core {
namespace {

class BlockChainTest : public testing::Test {
 protected:
  static constexpr std::size_t kBlockBytes = 16;

  void add(BlockChain& chain, std::string_view text, std::size_t begin = 0) {
    PooledBlock block = *pool_.acquire();
    std::memcpy(block.data() + begin, text.data(), text.size());
    chain.push_back(std::move(block), begin, begin + text.size());
  }

  static std::string all(const BlockChain& chain) {
    std::array<Bytes, 64> views;
    std::string text;
    for (const Bytes view : std::span(views).first(chain.views(views))) text += as_text(view);
    return text;
  }

  [[nodiscard]] std::size_t in_use() const { return pool_.stats().in_use; }

  FixedPool pool_ = *FixedPool::create(
      {.name = "chain", .block_bytes = kBlockBytes, .max_blocks = 64, .slack_bytes = 8});
};

TEST_F(BlockChainTest, StartsEmpty) {
  BlockChain chain;
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.blocks(), 0u);
  EXPECT_TRUE(chain.front().empty());
  EXPECT_TRUE(chain.tail_room().empty());
  chain.consume(0);
  chain.clear();
}

TEST_F(BlockChainTest, ConsumesAcrossBlocksAndReleasesThem) {
  BlockChain chain;
  add(chain, "abc", 5);
  add(chain, "defg");
  EXPECT_EQ(chain.size(), 7u);
  EXPECT_EQ(as_text(chain.front()), "abc");
  chain.consume(2);
  EXPECT_EQ(all(chain), "cdefg");
  EXPECT_EQ(in_use(), 2u);
  chain.consume(1);
  EXPECT_EQ(in_use(), 1u);
  EXPECT_EQ(as_text(chain.front()), "defg");
  chain.consume(4);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.blocks(), 0u);
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(BlockChainTest, TakesTheFrontOff) {
  for (std::size_t n = 0; n <= 9; ++n) {
    SCOPED_TRACE(n);
    BlockChain chain;
    add(chain, "abc", 5);
    add(chain, "defg");
    add(chain, "hi");
    const auto front = chain.take_front(n, pool_);
    ASSERT_TRUE(front);
    EXPECT_EQ(all(*front), std::string("abcdefghi").substr(0, n));
    EXPECT_EQ(all(chain), std::string("abcdefghi").substr(n));
    EXPECT_EQ(front->size(), n);
    EXPECT_EQ(chain.size(), 9 - n);
    const bool at_a_seam = n == 0 || n == 3 || n == 7 || n == 9;
    EXPECT_EQ(in_use(), at_a_seam ? 3u : 4u);
    EXPECT_EQ(front->blocks() + chain.blocks(), in_use());
  }
}

TEST_F(BlockChainTest, StaysWholeWhenThereIsNoBlockForTheCut) {
  BlockChain chain;
  add(chain, "abc");
  add(chain, "defg");
  std::vector<PooledBlock> rest;
  while (auto block = pool_.acquire()) rest.push_back(std::move(*block));
  const auto front = chain.take_front(5, pool_);
  ASSERT_FALSE(front);
  EXPECT_EQ(front.error().code, Errc::pool_exhausted);
  EXPECT_EQ(all(chain), "abcdefg");
  EXPECT_EQ(chain.size(), 7u);
  EXPECT_EQ(chain.blocks(), 2u);
  EXPECT_TRUE(chain.take_front(3, pool_));
}

TEST_F(BlockChainTest, FillsTheTail) {
  BlockChain chain;
  chain.push_back(*pool_.acquire(), 0, 0);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.tail_room().size(), kBlockBytes);
  EXPECT_EQ(chain.tail_room(true).size(), kBlockBytes + 8);
  std::memcpy(chain.tail_room().data(), "xy", 2);
  chain.commit(2);
  EXPECT_EQ(chain.tail_room().size(), kBlockBytes - 2);
  EXPECT_EQ(all(chain), "xy");
  std::memset(chain.tail_room(true).data(), 'z', kBlockBytes + 6);
  chain.commit(kBlockBytes + 6);
  EXPECT_TRUE(chain.tail_room().empty());
  EXPECT_TRUE(chain.tail_room(true).empty());
  EXPECT_EQ(chain.size(), kBlockBytes + 8);
}

TEST_F(BlockChainTest, TellsWhatLiesInFullBlocks) {
  BlockChain chain;
  EXPECT_EQ(chain.full_bytes(), 0u);
  add(chain, "abc");
  EXPECT_EQ(chain.full_bytes(), 0u);
  chain.push_back(*pool_.acquire(), 0, kBlockBytes);
  EXPECT_EQ(chain.full_bytes(), 3 + kBlockBytes);
  add(chain, "de");
  EXPECT_EQ(chain.full_bytes(), 3 + kBlockBytes) << "where the last one is not";
  chain.consume(4);
  EXPECT_EQ(chain.full_bytes(), kBlockBytes - 1);
  chain.consume(kBlockBytes);
  EXPECT_EQ(chain.full_bytes(), 0u);
}

TEST_F(BlockChainTest, DropsAnUnusedTailBeforeTheNextBlock) {
  BlockChain chain;
  add(chain, "ab");
  chain.push_back(*pool_.acquire(), 0, 0);
  EXPECT_EQ(chain.blocks(), 2u);
  add(chain, "cd");
  EXPECT_EQ(chain.blocks(), 2u);
  EXPECT_EQ(in_use(), 2u);
  EXPECT_EQ(all(chain), "abcd");
}

TEST_F(BlockChainTest, AppendsMovesAndClears) {
  BlockChain chain;
  BlockChain other;
  add(chain, "ab");
  add(other, "cd");
  add(other, "ef");
  chain.append(std::move(other));
  EXPECT_EQ(all(chain), "abcdef");
  EXPECT_EQ(chain.blocks(), 3u);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(other.blocks(), 0u);
  chain.append(BlockChain());
  BlockChain moved = std::move(chain);
  EXPECT_EQ(all(moved), "abcdef");
  add(other, "x");
  other = std::move(moved);
  EXPECT_EQ(all(other), "abcdef");
  EXPECT_EQ(in_use(), 3u);
  other.clear();
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(BlockChainTest, ViewsStopWhereTheListIsFull) {
  BlockChain chain;
  for (const char* text : {"a", "b", "c"}) add(chain, text);
  std::array<Bytes, 2> views;
  EXPECT_EQ(chain.views(views), 2u);
  EXPECT_EQ(as_text(views[1]), "b");
}

TEST_F(BlockChainTest, AgreesWithAPlainModelUnderRandomOperations) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::array<BlockChain, 2> chains;
  std::array<std::deque<std::byte>, 2> models;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t which = random() % 2;
    BlockChain& chain = chains[which];
    auto& model = models[which];
    switch (random() % 6) {
      case 0:
      case 1: {
        Result<PooledBlock> block = pool_.acquire();
        if (!block) break;
        const std::size_t begin = random() % 8;
        const std::size_t end = begin + random() % 9;
        for (std::size_t i = begin; i < end; ++i) {
          block->data()[i] = std::byte(random());
          model.push_back(block->data()[i]);
        }
        chain.push_back(*std::move(block), begin, end);
        break;
      }
      case 2: {
        const MutableBytes room = chain.tail_room(random() % 2 == 0);
        const std::size_t n = room.empty() ? 0 : random() % (room.size() + 1);
        for (std::size_t i = 0; i < n; ++i) {
          room[i] = std::byte(random());
          model.push_back(room[i]);
        }
        chain.commit(n);
        break;
      }
      case 3:
      case 4: {
        const std::size_t n = random() % (std::min<std::size_t>(model.size(), 40) + 1);
        chain.consume(n);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(n));
        break;
      }
      default:
        if (random() % 8 == 0) {
          chains[1 - which].append(std::move(chain));
          models[1 - which].insert(models[1 - which].end(), model.begin(), model.end());
          model.clear();
        }
    }
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(chains[i].size(), models[i].size());
      const std::string text = all(chains[i]);
      ASSERT_TRUE(std::ranges::equal(as_bytes(text), models[i]));
      ASSERT_TRUE(models[i].empty() || !chains[i].front().empty());
    }
    ASSERT_EQ(in_use(), chains[0].blocks() + chains[1].blocks());
  }
}

}  // namespace
}  // namespace frdpu::core
