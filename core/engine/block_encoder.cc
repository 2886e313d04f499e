#include "core/engine/block_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/engine/parsers.h"

namespace frdpu::core::lz4 {
namespace {

constexpr int kFirstChainLevel = 4;
constexpr int kOptimalLevel = 9;

/// Candidates that levels 4 to 8 look at.
constexpr std::array<unsigned, 5> kDepths = {4, 8, 16, 48, 128};

std::size_t reach_of(const BlockEncoderConfig& config) noexcept {
  return std::min(config.reach, config.window + config.block_bytes);
}

FastTable fast_table(const BlockEncoderConfig& config, std::uint16_t* tables) noexcept {
  FastTable table = fast_table_of(config.level, reach_of(config), config.block_bytes);
  table.entries = tables;
  return table;
}

bool within_packet(const BlockEncoderConfig& config) noexcept {
  return reach_of(config) <= PacketChains::kReach;
}

std::size_t chain_bytes(const BlockEncoderConfig& config) noexcept {
  return (within_packet(config) ? PacketChains::kTableEntries : Chains::kTableEntries) *
         sizeof(std::uint16_t);
}

/// Calls `run` with the chains of a level from 4 to 8.
template <class Run>
auto with_chains(const BlockEncoderConfig& config, std::uint16_t* tables, const Run& run) noexcept {
  const unsigned depth = kDepths[static_cast<std::size_t>(config.level - kFirstChainLevel)];
  if (within_packet(config)) return run(PacketChains(tables, config.window, depth));
  return run(Chains(tables, config.window, depth));
}

LongestFinder longest_finder(const BlockEncoderConfig& config, std::uint16_t* tables) noexcept {
  return {tables, reach_of(config), config.window};
}

std::size_t longest_bytes(const BlockEncoderConfig& config) noexcept {
  return LongestFinder::table_entries(reach_of(config)) * sizeof(std::uint16_t);
}

}  // namespace

std::size_t BlockEncoder::table_bytes(const BlockEncoderConfig& config) noexcept {
  if (config.level < kFirstChainLevel) {
    return fast_table(config, nullptr).entry_count * sizeof(std::uint16_t);
  }
  if (config.level < kOptimalLevel) return chain_bytes(config);
  return longest_bytes(config) + (config.block_bytes + 1) * sizeof(OptimalStep);
}

std::size_t BlockEncoder::learned_bytes(const BlockEncoderConfig& config) noexcept {
  return config.level < kFirstChainLevel ? table_bytes(config) : 0;
}

BlockEncoder::BlockEncoder(const BlockEncoderConfig& config, void* tables) noexcept
    : config_(config), tables_(static_cast<std::uint16_t*>(tables)) {}

void BlockEncoder::forget(const std::uint8_t* begin) noexcept {
  base_ = reinterpret_cast<std::uintptr_t>(begin);
  unindexed_ = unlinked_ = 0;
  if (config_.level < kFirstChainLevel) {
    std::memset(tables_, 0, table_bytes(config_));
  } else if (config_.level < kOptimalLevel) {
    with_chains(config_, tables_, [](auto chains) { chains.clear(); });
  } else {
    longest_finder(config_, tables_).clear();
  }
}

void BlockEncoder::learn(const std::uint8_t* from, const std::uint8_t* to) noexcept {
  const auto size = static_cast<std::size_t>(to - from);
  if (config_.level == kOptimalLevel) {
    unindexed_ = unlinked_ = size < LongestFinder::kLeastLinked ? size : 0;
    if (unindexed_ != 0) return;
    LongestFinder finder = longest_finder(config_, tables_);
    finder.link_shortest(from, from, to, base_);
    finder.link_longer(from, from, to, base_);
    return;
  }
  constexpr std::size_t kHashed = 8;  // bytes that a hash may read
  unindexed_ = std::min(size, kHashed - 1);
  to -= unindexed_;
  if (config_.level < kFirstChainLevel) {
    enter_fast(fast_table(config_, tables_), from, to, base_);
  } else {
    with_chains(config_, tables_, [&](auto chains) { chains.insert(from, to, base_); });
  }
}

std::size_t BlockEncoder::encode(const EncodeViews& views) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  if (size <= kLeastParsed) {
    unindexed_ += size;
    unlinked_ += size;
    return 0;
  }
  if (config_.level < kFirstChainLevel) {
    return parse_fast(views, fast_table(config_, tables_), base_, config_.window);
  }
  const auto reach = std::min(static_cast<std::size_t>(views.begin - views.floor), config_.window);
  const std::uint8_t* const unindexed = views.begin - std::min(unindexed_, reach);
  if (config_.level < kOptimalLevel) {
    unindexed_ = kMinMatch - 1;
    return with_chains(config_, tables_,
                       [&](auto chains) { return parse_lazy(views, chains, unindexed, base_); });
  }
  LongestFinder finder = longest_finder(config_, tables_);
  finder.link_shortest(views.floor, unindexed, views.end, base_);
  unindexed_ = 0;
  if (!finder.repeats(views, base_)) {
    unlinked_ += size;
    return 0;
  }
  finder.link_longer(views.floor, views.begin - std::min(unlinked_, reach), views.end, base_);
  unlinked_ = 0;
  auto* const steps = reinterpret_cast<OptimalStep*>(reinterpret_cast<std::byte*>(tables_) +
                                                     longest_bytes(config_));
  return parse_optimal(views, finder, base_, steps);
}

}  // namespace frdpu::core::lz4
