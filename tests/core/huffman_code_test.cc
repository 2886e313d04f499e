#include "core/huffman_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <vector>

#include "core/deflate_format.h"
#include "tests/support/test_data.h"

namespace frdpu::core::rfc1951 {
namespace {

using Counts = std::vector<std::uint16_t>;

std::size_t bits_of_all(const HuffmanCode& code, const Counts& counts) {
  std::size_t bits = 0;
  for (const std::uint16_t symbol : code.used()) {
    bits += counts[symbol] * std::size_t{HuffmanCode::length_of(code.words()[symbol])};
  }
  return bits;
}

/// What the plain algorithm with a heap takes, where no word is too long.
std::size_t least_bits(const Counts& counts) {
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> weights;
  for (const std::size_t count : counts) {
    if (count != 0) weights.push(count);
  }
  std::size_t bits = weights.size() == 1 ? weights.top() : 0;
  while (weights.size() > 1) {
    std::size_t joined = weights.top();
    weights.pop();
    joined += weights.top();
    weights.pop();
    bits += joined;
    weights.push(joined);
  }
  return bits;
}

/// What the best code of limited length takes, by package-merge: twice the symbols less two of the
/// cheapest packages, where those of each length are joined in pairs for the next shorter one.
std::size_t least_bits(const Counts& counts, unsigned most_bits) {
  std::vector<std::size_t> symbols;
  for (const std::size_t count : counts) {
    if (count != 0) symbols.push_back(count);
  }
  std::ranges::sort(symbols);
  std::vector<std::size_t> packages;
  for (unsigned length = most_bits; length > 0; --length) {
    std::vector<std::size_t> joined;
    for (std::size_t i = 0; i + 1 < packages.size(); i += 2) {
      joined.push_back(packages[i] + packages[i + 1]);
    }
    packages.clear();
    std::ranges::merge(symbols, joined, std::back_inserter(packages));
  }
  packages.resize(2 * symbols.size() - 2);
  return std::accumulate(packages.begin(), packages.end(), std::size_t{0});
}

/// Every symbol that occurs has a word within the limit, the words are those of RFC 1951, 3.2.2,
/// for these lengths, and all of the code's room is used.
void expect_sound(const HuffmanCode& code, const Counts& counts, unsigned most_bits) {
  std::vector<std::uint16_t> occurring;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) occurring.push_back(static_cast<std::uint16_t>(i));
  }
  ASSERT_TRUE(std::ranges::equal(code.used(), occurring));
  std::size_t room = 0;
  std::map<unsigned, std::vector<std::uint16_t>> with_length;
  for (const std::uint16_t symbol : occurring) {
    const unsigned length = HuffmanCode::length_of(code.words()[symbol]);
    ASSERT_GE(length, 1u);
    ASSERT_LE(length, most_bits);
    room += std::size_t{1} << (most_bits - length);
    with_length[length].push_back(symbol);
  }
  if (occurring.size() > 1) {
    EXPECT_EQ(room, std::size_t{1} << most_bits) << "not complete";
  }
  unsigned number = 0;
  for (unsigned length = 1; length <= most_bits; ++length, number <<= 1) {
    for (const std::uint16_t symbol : with_length[length]) {
      unsigned mirrored = 0;
      for (unsigned bit = 0; bit < length; ++bit) {
        mirrored |= (number >> bit & 1) << (length - 1 - bit);
      }
      EXPECT_EQ(HuffmanCode::bits_of(code.words()[symbol]), mirrored) << symbol;
      ++number;
    }
  }
}

TEST(HuffmanCodeTest, IsTheShortestThereIs) {
  test::Random random(5);
  HuffmanCode code;  // the same all the time: nothing may be left from the one before
  for (int round = 0; round < 2000; ++round) {
    Counts counts(2 + random.below(HuffmanCode::kMostSymbols - 1));
    const std::size_t zeros_of_8 = random.below(9);
    const std::size_t most = std::size_t{1} << random.below(9);
    for (std::uint16_t& count : counts) {
      if (random.below(8) >= zeros_of_8) count = static_cast<std::uint16_t>(random.below(most + 1));
    }
    code.build(counts, 15);
    expect_sound(code, counts, 15);
    // 288 counts of 256 at most do not need more than 15 bits unless they grow like Fibonacci's.
    EXPECT_EQ(bits_of_all(code, counts), least_bits(counts)) << round;
  }
}

TEST(HuffmanCodeTest, TakesEverySizeOfAlphabet) {
  HuffmanCode code;
  for (std::size_t size = 0; size <= HuffmanCode::kMostSymbols; ++size) {
    Counts counts(size, 7);
    code.build(counts, 14);
    expect_sound(code, counts, 14);
    EXPECT_EQ(bits_of_all(code, counts), least_bits(counts)) << size;
  }
}

TEST(HuffmanCodeTest, GivesOneSymbolOneBit) {
  HuffmanCode code;
  for (const std::size_t symbol : {0uz, 1uz, 29uz}) {
    Counts counts(30);
    counts[symbol] = 1000;
    code.build(counts, 15);
    ASSERT_EQ(code.used().size(), 1u);
    EXPECT_EQ(code.words()[symbol], HuffmanCode::make_word(0, 1)) << symbol;
  }
  code.build(Counts(30), 15);
  EXPECT_TRUE(code.used().empty());
}

TEST(HuffmanCodeTest, LimitsTheLength) {
  HuffmanCode code;
  for (std::size_t size = 2; size <= 23; ++size) {
    Counts fibonacci{1, 1};
    while (fibonacci.size() < size) {
      fibonacci.push_back(
          static_cast<std::uint16_t>(fibonacci.back() + fibonacci[fibonacci.size() - 2]));
    }
    for (const unsigned most : {7u, 9u, 14u, 15u}) {
      if (size > std::size_t{1} << most) continue;
      code.build(fibonacci, most);
      expect_sound(code, fibonacci, most);
      const std::size_t bits = bits_of_all(code, fibonacci);
      const std::size_t least = least_bits(fibonacci, most);
      EXPECT_GE(bits, least);
      EXPECT_LE(bits, least + least / 8) << size << " of " << most;
      if (size <= most + 1) {
        EXPECT_EQ(bits, least_bits(fibonacci)) << size << " of " << most;
      }
    }
  }
}

TEST(HuffmanCodeTest, StaysCompleteWithAsManySymbolsAsWordsOfTheLimit) {
  test::Random random(6);
  HuffmanCode code;
  for (int round = 0; round < 500; ++round) {
    for (const unsigned most : {1u, 4u, 7u, 8u}) {
      const std::size_t words = std::size_t{1} << most;
      Counts counts(words - (most < 2 ? 0 : random.below(words / 4)));
      for (std::uint16_t& count : counts) {
        count = static_cast<std::uint16_t>(1 + (random.next() >> 48 >> random.below(16)) % 65535);
      }
      code.build(counts, most);
      expect_sound(code, counts, most);
    }
  }
}

TEST(DeflateFormatTest, CodesMatchTheTablesOfTheRfc) {
  // The bases of RFC 1951, 3.2.5, as they stand there.
  constexpr std::size_t kLengthBases[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                          15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                          67, 83, 99, 115, 131, 163, 195, 227, 258};
  for (std::size_t length = kMinMatch; length <= kMaxMatch; ++length) {
    const auto* const base = std::upper_bound(kLengthBases, std::end(kLengthBases), length) - 1;
    const std::size_t code = kLengthCode[length - kMinMatch];
    EXPECT_EQ(code, static_cast<std::size_t>(base - kLengthBases)) << length;
    const std::size_t mask = (std::size_t{1} << kLengthExtraBits[code]) - 1;
    EXPECT_EQ((length - kMinMatch) & mask, length - *base) << length;
  }
  constexpr std::size_t kDistanceBases[] = {
      1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
      193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
  for (std::size_t distance = 1; distance <= kMaxOffset; ++distance) {
    const auto* const base =
        std::upper_bound(kDistanceBases, std::end(kDistanceBases), distance) - 1;
    const unsigned code = distance_code(distance);
    ASSERT_EQ(code, static_cast<unsigned>(base - kDistanceBases)) << distance;
    const std::size_t mask = (std::size_t{1} << kDistanceExtraBits[code]) - 1;
    ASSERT_EQ((distance - 1) & mask, distance - *base) << distance;
  }
}

}  // namespace
}  // namespace frdpu::core::rfc1951
