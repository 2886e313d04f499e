#include "core/code_lengths.h"

#include <algorithm>

namespace frdpu::core::rfc1951 {
namespace {

constexpr unsigned kRepeat = 16;     // the length before, 3 to 6 times
constexpr unsigned kFewZeros = 17;   // 3 to 10
constexpr unsigned kManyZeros = 18;  // 11 to 138
constexpr unsigned kSymbolBits = 5;
constexpr unsigned kSymbolMask = 31;
constexpr std::size_t kMostZeros = 138;

constexpr std::array<std::uint8_t, kCodeLengthSymbols> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};

constexpr std::array<std::uint8_t, 32> kExtraBits = [] {
  std::array<std::uint8_t, 32> bits{};
  bits[kRepeat] = 2;
  bits[kFewZeros] = 3;
  bits[kManyZeros] = 7;
  return bits;
}();

constexpr std::uint16_t token(unsigned symbol, std::size_t extra) {
  return static_cast<std::uint16_t>(extra << kSymbolBits | symbol);
}

// A run of zeros as tokens, without a branch for what nobody can foresee.
struct Zeros {
  std::uint16_t first;
  std::uint16_t tokens;  // two zeros are two tokens, all other runs are one or none
};
constexpr std::array<Zeros, kMostZeros + 1> kZeros = [] {
  std::array<Zeros, kMostZeros + 1> runs{};
  for (std::size_t run = 0; run < runs.size(); ++run) {
    runs[run] = run < 3    ? Zeros{0, static_cast<std::uint16_t>(run)}
                : run < 11 ? Zeros{token(kFewZeros, run - 3), 1}
                           : Zeros{token(kManyZeros, run - 11), 1};
  }
  return runs;
}();

}  // namespace

void CodeLengths::add_zeros(std::size_t count) noexcept {
  for (; count > kMostZeros; count -= kMostZeros) {
    tokens_[count_++] = token(kManyZeros, kMostZeros - 11);
  }
  tokens_[count_] = tokens_[count_ + 1] = kZeros[count].first;
  count_ += kZeros[count].tokens;
}

void CodeLengths::add_length(unsigned length) noexcept {
  tokens_[count_++] = token(length, 0);
  if (repeats_ < 3) [[likely]] {
    return;
  }
  if (repeats_ == 3) {
    count_ -= 2;
    tokens_[count_ - 1] = token(kRepeat, 0);
  } else if (repeats_ <= 6) {
    tokens_[--count_ - 1] += token(0, 1);
  } else {
    repeats_ = 1;
  }
}

void CodeLengths::describe_words(const HuffmanCode& code, std::size_t first) noexcept {
  for (const std::uint16_t symbol : code.used()) {
    const std::size_t at = first + symbol;
    const unsigned length = HuffmanCode::length_of(code.words()[symbol]);
    const bool again = at == next_ && length == previous_;
    repeats_ = again ? repeats_ + 1 : 0;
    previous_ = length;
    add_zeros(at - next_);
    add_length(length);
    next_ = at + 1;
  }
}

std::size_t CodeLengths::describe(const HuffmanCode& literals,
                                  const HuffmanCode& distances) noexcept {
  count_ = next_ = 0;
  previous_ = repeats_ = 0;
  literal_lengths_ = literals.used().back() + 1u;
  describe_words(literals, 0);
  if (distances.used().empty()) {
    distance_lengths_ = 1;  // one of 0 bits: there is no distance
    add_zeros(1);
  } else {
    distance_lengths_ = distances.used().back() + 1u;
    describe_words(distances, literal_lengths_);
  }
  std::array<std::uint16_t, kCodeLengthSymbols> counts{};
  for (std::size_t i = 0; i < count_; ++i) ++counts[tokens_[i] & kSymbolMask];
  code_.build(counts, kMostCodeLengthBits);
  own_lengths_ = kCodeLengthSymbols;
  while (counts[kOrder[own_lengths_ - 1]] == 0) --own_lengths_;
  std::size_t bits = 5 + 5 + 4 + 3 * own_lengths_;
  for (const std::uint16_t symbol : code_.used()) {
    bits += counts[symbol] *
            (HuffmanCode::length_of(code_.words()[symbol]) + std::size_t{kExtraBits[symbol]});
  }
  return bits;
}

void CodeLengths::write(BitWriter& out) const noexcept {
  out.add(literal_lengths_ - kFirstLength, 5);
  out.add(distance_lengths_ - 1, 5);
  out.add(own_lengths_ - 4, 4);
  out.flush();
  std::array<std::uint8_t, kCodeLengthSymbols> lengths{};
  for (const std::uint16_t symbol : code_.used()) {
    lengths[symbol] = static_cast<std::uint8_t>(HuffmanCode::length_of(code_.words()[symbol]));
  }
  for (std::size_t i = 0; i < own_lengths_; ++i) {
    out.add(lengths[kOrder[i]], 3);
    if (i % 16 == 15) out.flush();
  }
  out.flush();
  const auto add = [&](Token one) {
    const unsigned symbol = one & kSymbolMask;
    const HuffmanCode::Word word = code_.words()[symbol];
    const unsigned length = HuffmanCode::length_of(word);
    out.add(HuffmanCode::bits_of(word) | one >> kSymbolBits << length, length + kExtraBits[symbol]);
  };
  std::size_t at = 0;
  for (; at + 4 <= count_; at += 4) {  // of 14 bits at most
    for (std::size_t i = 0; i < 4; ++i) add(tokens_[at + i]);
    out.flush();
  }
  for (; at < count_; ++at) add(tokens_[at]);
  out.flush();
}

}  // namespace frdpu::core::rfc1951
