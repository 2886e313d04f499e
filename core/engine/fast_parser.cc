#include "core/engine/parsers.h"
#include "core/engine/sequence_writer.h"

namespace frdpu::core::lz4 {
namespace {

// After this many misses in a row the step widens, by one each kSkipEvery further ones: what does
// not compress is passed quickly.
constexpr std::size_t kDenseProbes = 64;
constexpr unsigned kSkipShift = 5;

/// Positions are counted from `base`, so that the low 16 bits of one are its table entry.
///
/// `kChecked`: candidates must be kept in the window. Not needed when the table was cleared at the
/// start of the input and all of it is within the window.
template <bool kChecked>
struct Search {
  std::uint16_t* entries;
  unsigned shift;
  const std::uint8_t* base;
  std::uint32_t window;

  [[nodiscard]] std::uint64_t bytes_at(std::size_t position) const noexcept {
    return load_le64(base + position);
  }
  [[nodiscard]] std::uint16_t& entry_of(std::uint64_t bytes) const noexcept {
    return entries[(bytes << 24) * 0x9E3779B97F4A7C15u >> shift];
  }
  void insert(std::size_t position) const noexcept {
    entry_of(bytes_at(position)) = static_cast<std::uint16_t>(position);
  }

  /// Enters a position and returns an earlier one.
  [[nodiscard]] std::size_t exchange(std::size_t position, std::uint64_t bytes) const noexcept {
    std::uint16_t& entry = entry_of(bytes);
    const std::uint16_t found = entry;
    entry = static_cast<std::uint16_t>(position);
    if constexpr (!kChecked) return found;
    // What is out of the window becomes its first byte: a candidate as good as any.
    const std::uint32_t nearer = static_cast<std::uint16_t>(position - found - 1);
    return position - 1 - std::min(nearer, window - 1);
  }
};

template <bool kChecked, bool kLazy>
std::size_t parse(const EncodeViews& views, const FastTable& table, const std::uint8_t* base,
                  std::size_t window) noexcept {
  const Search<kChecked> search{table.entries, 64 - table.bits, base,
                                static_cast<std::uint32_t>(window)};
  SequenceWriter writer(views.end, views.out, views.out_end);
  const auto begin = static_cast<std::size_t>(views.begin - base);
  const auto end = static_cast<std::size_t>(views.end - base);
  const auto floor = static_cast<std::size_t>(views.floor - base);
  const std::size_t starts_end = end - kMatchStartMargin;
  const std::uint8_t* const match_end = views.end - kLastLiterals;
  std::size_t literals = begin;
  std::size_t at = begin;
  if (at == floor) search.insert(at++);  // nothing can come before the first byte

  for (;;) {
    // Look for a match.
    std::size_t found;
    std::uint64_t difference;
    const auto matches = [&] {
      const std::uint64_t bytes = search.bytes_at(at);
      found = search.exchange(at, bytes);
      difference = bytes ^ search.bytes_at(found);
      return static_cast<std::uint32_t>(difference) == 0;
    };
    const std::size_t dense_end = std::min(at + kDenseProbes, starts_end);
    bool hit = false;
    for (; at < dense_end; ++at) {
      if (matches()) {
        hit = true;
        break;
      }
    }
    if (!hit) {
      for (std::size_t misses = 2u << kSkipShift;; at += misses++ >> kSkipShift) {
        if (at >= starts_end) return writer.finish(base + literals);
        if (matches()) break;
      }
    }
    const auto length_of = [&](std::size_t there, std::size_t here, std::uint64_t unequal) {
      if (unequal != 0) return static_cast<std::size_t>(std::countr_zero(unequal)) / 8;
      return 8 + count_equal(base + there + 8, base + here + 8, match_end);
    };
    std::size_t length = length_of(found, at, difference);

    if constexpr (kLazy) {
      while (at + 1 < starts_end) {
        const std::uint64_t bytes = search.bytes_at(at + 1);
        const std::size_t next = search.exchange(at + 1, bytes);
        const std::uint64_t unequal = bytes ^ search.bytes_at(next);
        if (static_cast<std::uint32_t>(unequal) != 0) break;
        const std::size_t next_length = length_of(next, at + 1, unequal);
        if (next_length <= length) break;
        ++at;
        length = next_length;
        found = next;
      }
    }
    const std::size_t offset = at - found;
    // Grow it backwards into the literals.
    while (at > literals && found > floor && base[at - 1] == base[found - 1]) {
      --at;
      --found;
      ++length;
    }
    // Write it, and go on behind it.
    if (!writer.put(base + literals, at - literals, offset, length)) return 0;
    at += length;
    literals = at;
    if (at >= starts_end) return writer.finish(base + literals);
    search.insert(at - 2);
  }
}

}  // namespace

std::size_t parse_fast(const EncodeViews& views, const FastTable& table, std::uintptr_t base,
                       std::size_t window, bool lazy) noexcept {
  const std::uint16_t floor = position_of(views.floor, base);
  const auto* const origin =
      reinterpret_cast<const std::uint8_t*>(reinterpret_cast<std::uintptr_t>(views.floor) - floor);
  const bool within = reinterpret_cast<std::uintptr_t>(views.floor) == base &&
                      static_cast<std::size_t>(views.end - views.floor) <= window + 1;
  if (lazy) {
    return within ? parse<false, true>(views, table, origin, window)
                  : parse<true, true>(views, table, origin, window);
  }
  return within ? parse<false, false>(views, table, origin, window)
                : parse<true, false>(views, table, origin, window);
}

}  // namespace frdpu::core::lz4
