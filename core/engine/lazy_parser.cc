#include <algorithm>
#include <type_traits>

#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

// The step widens by one for 2^7 literals since the last match.
constexpr unsigned kSkipShift = 7;

}  // namespace

template <class Finder>
std::size_t parse_lazy(const EncodeViews& views, Finder& finder, const std::uint8_t* unindexed,
                       std::uintptr_t base) noexcept {
  SequenceWriter writer(views.end, views.out, views.out_end);
  const std::uint8_t* const last_start = views.end - kMatchStartMargin;
  const std::uint8_t* const match_end = views.end - kLastLiterals;
  const std::uint8_t* literals = views.begin;
  const std::uint8_t* at = views.begin;
  const std::uint8_t* indexed = unindexed;
  const auto find = [&](const std::uint8_t* where, std::size_t longer_than) {
    finder.insert(indexed, where + 1, base);
    indexed = std::max(indexed, where + 1);
    return finder.find(where, views, match_end, base, longer_than);
  };

  while (at <= last_start) {
    Match match = find(at, 0);
    if (match.offset == 0) {
      // What does not compress is passed quickly. In a packet that is not entered either: too
      // little can follow in which it would come again.
      at += 1 + (static_cast<std::size_t>(at - literals) >> kSkipShift);
      if constexpr (std::is_same_v<Finder, PacketChains>) indexed = std::max(indexed, at);
      continue;
    }
    // A longer match a byte on wins, or one two bytes on that makes up for both.
    while (at + 1 < last_start) {
      std::size_t ahead = 1;
      Match next = find(at + 1, match.length);
      if (next.offset == 0) {
        ahead = 2;
        next = find(at + 2, match.length + 1);
      }
      if (next.offset == 0) break;
      match = next;
      at += ahead;
    }
    while (at > literals && at - match.offset > views.floor && at[-1] == (at - match.offset)[-1]) {
      --at;
      ++match.length;
    }
    const auto count = static_cast<std::size_t>(at - literals);
    if (!writer.put(literals, count, match.offset, match.length)) return 0;
    at += match.length;
    literals = at;
  }
  finder.insert(indexed, views.end - (kMinMatch - 1), base);
  return writer.finish(literals);
}

template std::size_t parse_lazy(const EncodeViews&, Chains&, const std::uint8_t*,
                                std::uintptr_t) noexcept;
template std::size_t parse_lazy(const EncodeViews&, PacketChains&, const std::uint8_t*,
                                std::uintptr_t) noexcept;

}  // namespace frdpu::core::lz4
