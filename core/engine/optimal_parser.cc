#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

// A match this long is followed without looking for a better one at its other positions.
constexpr std::size_t kLongMatch = 512;
// Longer matches take bytes of length behind the token. What follows hardly ever costs less when it
// starts earlier, so of those lengths only the longest is worth trying.
constexpr std::size_t kCheapLength = kMinMatch + kLengthMask - 1;

std::uint32_t match_cost(std::size_t length) noexcept {
  const std::size_t code = length - kMinMatch;
  return static_cast<std::uint32_t>(code < kLengthMask ? 3 : 4 + (code - kLengthMask) / 255);
}

/// Bytes that a run of literals costs more when it grows to `count`.
std::uint32_t literal_cost(std::size_t count) noexcept {
  return count >= kLengthMask && (count - kLengthMask) % 255 == 0 ? 2 : 1;
}

/// Fills in the longest match at every position.
void find_all(const EncodeViews& views, LongestFinder& finder, const std::uint8_t* unindexed,
              std::uintptr_t base, OptimalStep* steps) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  const std::uint8_t* const match_end = views.end - kLastLiterals;
  const std::size_t starts = size - kMatchStartMargin + 1;
  finder.link(unindexed, views.end - (LongestFinder::kHashed - 1), base);
  for (const std::uint8_t* at = unindexed; at < views.begin; ++at) finder.enter(at, base);
  Match match;
  for (std::size_t i = 0; i < starts; ++i) {
    const std::uint8_t* const at = views.begin + i;
    // What matched a byte before still does, less that byte.
    if (match.length > kMinMatch) {
      --match.length;
    } else {
      match = {};
    }
    if (match.length > kLongMatch) {
      finder.enter(at, base);
    } else {
      match = finder.find(at, views, match_end, base, match);
    }
    steps[i].length = static_cast<std::uint16_t>(match.length);
    steps[i].offset = static_cast<std::uint16_t>(match.offset);
  }
  for (const std::uint8_t* at = views.begin + starts; views.end - at >= 8; ++at) {
    finder.enter(at, base);
  }
  for (std::size_t i = starts; i <= size; ++i) steps[i].length = 0;
}

/// Chooses from the end to the start: what follows a position does not depend on how it was
/// reached, but for the literals right behind it, whose number is known.
void choose(OptimalStep* steps, std::size_t size) noexcept {
  steps[size].cost = 0;
  std::size_t run = 0;  // literals that follow
  for (std::size_t i = size; i-- > 0;) {
    const std::size_t longest = steps[i].length;
    std::uint32_t best = steps[i + 1].cost + literal_cost(run + 1);
    std::size_t taken = 0;
    if (longest != 0) {
      const auto consider = [&](std::size_t length) {
        const std::uint32_t cost = steps[i + length].cost + match_cost(length);
        if (cost <= best) {
          best = cost;
          taken = length;
        }
      };
      const std::size_t cheap = std::min(longest, kCheapLength);
      for (std::size_t length = kMinMatch; length <= cheap; ++length) consider(length);
      if (longest > cheap) consider(longest);
    }
    steps[i].cost = best;
    steps[i].length = static_cast<std::uint16_t>(taken);
    run = taken == 0 ? run + 1 : 0;
  }
}

}  // namespace

std::size_t parse_optimal(const EncodeViews& views, LongestFinder& finder,
                          const std::uint8_t* unindexed, std::uintptr_t base,
                          OptimalStep* steps) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  find_all(views, finder, unindexed, base, steps);
  choose(steps, size);

  SequenceWriter writer(views.end, views.out, views.out_end);
  const std::uint8_t* literals = views.begin;
  for (std::size_t i = 0; i < size;) {
    const std::size_t length = steps[i].length;
    if (length == 0) {
      ++i;
      continue;
    }
    const auto count = static_cast<std::size_t>(views.begin + i - literals);
    if (!writer.put(literals, count, steps[i].offset, length)) return 0;
    i += length;
    literals = views.begin + i;
  }
  return writer.finish(literals);
}

}  // namespace frdpu::core::lz4
