#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"

/// Reads raw deflate data (RFC 1951) bit by bit, slowly and plainly, to say what is in it: how far
/// its matches reach, how many blocks it has. It decodes nothing and trusts its input.
namespace frdpu::test {

struct DeflateFacts {
  std::size_t max_distance = 0;
  std::size_t content_bytes = 0;
  std::size_t matches = 0;
  std::size_t stored_blocks = 0;
  std::size_t fixed_blocks = 0;
  std::size_t dynamic_blocks = 0;
};

class DeflateInspector {
 public:
  explicit DeflateInspector(core::Bytes data) : data_(data) {}

  /// Returns: nothing when the data breaks off or makes no sense.
  std::optional<DeflateFacts> inspect() {
    bool last = false;
    while (!last) {
      last = bits(1) != 0;
      const unsigned type = bits(2);
      const bool good = type == 0   ? stored_block()
                        : type == 1 ? fixed_block()
                        : type == 2 ? dynamic_block()
                                    : false;
      if (!good || past_end_) return std::nullopt;
    }
    return facts_;
  }

 private:
  struct Code {
    std::array<unsigned, 16> counts{};
    std::vector<unsigned> symbols;
  };

  unsigned bits(unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 >= data_.size()) {
        past_end_ = true;
        return 0;
      }
      value |= ((std::to_integer<unsigned>(data_[at_ / 8]) >> (at_ % 8)) & 1u) << i;
    }
    return value;
  }

  static Code make_code(const std::vector<unsigned>& lengths) {
    Code code;
    for (const unsigned length : lengths) ++code.counts[length];
    code.counts[0] = 0;
    for (unsigned length = 1; length <= 15; ++length) {
      for (unsigned i = 0; i < lengths.size(); ++i) {
        if (lengths[i] == length) code.symbols.push_back(i);
      }
    }
    return code;
  }

  // Walks down the canonical code, as in RFC 1951, 3.2.2.
  unsigned symbol(const Code& code) {
    unsigned value = 0;
    unsigned first = 0;
    unsigned index = 0;
    for (unsigned length = 1; length <= 15 && !past_end_; ++length) {
      value |= bits(1);
      if (value < first + code.counts[length]) return code.symbols[index + value - first];
      index += code.counts[length];
      first = (first + code.counts[length]) << 1;
      value <<= 1;
    }
    past_end_ = true;
    return 256;
  }

  bool stored_block() {
    ++facts_.stored_blocks;
    at_ = (at_ + 7) / 8 * 8;
    const unsigned length = bits(16);
    if (bits(16) != (length ^ 0xFFFF)) return false;
    at_ += std::size_t{length} * 8;
    facts_.content_bytes += length;
    return at_ / 8 <= data_.size();
  }

  bool fixed_block() {
    ++facts_.fixed_blocks;
    std::vector<unsigned> lengths;
    for (unsigned i = 0; i < 288; ++i) {
      lengths.push_back(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    }
    return symbols(make_code(lengths), make_code(std::vector<unsigned>(30, 5)));
  }

  bool dynamic_block() {
    ++facts_.dynamic_blocks;
    static constexpr std::array<unsigned, 19> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
    const unsigned literals = bits(5) + 257;
    const unsigned distances = bits(5) + 1;
    const unsigned sent = bits(4) + 4;
    std::vector<unsigned> small(19, 0);
    for (unsigned i = 0; i < sent; ++i) small[kOrder[i]] = bits(3);
    const Code code = make_code(small);
    std::vector<unsigned> lengths;
    while (lengths.size() < literals + distances && !past_end_) {
      const unsigned next = symbol(code);
      if (next < 16) {
        lengths.push_back(next);
        continue;
      }
      if (next == 16 && lengths.empty()) return false;
      const unsigned value = next == 16 ? lengths.back() : 0;
      const unsigned times = next == 16 ? 3 + bits(2) : next == 17 ? 3 + bits(3) : 11 + bits(7);
      lengths.insert(lengths.end(), times, value);
    }
    if (lengths.size() != literals + distances) return false;
    const auto split = lengths.begin() + static_cast<std::ptrdiff_t>(literals);
    return symbols(make_code({lengths.begin(), split}), make_code({split, lengths.end()}));
  }

  bool symbols(const Code& literals, const Code& distances) {
    while (!past_end_) {
      const unsigned next = symbol(literals);
      if (next == 256) return !past_end_;
      if (next < 256) {
        ++facts_.content_bytes;
        continue;
      }
      const unsigned length_code = next - 257;
      if (length_code > 28) return false;
      const unsigned length_bits = length_code < 8 || length_code == 28 ? 0 : length_code / 4 - 1;
      const std::size_t length = length_code < 8     ? length_code + 3
                                 : length_code == 28 ? 258
                                                     : ((4 + length_code % 4) << length_bits) + 3;
      facts_.content_bytes += length + bits(length_bits);
      const unsigned distance_code = symbol(distances);
      if (distance_code > 29) return false;
      const unsigned distance_bits = distance_code < 4 ? 0 : distance_code / 2 - 1;
      const std::size_t base =
          distance_code < 4 ? distance_code + 1 : ((2 + distance_code % 2) << distance_bits) + 1;
      facts_.max_distance = std::max(facts_.max_distance, base + bits(distance_bits));
      ++facts_.matches;
    }
    return false;
  }

  core::Bytes data_;
  std::size_t at_ = 0;  // in bits
  bool past_end_ = false;
  DeflateFacts facts_;
};

}  // namespace frdpu::test
