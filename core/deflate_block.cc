#include "core/deflate_block.h"

#include <algorithm>

namespace frdpu::core::rfc1951 {
namespace {

using Word = HuffmanCode::Word;

// Words may have one bit less than the format allows: four of them and what a byte may hold
// back fit the 64 bits of the writer. No size of the corpus changes.
constexpr unsigned kMostBits = 14;

constexpr std::size_t kHeaderBits = 3;  // of any block: is it the last, and of which type

// The fixed codes. Source: RFC 1951, 3.2.6.
constexpr auto kFixedLiterals = [] {
  std::array<Word, 288> words{};
  for (unsigned i = 0; i < kLiteralSymbols; ++i) {
    const unsigned number = i < 144   ? 0b00110000 + i
                            : i < 256 ? 0b110010000 + (i - 144)
                            : i < 280 ? i - 256
                                      : 0b11000000 + (i - 280);
    words[i] = HuffmanCode::make_word(number, fixed_literal_bits(i));
  }
  return words;
}();
constexpr auto kFixedDistances = [] {
  std::array<Word, 32> words{};
  for (unsigned i = 0; i < kDistanceSymbols; ++i)
    words[i] = HuffmanCode::make_word(i, kFixedDistanceBits);
  return words;
}();

// Two counts of each, so that the same literal twice in a row does not wait for itself.
void count_literals(const std::uint8_t* literals, std::size_t count, std::uint16_t* counts) {
  alignas(16) std::array<std::uint16_t, 256> even{};
  alignas(16) std::array<std::uint16_t, 256> odd{};
  std::size_t at = 0;
  for (; at + 4 <= count; at += 4) {
    ++even[literals[at]];
    ++odd[literals[at + 1]];
    ++even[literals[at + 2]];
    ++odd[literals[at + 3]];
  }
  for (; at < count; ++at) ++even[literals[at]];
  for (std::size_t i = 0; i < 256; ++i) {
    counts[i] = static_cast<std::uint16_t>(even[i] + odd[i]);
  }
}

/// Bits of all symbols of a block, each way, without those that say the codes.
struct Cost {
  std::size_t dynamic = 0;
  std::size_t fixed = 0;
};

Cost cost_of(const BlockCounts& counts, const HuffmanCode& literals,
             const HuffmanCode& distances) noexcept {
  Cost cost;
  std::size_t extra = 0;
  for (const std::uint16_t symbol : literals.used()) {
    const std::size_t count = counts.literals[symbol];
    cost.dynamic += count * HuffmanCode::length_of(literals.words()[symbol]);
    cost.fixed += count * fixed_literal_bits(symbol);
    if (symbol >= kFirstLength) extra += count * kLengthExtraBits[symbol - kFirstLength];
  }
  for (const std::uint16_t symbol : distances.used()) {
    const std::size_t count = counts.distances[symbol];
    cost.dynamic += count * HuffmanCode::length_of(distances.words()[symbol]);
    cost.fixed += count * kFixedDistanceBits;
    extra += count * kDistanceExtraBits[symbol];
  }
  return {cost.dynamic + extra, cost.fixed + extra};
}

/// Bits on their way to a writer: joined here first, so that they wait for each other and not for
/// all that was written before them.
struct Joined {
  std::uint64_t bits = 0;
  unsigned count = 0;

  [[gnu::always_inline]] void add(std::uint64_t more, unsigned more_count) noexcept {
    bits |= more << count;
    count += more_count;
  }
  [[gnu::always_inline]] void add(Word word) noexcept {
    add(HuffmanCode::bits_of(word), HuffmanCode::length_of(word));
  }
  [[gnu::always_inline]] void add_low(std::size_t value, unsigned low_bits) noexcept {
    add(value & ((std::size_t{1} << low_bits) - 1), low_bits);
  }
};

[[gnu::always_inline]] inline void put_four(Word first, Word second, Word third, Word fourth,
                                            BitWriter& out) noexcept {
  Joined front;
  Joined back;
  front.add(first);
  front.add(second);
  back.add(third);
  back.add(fourth);
  front.add(back.bits, back.count);
  out.add(front.bits, front.count);
  out.flush();
}

// The last one to four are all looked up, and those that are not there get words of no bits: no
// branch could foresee how many there are.
[[gnu::always_inline]] inline void put_literals(const std::uint8_t* literals, std::size_t count,
                                                const Word* words, BitWriter& out) noexcept {
  for (; count > 4; count -= 4, literals += 4) {
    put_four(words[literals[0]], words[literals[1]], words[literals[2]], words[literals[3]], out);
  }
  const auto word = [&](std::size_t i) {
    return words[literals[i]] & (i < count ? ~Word{0} : Word{0});
  };
  put_four(word(0), word(1), word(2), word(3), out);
}

[[gnu::always_inline]] inline void write_symbols_as(const BlockContent& content, const Word* words,
                                                    const Word* distance_words,
                                                    BitWriter& destination) noexcept {
  BitWriter out = destination;  // a copy need not be kept up to date in memory
  const std::uint8_t* literal = content.literals;
  for (std::size_t i = 0; i < content.sequence_count; ++i) {
    const Sequence one = content.sequences[i];
    put_literals(literal, one.literals, words, out);
    literal += one.literals;
    Joined match;
    match.add(words[kFirstLength + one.length_code]);
    match.add_low(one.length - kMinMatch, kLengthExtraBits[one.length_code]);
    Joined distance;
    distance.add(distance_words[one.distance_code]);
    distance.add_low(one.offset - 1u, kDistanceExtraBits[one.distance_code]);
    match.add(distance.bits, distance.count);
    out.add(match.bits, match.count);
    out.flush();
  }
  const auto left = static_cast<std::size_t>(content.literals + content.literal_count - literal);
  put_literals(literal, left, words, out);
  out.add(HuffmanCode::bits_of(words[kEndOfBlock]), HuffmanCode::length_of(words[kEndOfBlock]));
  out.flush();
  destination = out;
}

#if defined(__x86_64__)
// The same with shifts that take their count from any register: the whole encoder 4 % faster.
[[gnu::target("bmi2")]] void write_symbols_bmi2(const BlockContent& content, const Word* words,
                                                const Word* distance_words,
                                                BitWriter& out) noexcept {
  write_symbols_as(content, words, distance_words, out);
}
#endif

void write_symbols(const BlockContent& content, const Word* words, const Word* distance_words,
                   BitWriter& out) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("bmi2")) {
    return write_symbols_bmi2(content, words, distance_words, out);
  }
#endif
  write_symbols_as(content, words, distance_words, out);
}

void write_header(BlockType type, bool last, BitWriter& out) noexcept {
  out.add(last ? 1 : 0, 1);
  out.add(static_cast<unsigned>(type), 2);
}

// A block of up to 65,535 bytes, or several: the header, up to a whole byte, and the size twice.
std::size_t stored_size(std::size_t bytes, unsigned held_bits) noexcept {
  const std::size_t more = bytes == 0 ? 0 : (bytes - 1) / kMaxStoredBytes;
  return (held_bits + kHeaderBits + 7) / 8 + 4 + 5 * more + bytes;
}

void write_stored(const BlockContent& content, bool last, BitWriter& out) noexcept {
  const std::uint8_t* from = content.bytes;
  std::size_t left = content.byte_count;
  do {
    const std::size_t size = std::min(left, kMaxStoredBytes);
    left -= size;
    write_header(BlockType::stored, last && left == 0, out);
    out.align();
    out.add(size | (size ^ 0xFFFF) << 16, 32);
    out.flush();
    if (size != 0) out.append(from, size);
    from += size;
  } while (left != 0);
}

}  // namespace

bool BlockWriter::write(const BlockContent& content, BlockCounts& counts, bool last, BitWriter& out,
                        const std::uint8_t* out_end) noexcept {
  count_literals(content.literals, content.literal_count, counts.literals.data());
  counts.literals[kEndOfBlock] = 1;
  literals_.build(std::span(counts.literals).first(kLiteralSymbols), kMostBits);
  distances_.build(std::span(counts.distances).first(kDistanceSymbols), kMostBits);
  Cost cost = cost_of(counts, literals_, distances_);
  cost.dynamic += lengths_.describe(literals_, distances_);

  const bool fixed = cost.fixed <= cost.dynamic;
  const std::size_t coded_bytes =
      (out.held_bits() + kHeaderBits + std::min(cost.fixed, cost.dynamic) + 7) / 8;
  const std::size_t stored_bytes = stored_size(content.byte_count, out.held_bits());
  const auto room = static_cast<std::size_t>(out_end - out.out());
  if (room < std::min(stored_bytes, coded_bytes) + kSlackBytes) return false;
  if (stored_bytes <= coded_bytes) {
    write_stored(content, last, out);
    return true;
  }
  write_header(fixed ? BlockType::fixed : BlockType::dynamic, last, out);
  if (fixed) {
    write_symbols(content, kFixedLiterals.data(), kFixedDistances.data(), out);
  } else {
    lengths_.write(out);
    write_symbols(content, literals_.words(), distances_.words(), out);
  }
  return true;
}

}  // namespace frdpu::core::rfc1951
