#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

// Every 64 misses in a row widen the step by one: what does not compress is passed quickly.
constexpr unsigned kSkipShift = 6;

/// The table and the block, with the questions that the loop asks.
template <bool kChecked>
struct Search {
  const EncodeViews& views;
  std::uint16_t* entries;
  unsigned bits;
  std::uintptr_t base;
  std::size_t window;

  /// Enters `at` and returns the distance to the earlier entry of its hash.
  std::size_t exchange(const std::uint8_t* at) const noexcept {
    std::uint16_t& entry = entries[hash5(at, bits)];
    const std::uint16_t position = position_of(at, base);
    const std::size_t offset = static_cast<std::uint16_t>(position - entry);
    entry = position;
    return offset;
  }
  void insert(const std::uint8_t* at) const noexcept {
    entries[hash5(at, bits)] = position_of(at, base);
  }

  /// True when `at - offset` is in reach and starts with the same 4 bytes.
  bool matches(const std::uint8_t* at, std::size_t offset) const noexcept {
    if constexpr (kChecked) {
      const std::size_t reach = std::min(static_cast<std::size_t>(at - views.floor), window);
      if (offset - 1 >= reach) return false;
    }
    return load_le32(at - offset) == load_le32(at);
  }
};

/// `kChecked`: offsets must be compared with the window and the history. Not needed when the
/// tables were cleared at the start of the input and all of it is within the window.
template <bool kChecked, bool kLazy>
std::size_t parse(const EncodeViews& views, const FastTable& table, std::uintptr_t base,
                  std::size_t window) noexcept {
  const Search<kChecked> search{views, table.entries, table.bits, base, window};
  SequenceWriter writer(views.end, views.out, views.out_end);
  const std::uint8_t* const last_start = views.end - kMatchStartMargin;
  const std::uint8_t* const match_end = views.end - kLastLiterals;
  const std::uint8_t* literals = views.begin;
  const std::uint8_t* at = views.begin;
  if (at == views.floor) search.insert(at++);  // nothing can come before the first byte

  for (;;) {
    // Look for a match.
    std::size_t offset;
    std::size_t misses = std::size_t{1} << kSkipShift;
    for (;; at += misses++ >> kSkipShift) {
      if (at > last_start) return writer.finish(literals);
      offset = search.exchange(at);
      if (search.matches(at, offset)) break;
    }
    std::size_t length = 4 + count_equal(at - offset + 4, at + 4, match_end);

    if constexpr (kLazy) {
      while (at < last_start) {
        const std::size_t next_offset = search.exchange(at + 1);
        if (!search.matches(at + 1, next_offset)) break;
        const std::size_t next = 4 + count_equal(at + 1 - next_offset + 4, at + 5, match_end);
        if (next <= length) break;
        ++at;
        length = next;
        offset = next_offset;
      }
    }
    // Grow it backwards into the literals.
    while (at > literals && at - offset > views.floor && at[-1] == (at - offset)[-1]) {
      --at;
      ++length;
    }
    // Write it, and go on behind it.
    const auto count = static_cast<std::size_t>(at - literals);
    if (!writer.put(literals, count, offset, length)) return 0;
    at += length;
    literals = at;
    if (at > last_start) return writer.finish(literals);
    search.insert(at - 2);
  }
}

}  // namespace

std::size_t parse_fast(const EncodeViews& views, const FastTable& table, std::uintptr_t base,
                       std::size_t window, bool lazy) noexcept {
  const bool within = position_of(views.floor, base) == 0 &&
                      static_cast<std::size_t>(views.end - views.floor) <= window + 1 &&
                      reinterpret_cast<std::uintptr_t>(views.floor) == base;
  if (lazy) {
    return within ? parse<false, true>(views, table, base, window)
                  : parse<true, true>(views, table, base, window);
  }
  return within ? parse<false, false>(views, table, base, window)
                : parse<true, false>(views, table, base, window);
}

}  // namespace frdpu::core::lz4
