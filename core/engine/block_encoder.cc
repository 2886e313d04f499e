#include "core/engine/block_encoder.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

constexpr int kFirstChainLevel = 3;
constexpr int kOptimalLevel = 9;

/// Candidates that levels 3 to 9 look at.
constexpr std::array<unsigned, 7> kDepths = {4, 8, 16, 32, 64, 128, 1024};

// Largest and smallest hash table of levels 1 and 2: 32 KiB and 1 KiB.
constexpr unsigned kMaxHashBits = 13;
constexpr unsigned kMinHashBits = 9;

/// A table with about as many entries as there are bytes to find again.
unsigned hash_bits_for(const BlockEncoderConfig& config) noexcept {
  const std::size_t bytes = std::min(config.reach, config.window + config.block_bytes);
  return std::clamp(static_cast<unsigned>(std::bit_width(bytes)), kMinHashBits, kMaxHashBits);
}

ChainFinder chain_finder(const BlockEncoderConfig& config, std::uint16_t* tables) noexcept {
  return {tables, config.window,
          kDepths[static_cast<std::size_t>(config.level - kFirstChainLevel)]};
}

constexpr std::size_t kChainBytes = ChainFinder::kTableEntries * sizeof(std::uint16_t);

}  // namespace

std::size_t BlockEncoder::table_bytes(const BlockEncoderConfig& config) noexcept {
  if (config.level < kFirstChainLevel) return sizeof(std::uint16_t) << hash_bits_for(config);
  if (config.level < kOptimalLevel) return kChainBytes;
  return kChainBytes + (config.block_bytes + 1) * sizeof(OptimalStep);
}

BlockEncoder::BlockEncoder(const BlockEncoderConfig& config, void* tables) noexcept
    : config_(config),
      hash_bits_(hash_bits_for(config)),
      tables_(static_cast<std::uint16_t*>(tables)) {}

void BlockEncoder::forget(const std::uint8_t* begin) noexcept {
  base_ = reinterpret_cast<std::uintptr_t>(begin);
  unindexed_ = 0;
  if (config_.level < kFirstChainLevel) {
    std::fill_n(tables_, std::size_t{1} << hash_bits_, std::uint16_t{0});
  } else {
    chain_finder(config_, tables_).clear();
  }
}

void BlockEncoder::learn(const std::uint8_t* from, const std::uint8_t* to) noexcept {
  const auto size = static_cast<std::size_t>(to - from);
  constexpr std::size_t kHashed = 8;  // bytes that a hash may read
  unindexed_ = std::min(size, kHashed - 1);
  to -= unindexed_;
  if (config_.level < kFirstChainLevel) {
    for (; from < to; ++from) tables_[hash5(from, hash_bits_)] = position_of(from, base_);
  } else {
    chain_finder(config_, tables_).insert(from, to, base_);
  }
}

std::size_t BlockEncoder::encode(const EncodeViews& views) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  if (size <= kMatchStartMargin) {
    unindexed_ += size;
    return SequenceWriter(views.end, views.out, views.out_end).finish(views.begin);
  }
  if (config_.level < kFirstChainLevel) {
    const FastTable table{.entries = tables_, .bits = hash_bits_};
    return parse_fast(views, table, base_, config_.window, config_.level > 1);
  }
  ChainFinder finder = chain_finder(config_, tables_);
  const auto reach = static_cast<std::size_t>(views.begin - views.floor);
  const std::uint8_t* const unindexed = views.begin - std::min(unindexed_, reach);
  unindexed_ = kMinMatch - 1;
  if (config_.level < kOptimalLevel) return parse_lazy(views, finder, unindexed, base_);
  auto* const steps =
      reinterpret_cast<OptimalStep*>(reinterpret_cast<std::byte*>(tables_) + kChainBytes);
  return parse_optimal(views, finder, unindexed, base_, steps);
}

}  // namespace frdpu::core::lz4
