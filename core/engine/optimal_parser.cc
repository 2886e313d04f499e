#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

// The longest match whose length fits the token.
constexpr std::size_t kShortMatch = kMinMatch + kLengthMask - 1;

std::uint32_t match_cost(std::size_t length) noexcept {
  const std::size_t code = length - kMinMatch;
  return static_cast<std::uint32_t>(code < kLengthMask ? 3 : 4 + (code - kLengthMask) / 255);
}

/// Bytes that a run of literals costs more when it grows to `count`.
std::uint32_t literal_cost(std::size_t count) noexcept {
  return count >= kLengthMask && (count - kLengthMask) % 255 == 0 ? 2 : 1;
}

/// Fills in the longest match at every position.
void find_all(const EncodeViews& views, const LongestFinder& finder, std::uintptr_t base,
              OptimalStep* steps) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  const std::uint8_t* const match_end = views.end - kLastLiterals;
  const std::size_t starts = size - kMatchStartMargin + 1;
  Match match;
  const std::uint8_t* next = views.begin;
  for (std::size_t i = 0; i < starts; ++i) {
    // What matched a byte before still does, less that byte.
    if (match.length > kMinMatch) {
      --match.length;
    } else {
      match = {};
    }
    const std::uint8_t* const at = views.begin + i;
    if (match.length == 0 || at >= next) {
      const auto found = finder.find(at, views, match_end, base, match);
      match = found.match;
      next = found.next;
    }
    steps[i].length = static_cast<std::uint16_t>(match.length);
    steps[i].offset = static_cast<std::uint16_t>(match.offset);
  }
  for (std::size_t i = starts; i <= size; ++i) steps[i].length = 0;
}

/// Chooses from the end to the start: what follows a position does not depend on how it was
/// reached, but for the literals right behind it, whose number is known. It never costs more from a
/// position than from the one before: what is taken there can be taken here, too, less its first
/// byte. So of all lengths that take the same bytes to write only the longest is of interest.
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
      if (longest > kShortMatch) {
        consider(kShortMatch);
        const std::size_t extra = longest - kShortMatch;
        if (extra > 255) consider(longest - extra % 255);
      }
      consider(longest);
    }
    steps[i].cost = best;
    steps[i].length = static_cast<std::uint16_t>(taken);
    run = taken == 0 ? run + 1 : 0;
  }
}

}  // namespace

std::size_t parse_optimal(const EncodeViews& views, const LongestFinder& finder,
                          std::uintptr_t base, OptimalStep* steps) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  find_all(views, finder, base, steps);
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
