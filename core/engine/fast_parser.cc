#include <algorithm>
#include <bit>

#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

constexpr std::uint64_t kHashFactor = 0x9E3779B97F4A7C15u;

/// How a level looks for matches. Found by trying on the corpus (tests/bench/engine_bench.cc).
struct Manner {
  unsigned hash_bytes;     ///< more find fewer candidates, and longer ones
  unsigned ways;           ///< candidates kept of a hash, 1 or 2
  std::size_t lazy_below;  ///< a match shorter than this gives way to a longer one a byte on ...
  bool lazy_again;         ///< ... which may give way in turn
  std::size_t dense;       ///< after so many misses in a row the step widens: what does not ...
  unsigned skip_shift;     ///< ... compress is passed quickly; by one for 2^skip_shift more misses
  bool grow_far;           ///< matches grow backwards as far as they can, not by one byte at most
  bool checked;            ///< keep candidates in the window; not needed when the table was cleared
                           ///< at the start of the input and all of that is within the window
};

constexpr Manner manner_of(int level, bool small, bool checked) {
  if (level == 1 && small) return {5, 1, 0, false, 64, 3, false, checked};
  if (level == 1) return {6, 1, 0, false, 24, 3, false, checked};
  if (level == 2 && small) return {5, 1, 16, true, 64, 4, true, checked};
  if (level == 2) return {6, 1, 16, false, 64, 3, false, checked};
  return {5, 2, 64, true, 64, 4, true, checked};
}

/// The table and what a probe needs. Positions are counted from `base`, so that the low 16 bits of
/// one are its entry.
template <Manner kManner>
struct Search {
  std::uint16_t* entries;
  unsigned shift;
  const std::uint8_t* base;
  std::uint32_t window;
  const std::uint8_t* match_end;

  /// A position to look at, an earlier one, and in what their first 8 bytes differ.
  struct Probe {
    std::size_t found;
    std::uint64_t difference;

    [[nodiscard]] bool matches() const noexcept {
      return static_cast<std::uint32_t>(difference) == 0;
    }
    /// Up to 7.
    [[nodiscard]] int equal_bytes() const noexcept {
      return std::countr_zero(difference | std::uint64_t{1} << 63) / 8;
    }
  };

  [[nodiscard]] std::uint16_t* entry_of(std::uint64_t bytes) const noexcept {
    constexpr std::uint64_t kFactor = kHashFactor << (64 - 8 * kManner.hash_bytes);
    return entries + (bytes * kFactor >> shift) * kManner.ways;
  }

  /// Enters a position. Returns: what its entry held.
  [[gnu::always_inline]] std::uint32_t exchange(std::size_t position,
                                                std::uint64_t bytes) const noexcept {
    std::uint16_t* const entry = entry_of(bytes);
    const std::uint32_t newest = entry[0];
    entry[0] = static_cast<std::uint16_t>(position);
    if constexpr (kManner.ways == 1) return newest;
    const std::uint32_t older = entry[1];
    entry[1] = static_cast<std::uint16_t>(newest);
    return older << 16 | newest;
  }
  void insert(std::size_t position) const noexcept {
    exchange(position, load_le64(base + position));
  }

  [[nodiscard, gnu::always_inline]] Probe compare(std::size_t position, std::uint64_t bytes,
                                                  std::uint32_t entry) const noexcept {
    std::size_t found = static_cast<std::uint16_t>(entry);
    if constexpr (kManner.checked) {
      // What is out of the window becomes its first byte: a candidate as good as any.
      const std::uint32_t nearer = static_cast<std::uint16_t>(position - found - 1);
      found = position - 1 - std::min(nearer, window - 1);
    }
    return {found, load_le64(base + found) ^ bytes};
  }

  /// Looks at a position and enters it. Returns: true when there is a match, and the best.
  [[gnu::always_inline]] bool probe(std::size_t position, Probe& match) const noexcept {
    const std::uint64_t bytes = load_le64(base + position);
    const std::uint32_t entry = exchange(position, bytes);
    match = compare(position, bytes, entry);
    if constexpr (kManner.ways == 1) return match.matches();
    const Probe older = compare(position, bytes, entry >> 16);
    if (std::min(static_cast<std::uint32_t>(match.difference),
                 static_cast<std::uint32_t>(older.difference)) != 0)
      return false;
    const bool farther = older.equal_bytes() > match.equal_bytes();
    match.found = farther ? older.found : match.found;
    match.difference = farther ? older.difference : match.difference;
    return true;
  }

  /// The length of a match that was found at a position.
  [[nodiscard, gnu::always_inline]] std::size_t length_of(const Probe& match,
                                                          std::size_t position) const noexcept {
    if (match.difference != 0) {
      return static_cast<std::size_t>(std::countr_zero(match.difference)) / 8;
    }
    return 8 + count_equal(base + match.found + 8, base + position + 8, match_end);
  }
};

template <Manner kManner>
std::size_t parse(const EncodeViews& views, const FastTable& table, const std::uint8_t* base,
                  std::size_t window) noexcept {
  using Searching = Search<kManner>;
  const Searching search{table.entries, 64 - table.bits, base, static_cast<std::uint32_t>(window),
                         views.end - kLastLiterals};
  SequenceWriter writer(views.end, views.out, views.out_end);
  const auto floor = static_cast<std::size_t>(views.floor - base);
  const auto starts_end = static_cast<std::size_t>(views.end - base) - kCopyMargin;
  auto at = static_cast<std::size_t>(views.begin - base);
  std::size_t literals = at;
  if (at == floor) search.insert(at++);  // nothing can come before the first byte

  for (;;) {
    // Look for a match.
    typename Searching::Probe match;
    const std::size_t dense_end = std::min(at + kManner.dense, starts_end);
    for (; at < dense_end; ++at) {
      if (search.probe(at, match)) goto found;
    }
    for (std::size_t misses = std::size_t{2} << kManner.skip_shift;;
         at += misses++ >> kManner.skip_shift) {
      if (at >= starts_end) return writer.finish(base + literals);
      if (search.probe(at, match)) break;
    }
  found:
    std::size_t length = search.length_of(match, at);
    if constexpr (kManner.lazy_below != 0) {
      while (length < kManner.lazy_below && at + 1 < starts_end) {
        typename Searching::Probe next;
        if (!search.probe(at + 1, next)) break;
        const std::size_t next_length = search.length_of(next, at + 1);
        if (next_length <= length) break;
        ++at;
        length = next_length;
        match = next;
        if constexpr (!kManner.lazy_again) break;
      }
    }
    const std::size_t offset = at - match.found;
    // Grow it backwards into the literals. More than a byte is rare, and a loop's end a bad guess.
    if constexpr (kManner.grow_far) {
      while (at > literals && match.found > floor && base[at - 1] == base[match.found - 1]) {
        --at;
        --match.found;
        ++length;
      }
    } else if (at > literals && match.found > floor) {
      const std::size_t more = base[at - 1] == base[match.found - 1] ? 1 : 0;
      at -= more;
      length += more;
    }
    // Write it, and go on behind it.
    if (!writer.put(base + literals, at - literals, offset, length)) return 0;
    at += length;
    literals = at;
    if (at >= starts_end) return writer.finish(base + literals);
    if constexpr (kManner.ways == 2) search.insert(at - 4);
    search.insert(at - 2);
  }
}

/// The table's entries count positions from here.
const std::uint8_t* origin_of(const std::uint8_t* at, std::uintptr_t base) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  return reinterpret_cast<const std::uint8_t*>(address - position_of(at, base));
}

constexpr unsigned kSmallBits = 12;  // tables for inputs of a few packets

/// Calls `run` with the manner of a level.
template <bool kChecked, class Run>
auto in_manner_of(const FastTable& table, const Run& run) noexcept {
  if (table.level == 3) return run.template operator()<manner_of(3, false, kChecked)>();
  if (table.bits <= kSmallBits) {
    return table.level == 1 ? run.template operator()<manner_of(1, true, kChecked)>()
                            : run.template operator()<manner_of(2, true, kChecked)>();
  }
  return table.level == 1 ? run.template operator()<manner_of(1, false, kChecked)>()
                          : run.template operator()<manner_of(2, false, kChecked)>();
}

}  // namespace

unsigned fast_table_bits(int level, std::size_t reach) noexcept {
  // As many entries as there are bytes to find again, and one more bit where size counts more. The
  // largest of level 1 is half of a core's first cache.
  const auto bits = static_cast<unsigned>(std::bit_width(reach));
  return level == 1 ? std::clamp(bits, 9u, 13u) : std::clamp(bits + 1, 9u, 14u);
}

std::size_t fast_table_entries(int level, std::size_t reach) noexcept {
  return std::size_t{manner_of(level, false, true).ways} << fast_table_bits(level, reach);
}

void enter_fast(const FastTable& table, const std::uint8_t* from, const std::uint8_t* to,
                std::uintptr_t base) noexcept {
  in_manner_of<true>(table, [&]<Manner kManner>() {
    const std::uint8_t* const origin = origin_of(from, base);
    const Search<kManner> search{table.entries, 64 - table.bits, origin, 0, nullptr};
    for (const std::uint8_t* at = from; at < to; ++at) {
      search.insert(static_cast<std::size_t>(at - origin));
    }
  });
}

std::size_t parse_fast(const EncodeViews& views, const FastTable& table, std::uintptr_t base,
                       std::size_t window) noexcept {
  const std::uint8_t* const origin = origin_of(views.floor, base);
  const bool within = reinterpret_cast<std::uintptr_t>(views.floor) == base &&
                      static_cast<std::size_t>(views.end - views.floor) <= window + 1;
  const auto run = [&]<Manner kManner>() { return parse<kManner>(views, table, origin, window); };
  return within ? in_manner_of<false>(table, run) : in_manner_of<true>(table, run);
}

}  // namespace frdpu::core::lz4
