#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/engine/match_finder.h"

/// Finds the longest earlier occurrence at every position, for optimal parsing.
///
/// What beats a match of n bytes must have the same bytes up to n, where the known match fails. So
/// the candidates are not those that begin alike, but those that are alike around byte n: a chain
/// of the positions with the same `gram` of bytes that ends there.
///
///   at              n-gram+1      n
///   | same as the known match     | differs from it
///                   [    gram     ]  follow the chain of these
///
/// It is left for another as n grows. There are chains for grams of several lengths, of which the
/// longest that lies within the match is followed: the longer the gram, the fewer have it. All
/// positions of a block are linked before the search, which then only reads. No candidate is lost
/// to another with the same hash, so that what is found is the longest, but for the bound on steps.
///
/// What is left of a match at the next position fails at the same byte, so that the same chain
/// would be followed again. Instead the search tells from where on one of the candidates will do,
/// or a shorter gram has to be followed: up to there nothing longer is to be had.
///
/// Runs of one byte would make chains of all their positions. A gram within a run is therefore told
/// apart by its place in the run, and the match at offset 1 is always looked at.
namespace frdpu::core::lz4 {

/// Ownership: none; the tables lie in the encoder's workspace.
class LongestFinder {
 public:
  /// Bytes that link() needs at least.
  static constexpr std::size_t kLeastLinked = 16;

  /// Entries that the tables take for so many bytes of history and block together.
  static constexpr std::size_t table_entries(std::size_t reach) noexcept {
    return kGrams.size() * ((std::size_t{1} << bits_for(reach)) + std::bit_ceil(reach));
  }

  /// `tables` has room for table_entries(reach).
  LongestFinder(std::uint16_t* tables, std::size_t reach, std::size_t window) noexcept
      : heads_(tables),
        links_(tables + (kGrams.size() << bits_for(reach))),
        links_bits_(static_cast<unsigned>(std::bit_width(std::bit_ceil(reach)) - 1)),
        bits_(bits_for(reach)),
        window_(window) {}

  void clear() noexcept { std::fill_n(heads_, kGrams.size() << bits_, std::uint16_t{0}); }

  /// Links the positions in [from, to) that have whole grams there, and those before it that only
  /// now have, as far as `floor`, by their shortest gram. Requires: kLeastLinked bytes or more.
  void link_shortest(const std::uint8_t* floor, const std::uint8_t* from, const std::uint8_t* to,
                     std::uintptr_t base) noexcept {
    link_level<0>(floor, from, to, base);
  }

  /// The same by their longer grams.
  void link_longer(const std::uint8_t* floor, const std::uint8_t* from, const std::uint8_t* to,
                   std::uintptr_t base) noexcept {
    [&]<std::size_t... kLevels>(std::index_sequence<kLevels...>) {
      (link_level<kLevels + 1>(floor, from, to, base), ...);
    }
    (std::make_index_sequence<kGrams.size() - 1>());
  }

  /// Walks a block that was linked by its shortest gram, and takes what occurred before as it
  /// comes. Returns: false when that saves so little, against what literals cost beyond their own
  /// bytes, that a search of the whole block would not make it smaller than it is.
  [[nodiscard]] bool repeats(const EncodeViews& views, std::uintptr_t base) const noexcept {
    const auto size = static_cast<std::size_t>(views.end - views.begin);
    const std::size_t enough = size / 1024;  // literals cost four times this
    const std::uint8_t* const match_end = views.end - kLastLiterals;
    std::size_t saved = 0;
    for (const std::uint8_t* at = views.begin; at < match_end - kMinMatch;) {
      const auto reach = std::min(static_cast<std::size_t>(at - views.floor), window_);
      const auto take = [&](std::size_t offset) {
        if (offset == 0 || offset > reach || load_le32(at - offset) != load_le32(at)) return false;
        const std::size_t length = count_equal(at - offset, at, match_end);
        at += length;
        saved += length - (kMinMatch - 1);
        return true;
      };
      if (!take(link_of(0, position_in(at, base))) && !take(1)) {
        ++at;
      } else if (saved > enough) {
        return true;
      }
    }
    return false;
  }

  /// What find() tells: the longest match at a position, and the next position where there may be
  /// a longer one than is left of this.
  struct Found {
    Match match;
    const std::uint8_t* next;
  };

  /// Looks at a position of a block that was linked. `known` is a match there, or none.
  [[nodiscard]] Found find(const std::uint8_t* at, const EncodeViews& views,
                           const std::uint8_t* match_end, std::uintptr_t base,
                           Match known) const noexcept {
    const auto behind = static_cast<std::size_t>(at - views.floor);
    const auto most = static_cast<std::size_t>(match_end - at);
    if (behind != 0 && known.offset != 1 && load_le32(at - 1) == load_le32(at)) {
      const std::size_t run = count_equal(at - 1, at, match_end);
      if (run > known.length) known = {.length = run, .offset = 1};
    }
    Match best{.length = std::max(known.length, kMinMatch - 1), .offset = known.offset};
    std::size_t level = level_of(best.length);
    std::size_t nearly = 0;  // the most bytes up to the failing one, it included, that match
    std::size_t out_of_reach = SIZE_MAX;
    std::size_t offset = 0;
    for (unsigned left = kSteps; left != 0 && best.length < most; --left) {
      const std::uint8_t* const gram = at + (best.length + 1 - kGrams[level]);
      const std::uint16_t step = link_of(level, position_in(gram - offset, base));
      offset += step;
      if (step == 0 || offset > window_) break;  // the chain ends, or leaves the window
      if (offset > behind) {
        out_of_reach = offset - behind;
        break;
      }
      const std::uint8_t* const match = at - offset;
      if (match[best.length] != at[best.length]) continue;
      const std::size_t equal = count_equal_back(match, at, best.length + 1);
      if (equal <= best.length) {
        nearly = std::max(nearly, equal);
        continue;
      }
      const std::size_t more = equal + count_equal(match + equal, at + equal, match_end);
      best = {.length = more, .offset = offset};
      level = level_of(more);
      nearly = offset = 0;  // on another chain now
    }
    if (best.length < kMinMatch) return {.match = {}, .next = at + 1};
    if (best.length == most) return {.match = best, .next = match_end};
    if (behind != 0) nearly = std::max(nearly, count_equal_back(at - 1, at, best.length + 1));
    // Further on, a shorter gram is followed, which more positions have.
    const std::size_t beyond = std::min(best.length + 1 - nearly, best.length + 2 - kGrams[level]);
    return {.match = best, .next = at + std::min(beyond, out_of_reach)};
  }

 private:
  /// Found by trying on the corpus: more of them cost time and memory, fewer let chains be long.
  static constexpr std::array<std::size_t, 3> kGrams = {4, 5, 12};
  static_assert(kGrams.front() == kMinMatch && kGrams.back() <= kLeastLinked);
  static constexpr unsigned kSteps = 4096;  // along chains, at most

  static constexpr unsigned bits_for(std::size_t reach) noexcept {
    return std::clamp(static_cast<unsigned>(std::bit_width(reach)) + 1, 9u, 16u);
  }
  /// The longest gram that lies within a match and the byte behind it.
  static std::size_t level_of(std::size_t length) noexcept {
    std::size_t level = 0;
    for (std::size_t i = 1; i < kGrams.size(); ++i) level += length + 1 >= kGrams[i] ? 1 : 0;
    return level;
  }
  /// Of the first `most` bytes of two places, counts the last ones that are equal. Requires: 8
  /// readable bytes.
  static std::size_t count_equal_back(const std::uint8_t* match, const std::uint8_t* at,
                                      std::size_t most) noexcept {
    std::size_t left = most;
    for (; left >= 8; left -= 8) {
      const std::uint64_t difference = load_le64(match + left - 8) ^ load_le64(at + left - 8);
      if (difference != 0) {
        return most - left + static_cast<std::size_t>(std::countl_zero(difference)) / 8;
      }
    }
    if (left == 0) return most;
    const std::uint64_t difference = (load_le64(match) ^ load_le64(at)) << (64 - 8 * left);
    if (difference == 0) return most;
    return most - left + static_cast<std::size_t>(std::countl_zero(difference)) / 8;
  }
  [[nodiscard]] std::size_t position_in(const std::uint8_t* at,
                                        std::uintptr_t base) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(at) - base) & ((std::size_t{1} << links_bits_) - 1);
  }
  [[nodiscard]] std::uint16_t& link_of(std::size_t level, std::size_t position) const noexcept {
    return links_[(level << links_bits_) + position];
  }

  template <std::size_t kLevel>
  void link_level(const std::uint8_t* floor, const std::uint8_t* from, const std::uint8_t* to,
                  std::uintptr_t base) noexcept {
    constexpr std::size_t kGram = kGrams[kLevel];
    std::uint16_t* const heads = heads_ + (kLevel << bits_);
    std::size_t repeats = 0;  // of a constant gram, so far in its run
    const auto enter = [&](const std::uint8_t* at, std::uint64_t bytes) {
      constexpr std::size_t kFirst = std::min<std::size_t>(kGram, 8);
      std::uint64_t hash = bytes << (64 - 8 * kFirst);
      bool constant = (bytes ^ bytes >> 8) << (64 - 8 * (kFirst - 1)) == 0;
      if constexpr (kGram > 8) {
        const std::uint64_t last = load_le64(at + kGram - 8);
        constant = constant && last == bytes;
        hash = hash * kFactor ^ last;
      }
      if (constant) [[unlikely]] {
        hash += ++repeats;
      } else {
        repeats = 0;
      }
      hash *= kFactor;
      const std::uint16_t position = position_of(at, base);
      const std::uint16_t before = std::exchange(heads[hash >> (64 - bits_)], position);
      link_of(kLevel, position_in(at, base)) = static_cast<std::uint16_t>(position - before);
    };
    const std::uint8_t* at = from - std::min(kGram - 1, static_cast<std::size_t>(from - floor));
    const std::uint8_t* const readable = to - std::max<std::size_t>(kGram, 8);
    for (; at <= readable; ++at) enter(at, load_le64(at));
    if constexpr (kGram < 8) {
      const std::uint64_t last = load_le64(to - 8);
      for (; at + kGram <= to; ++at) enter(at, last >> 8 * (at - readable));
    }
  }

  static constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15u;

  std::uint16_t* heads_;
  std::uint16_t* links_;
  unsigned links_bits_;
  unsigned bits_;
  std::size_t window_;
};

}  // namespace frdpu::core::lz4
