#include "core/huffman_code.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>

namespace frdpu::core::rfc1951 {
namespace {

// A symbol behind its count, so that sorting keys sorts by count and then by symbol.
using Key = std::uint32_t;
constexpr unsigned kSymbolBits = 9;
constexpr Key kSymbolMask = (Key{1} << kSymbolBits) - 1;
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

constexpr std::size_t kBins = 112;
constexpr std::size_t kExactBins = 16;

// No tree of 288 counts of 16 bits is deeper: each two levels double what is below at least.
constexpr std::size_t kDepths = 64;

// Exact up to 15, then eight for each power of two.
constexpr std::size_t bin_of(Key key) noexcept {
  const Key count = key >> kSymbolBits;
  const auto shift = static_cast<unsigned>(std::bit_width(count | 8)) - 4;
  return (shift << 3) + (count >> shift);
}
static_assert(bin_of(Key{65535} << kSymbolBits) + 1 == kBins);
static_assert(bin_of(Key{kExactBins - 1} << kSymbolBits) == kExactBins - 1);

// Sorts symbols that ascend: by bins, and what shares one by insertion: few do. Comparisons would
// be guessed wrong by the processor half of the time.
void sort_symbols(std::span<const std::uint16_t> symbols, std::span<const std::uint16_t> counts,
                  Key* sorted) noexcept {
  std::array<Key, HuffmanCode::kMostSymbols> room;
  const std::span keys(room.data(), symbols.size());
  std::array<std::uint16_t, kBins + 1> at{};
  Key any = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Key key = keys[i] = Key{counts[symbols[i]]} << kSymbolBits | symbols[i];
    ++at[bin_of(key) + 1];
    any |= key;
  }
  // No key's bin is higher than that of all their bits together.
  const std::size_t bins = std::max(bin_of(any) + 1, kExactBins);
  for (std::size_t bin = 1; bin < bins; ++bin) {
    at[bin] = static_cast<std::uint16_t>(at[bin] + at[bin - 1]);
  }
  for (const Key key : keys) sorted[at[bin_of(key)]++] = key;
  for (std::size_t i = at[kExactBins - 1] + std::size_t{1}; i < keys.size(); ++i) {
    const Key key = sorted[i];
    std::size_t to = i;
    for (; to > 0 && sorted[to - 1] > key; --to) sorted[to] = sorted[to - 1];
    sorted[to] = key;
  }
}

/// Counts the leaves of each depth in the Huffman tree of sorted keys, two or more of them.
/// Inner nodes come to be in the order of their weights, so that the next two to join are among the
/// first two leaves and the first two nodes that are left: no heap, and no branch.
void count_depths(std::span<const Key> sorted, std::span<std::uint16_t> leaves) noexcept {
  constexpr std::size_t kRoom = HuffmanCode::kMostSymbols + 2;
  const std::size_t count = sorted.size();
  std::array<std::uint32_t, kRoom> leaf_weights;
  std::array<std::uint32_t, kRoom> weights;
  std::array<std::uint16_t, kRoom> parents;
  for (std::size_t i = 0; i < count; ++i) leaf_weights[i] = sorted[i] >> kSymbolBits;
  leaf_weights[count] = leaf_weights[count + 1] = kNone;
  std::fill_n(weights.begin(), count + 2, kNone);
  std::size_t leaf = 0;
  std::size_t node = 0;
  for (std::size_t made = 0; made + 1 < count; ++made) {
    const std::uint32_t leaf0 = leaf_weights[leaf];
    const std::uint32_t leaf1 = leaf_weights[leaf + 1];
    const std::uint32_t node0 = weights[node];
    const std::uint32_t node1 = weights[node + 1];
    const bool two_leaves = leaf1 <= node0;
    const bool two_nodes = node1 < leaf0;
    const std::uint32_t first = two_nodes ? node0 : leaf0;
    const std::uint32_t second = two_leaves ? leaf1 : two_nodes ? node1 : node0;
    // Whether they are taken or not: whoever is taken later is told then.
    parents[node] = parents[node + 1] = static_cast<std::uint16_t>(made);
    weights[made] = first + second;
    leaf += 1u + two_leaves - two_nodes;
    node += 1u - two_leaves + two_nodes;
  }
  // From the root down: nodes of a depth lie side by side, and so do their parents. Below the inner
  // nodes of a depth lie twice as many nodes of either kind.
  std::size_t next = count - 2;
  std::size_t inner = 1;
  for (std::size_t depth = 1; inner > 0; ++depth) {
    const std::size_t parent = next;
    while (next > 0 && parents[next - 1] >= parent) --next;
    const std::size_t below = parent - next;
    leaves[depth] = static_cast<std::uint16_t>(2 * inner - below);
    inner = below;
  }
}

/// Moves leaves that are too deep up, and others down until the code is complete again.
void limit_depths(std::span<std::uint16_t> leaves, unsigned most) noexcept {
  std::uint32_t taken = 0;  // of the 2^most words of `most` bits
  std::uint32_t deeper = 0;
  for (std::size_t depth = most + 1; depth < leaves.size(); ++depth) {
    deeper += leaves[depth];
    leaves[depth] = 0;
  }
  if (deeper == 0) return;
  leaves[most] = static_cast<std::uint16_t>(leaves[most] + deeper);
  for (unsigned depth = 1; depth <= most; ++depth) {
    taken += std::uint32_t{leaves[depth]} << (most - depth);
  }
  for (; taken > std::uint32_t{1} << most; --taken) {
    unsigned depth = most - 1;
    while (leaves[depth] == 0) --depth;
    // A leaf becomes a node, with itself and one from the bottom below.
    --leaves[depth];
    leaves[depth + 1] = static_cast<std::uint16_t>(leaves[depth + 1] + 2);
    --leaves[most];
  }
}

}  // namespace

void HuffmanCode::find_used(std::span<const std::uint16_t> counts) noexcept {
  constexpr std::size_t kAtOnce = 8;
  count_ = 0;
  for (std::size_t from = 0; from < counts.size(); from += kAtOnce) {
    const std::size_t to = std::min(from + kAtOnce, counts.size());
    if (to == from + kAtOnce) {  // most alphabets are empty over long stretches
      std::array<std::uint64_t, 2> eight;
      std::memcpy(&eight, &counts[from], sizeof eight);
      if ((eight[0] | eight[1]) == 0) continue;
    }
    for (std::size_t symbol = from; symbol < to; ++symbol) {
      used_[count_] = static_cast<std::uint16_t>(symbol);
      count_ += counts[symbol] != 0;
    }
  }
}

void HuffmanCode::build(std::span<const std::uint16_t> counts, unsigned most_bits) noexcept {
  assert(counts.size() <= kMostSymbols && most_bits <= 15);
  find_used(counts);
  if (count_ < 2) {
    if (count_ == 1) words_[used_[0]] = make_word(0, 1);
    return;
  }
  assert(count_ <= std::size_t{1} << most_bits);
  std::array<Key, kMostSymbols> sorted;
  sort_symbols(used(), counts, sorted.data());
  std::array<std::uint16_t, kDepths> with_length{};
  count_depths(std::span(sorted).first(count_), with_length);
  limit_depths(with_length, most_bits);
  // The rarest symbols get the longest words; of one length, numbers ascend with the symbols.
  std::size_t next = 0;
  for (unsigned length = most_bits; length > 0; --length) {
    for (unsigned left = with_length[length]; left > 0; --left) {
      words_[sorted[next++] & kSymbolMask] = length << kLengthShift;
    }
  }
  std::array<std::uint32_t, 16> numbers{};
  for (std::size_t length = 1; length + 1 < numbers.size(); ++length) {
    numbers[length + 1] = (numbers[length] + with_length[length]) << 1;
  }
  for (const std::uint16_t symbol : used()) {
    const unsigned length = length_of(words_[symbol]);
    words_[symbol] = make_word(numbers[length]++, length);
  }
}

}  // namespace frdpu::core::rfc1951
