#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "core/engine/deflate_sequences.h"
#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

constexpr std::uint64_t kHashFactor = 0x9E3779B97F4A7C15u;
constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;

/// How a level looks for matches. Found by trying on the corpus (tests/bench/engine_bench.cc).
struct Manner {
  unsigned hash_bytes;     ///< more find fewer candidates, and longer ones
  unsigned ways;           ///< candidates kept of a hash, 1 or 2
  std::size_t lazy_below;  ///< a match shorter than this gives way to a longer one a byte on
  std::size_t dense;       ///< after so many misses in a row the step widens: what does not ...
  unsigned skip_shift;     ///< ... compress is passed quickly; by one for 2^skip_shift more misses
  unsigned bits;           ///< of the hash, or 0: as the table says, which is slower
  bool checked;            ///< keep candidates in the window; not needed when the table was cleared
                           ///< at the start of the input and all of that is within the window
};

constexpr std::size_t kBriefBytes = 4096;
constexpr std::size_t kLearningPasses = 3;

/// Bits of the largest table, for inputs from 4 KiB, and of one for 1,024 to 2,047 bytes.
constexpr unsigned most_bits(int level) {
  return level == 2 ? 14 : 13;
}
constexpr unsigned packet_bits(int level) {
  return most_bits(level) - 2;
}
/// The same for such payloads behind a dictionary of 16 KiB.
constexpr unsigned dictionary_bits(int level) {
  return most_bits(level) - 1;
}

/// A `brief` block is below kBriefBytes, whatever history it has: what it costs to look one byte
/// ahead is paid back there even at level 1, by fewer and longer matches. With a history that is
/// much longer than blocks (`far`) few hashes are kept, of what is worth most.
constexpr Manner manner_of(int level, unsigned bits, bool checked, bool brief, bool far) {
  const bool small = bits != most_bits(level) && !far;
  if (level < 3 && small) return {5, 1, 16, 64, 4, bits, checked};
  if (level == 1 && !brief) return {6, 1, 0, 24, 3, bits, checked};
  if (level < 3) return {6, 1, 16, 64, 3, bits, checked};
  return {small ? 5u : 6u, 2, 64, small ? 64u : 48u, 4, bits, checked};
}

/// How one for deflate looks: behind Huffman codes a literal costs more than a part of a match, and
/// nothing is passed without a look, even where little matches. Level 1 or 3.
constexpr Manner deflate_manner_of(int level, unsigned bits, bool checked) {
  constexpr std::size_t kAlways = std::numeric_limits<std::size_t>::max() / 2;
  if (level == 1) return {5, 1, 16, kAlways, 4, bits, checked};
  return {4, 2, 64, kAlways, 4, bits, checked};
}

/// The table and what a probe needs. Positions are counted from `base`, so that the low 16 bits of
/// one are its entry.
template <Manner kManner>
struct Search {
  std::uint16_t* entries;
  unsigned bits;
  const std::uint8_t* base;
  std::uint32_t window;
  const std::uint8_t* match_end;

  /// An earlier position, and in what its first 8 bytes differ from those that are looked for.
  struct Candidate {
    std::size_t found = 0;
    std::uint64_t difference = 0;

    [[nodiscard]] bool matches() const noexcept {
      return static_cast<std::uint32_t>(difference) == 0;
    }
    /// For so many bytes, 1 to 8.
    [[nodiscard]] bool matches(std::size_t bytes) const noexcept {
      return difference << (64 - 8 * bytes) == 0;
    }
  };

  /// All candidates of a position. Which is the better one is only asked where one matches.
  struct Probe {
    Candidate newer;
    Candidate older;

    [[nodiscard, gnu::always_inline]] bool matches() const noexcept {
      if constexpr (kManner.ways == 1) return newer.matches();
      return static_cast<int>(newer.matches()) | static_cast<int>(older.matches());
    }
    [[nodiscard, gnu::always_inline]] Candidate better() const noexcept {
      if constexpr (kManner.ways == 1) return newer;
      // Each expression is the lowest bit that differs, and all below it.
      const bool longer =
          (older.difference ^ (older.difference - 1)) > (newer.difference ^ (newer.difference - 1));
      return {longer ? older.found : newer.found, longer ? older.difference : newer.difference};
    }
  };

  [[nodiscard]] std::uint16_t* entry_of(std::uint64_t looked_for) const noexcept {
    constexpr std::uint64_t kFactor = kHashFactor << (64 - 8 * kManner.hash_bytes);
    const unsigned unused = 64 - (kManner.bits != 0 ? kManner.bits : bits);
    return entries + (looked_for * kFactor >> unused) * kManner.ways;
  }

  /// Enters a position. Returns: what its entry held, the newest in the low bits.
  [[gnu::always_inline]] std::uint32_t exchange(std::size_t position,
                                                std::uint64_t bytes) const noexcept {
    std::uint16_t* const entry = entry_of(bytes);
    const auto now = static_cast<std::uint16_t>(position);
    if constexpr (kManner.ways == 1) return std::exchange(*entry, now);
    std::uint32_t before;
    std::memcpy(&before, entry, sizeof before);
    const std::uint32_t after = before << 16 | now;
    std::memcpy(entry, &after, sizeof after);
    return before;
  }
  void insert(std::size_t position) const noexcept {
    exchange(position, load_le64(base + position));
  }

  [[nodiscard, gnu::always_inline]] Candidate compare(std::size_t position, std::uint64_t bytes,
                                                      std::uint32_t entry) const noexcept {
    std::size_t found = static_cast<std::uint16_t>(entry);
    if constexpr (kManner.checked) {
      // What is out of the window becomes its first byte: a candidate as good as any.
      const std::uint32_t nearer = static_cast<std::uint16_t>(position - found - 1);
      found = position - 1 - std::min(nearer, window - 1);
    }
    return {found, load_le64(base + found) ^ bytes};
  }

  /// Looks at a position and enters it.
  [[nodiscard, gnu::always_inline]] Probe probe(std::size_t position) const noexcept {
    const std::uint64_t bytes = load_le64(base + position);
    const std::uint32_t entry = exchange(position, bytes);
    Probe probe{.newer = compare(position, bytes, entry), .older = {}};
    if constexpr (kManner.ways == 2) probe.older = compare(position, bytes, entry >> 16);
    return probe;
  }

  /// The length of a match that was found at a position.
  [[nodiscard, gnu::always_inline]] std::size_t length_of(const Candidate& match,
                                                          std::size_t position) const noexcept {
    if (match.difference != 0) {
      return static_cast<std::size_t>(std::countr_zero(match.difference)) / 8;
    }
    return 8 + count_equal(base + match.found + 8, base + position + 8, match_end);
  }

  /// Makes another candidate the match if it is longer than that, which has 8 bytes or more. Few
  /// are: the last 4 bytes that it would need tell, by a branch that is nearly always foreseen.
  /// Returns: whether it is.
  [[gnu::always_inline]] bool prefer(const Candidate& other, std::size_t position, Candidate& match,
                                     std::size_t& length) const noexcept {
    const std::uint8_t* const earlier = base + other.found;
    const std::uint8_t* const at = base + position;
    if (load_le32(earlier + length - 3) != load_le32(at + length - 3)) [[likely]] {
      return false;
    }
    const std::size_t counted = count_equal(earlier, at, match_end);
    if (counted <= length) return false;
    match = other;
    length = counted;
    return true;
  }

  /// Counts equal bytes before two places: at most 7 and `most`, none below the floor.
  [[nodiscard, gnu::always_inline]] std::size_t equal_before(std::size_t found, std::size_t at,
                                                             std::size_t floor,
                                                             std::size_t most) const noexcept {
    std::size_t count = 0;
    if (found < floor + 8) [[unlikely]] {
      most = std::min(most, found - floor);
      while (count < most && base[at - count - 1] == base[found - count - 1]) ++count;
      return count;
    }
    const std::uint64_t difference = load_le64(base + at - 8) ^ load_le64(base + found - 8);
    count = static_cast<std::size_t>(std::countr_zero(__builtin_bswap64(difference) | kTopBit)) / 8;
    return std::min(count, most);
  }
};

template <Manner kManner, class Writer>
std::size_t parse(const EncodeViews& views, const FastTable& table, const std::uint8_t* base,
                  std::size_t window, Writer& writer) noexcept {
  constexpr bool kLazy = kManner.lazy_below != 0;
  using Searching = Search<kManner>;
  using Candidate = typename Searching::Candidate;
  using Probe = typename Searching::Probe;
  const Searching search{table.entries, table.bits, base, static_cast<std::uint32_t>(window),
                         views.end - kLastLiterals};
  const auto floor = static_cast<std::size_t>(views.floor - base);
  // Where a match may still start, and 8 bytes can be read that it may have. The lazy levels come
  // up to two positions further.
  const auto starts_end =
      static_cast<std::size_t>(views.end - base) - kMatchStartMargin - (kLazy ? 2 : 0);
  auto at = static_cast<std::size_t>(views.begin - base);
  std::size_t literals = at;
  if (at == floor) search.insert(at++);  // nothing can come before the first byte

  for (;;) {
    // Look for a match. The lazy levels probe the next position before they judge this one, so
    // that what is there is known by the time it is asked for. They take turns with two probes,
    // which then need not be moved.
    const std::size_t dense_end = std::min(at + kManner.dense, starts_end);
    Probe here = search.probe(at);
    Probe ahead;
    if constexpr (kLazy) {
      do {
        ahead = search.probe(at + 1);
        if (here.matches()) goto found;
        here = search.probe(at + 2);
        if (ahead.matches()) {
          ++at;
          std::swap(here, ahead);
          goto found;
        }
      } while ((at += 2) < dense_end);
    } else {
      for (;;) {
        if (here.matches()) goto found;
        if (++at >= dense_end) break;
        here = search.probe(at);
      }
      if (at >= starts_end) return writer.finish(base + literals);
      here = search.probe(at);
    }
    for (std::size_t misses = std::size_t{2} << kManner.skip_shift; !here.matches(); ++misses) {
      at += misses >> kManner.skip_shift;
      if (at >= starts_end) return writer.finish(base + literals);
      here = search.probe(at);
    }
    if constexpr (kLazy) {
      if (at >= starts_end) return writer.finish(base + literals);
      ahead = search.probe(at + 1);
    }
  found:
    Candidate match = here.better();
    std::size_t length = search.length_of(match, at);
    if (kManner.ways == 2 && match.difference == 0) search.prefer(here.older, at, match, length);
    if constexpr (kLazy) {
      if (match.difference != 0) {
        const Candidate next = ahead.better();
        if (next.matches(length + 1)) {
          ++at;
          match = next;
          length = search.length_of(match, at);
        }
      } else if (length < kManner.lazy_below) {
        bool later = search.prefer(ahead.newer, at + 1, match, length);
        if (kManner.ways == 2) later |= search.prefer(ahead.older, at + 1, match, length);
        if (later) ++at;
      }
    }
    // Write it, with what is equal before it, and go on behind it.
    const std::size_t offset = at - match.found;
    const std::size_t end = at + length;
    at -= search.equal_before(match.found, at, floor, at - literals);
    if (!writer.put(base + literals, at - literals, offset, end - at)) return 0;
    at = literals = end;
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

/// Calls `run` with the manner of a level.
template <int kLevel, bool kChecked, bool kBrief, class Run>
auto in_manner_of_level(const FastTable& table, const Run& run) noexcept {
  constexpr auto manner = [](unsigned bits, bool far) {
    return manner_of(kLevel, bits, kChecked, kBrief, far);
  };
  constexpr unsigned kMost = most_bits(kLevel);
  constexpr unsigned kPacket = packet_bits(kLevel);
  constexpr unsigned kDictionary = dictionary_bits(kLevel);
  if (table.bits == kMost) return run.template operator()<manner(kMost, false)>();
  if (table.far) {
    if (table.bits == kDictionary) return run.template operator()<manner(kDictionary, true)>();
    return run.template operator()<manner(0, true)>();
  }
  if (table.bits == kPacket) return run.template operator()<manner(kPacket, false)>();
  return run.template operator()<manner(0, false)>();
}
template <bool kChecked, class Run>
auto in_manner_of(const FastTable& table, bool brief, const Run& run) noexcept {
  if (table.level == 1) {
    return brief ? in_manner_of_level<1, kChecked, true>(table, run)
                 : in_manner_of_level<1, kChecked, false>(table, run);
  }
  if (table.level == 2) return in_manner_of_level<2, kChecked, true>(table, run);
  return in_manner_of_level<3, kChecked, true>(table, run);
}

template <int kLevel, bool kChecked, class Run>
auto in_deflate_manner_of_level(const FastTable& table, const Run& run) noexcept {
  constexpr auto manner = [](unsigned bits) { return deflate_manner_of(kLevel, bits, kChecked); };
  constexpr unsigned kMost = most_bits(kLevel);
  constexpr unsigned kPacket = packet_bits(kLevel);
  if (table.bits == kMost) return run.template operator()<manner(kMost)>();
  if (table.bits == kPacket) return run.template operator()<manner(kPacket)>();
  return run.template operator()<manner(0)>();
}
template <bool kChecked, class Run>
auto in_deflate_manner_of(const FastTable& table, const Run& run) noexcept {
  return table.level == 1 ? in_deflate_manner_of_level<1, kChecked>(table, run)
                          : in_deflate_manner_of_level<3, kChecked>(table, run);
}

}  // namespace

FastTable fast_table_of(int level, std::size_t reach, std::size_t block_bytes) noexcept {
  // As many hashes as there are bytes to find again; twice as many at level 2, two entries of each
  // at level 3. The largest of level 1 is half of a core's first cache, theirs all of it. What
  // brief blocks have before them is a dictionary, whose table is copied for each: an eighth will
  // do for it.
  const auto width = [](std::size_t bytes) { return static_cast<unsigned>(std::bit_width(bytes)); };
  FastTable table{.level = level};
  table.far = block_bytes < kBriefBytes && reach >= 4 * block_bytes;
  unsigned bits = table.far ? std::max(width(reach) - 3, width(block_bytes)) : width(reach);
  if (level == 2) ++bits;
  table.bits = std::clamp(bits, 9u, most_bits(level));
  table.entry_count = std::size_t{manner_of(level, 0, true, true, table.far).ways} << table.bits;
  return table;
}

void enter_fast(const FastTable& table, const std::uint8_t* from, const std::uint8_t* to,
                std::uintptr_t base) noexcept {
  // What one manner enters, the other must find.
  static_assert(manner_of(1, most_bits(1), true, true, false).hash_bytes ==
                manner_of(1, most_bits(1), true, false, false).hash_bytes);
  in_manner_of<true>(table, true, [&]<Manner kManner>() {
    const std::uint8_t* const origin = origin_of(from, base);
    const Search<kManner> search{table.entries, table.bits, origin, 0, nullptr};
    // What is entered last stays: every third position, so that no stretch is without one where
    // the table has no room for all.
    const auto end = static_cast<std::size_t>(to - origin);
    for (std::size_t pass = kLearningPasses; pass-- > 0;) {
      auto at = static_cast<std::size_t>(from - origin) + pass;
      for (; at < end; at += kLearningPasses) search.insert(at);
    }
  });
}

std::size_t parse_fast(const EncodeViews& views, const FastTable& table, std::uintptr_t base,
                       std::size_t window) noexcept {
  const std::uint8_t* const origin = origin_of(views.floor, base);
  const bool within = reinterpret_cast<std::uintptr_t>(views.floor) == base &&
                      static_cast<std::size_t>(views.end - views.floor) <= window + 1;
  SequenceWriter writer(views.end, views.out, views.out_end);
  const auto run = [&]<Manner kManner>() {
    return parse<kManner>(views, table, origin, window, writer);
  };
  const bool brief = static_cast<std::size_t>(views.end - views.begin) < kBriefBytes;
  return within ? in_manner_of<false>(table, brief, run) : in_manner_of<true>(table, brief, run);
}

std::size_t parse_for_deflate(const std::uint8_t* begin, const std::uint8_t* end,
                              const FastTable& table, std::size_t window,
                              rfc1951::SequenceWriter& writer) noexcept {
  const EncodeViews views{
      .floor = begin, .begin = begin, .end = end, .out = nullptr, .out_end = nullptr};
  const auto run = [&]<Manner kManner>() {
    return parse<kManner>(views, table, begin, window, writer);
  };
  return static_cast<std::size_t>(end - begin) <= window + 1
             ? in_deflate_manner_of<false>(table, run)
             : in_deflate_manner_of<true>(table, run);
}

}  // namespace frdpu::core::lz4
