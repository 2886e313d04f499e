#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/test_data.h"

/// Inputs that make brotli's encoder take as much memory as it can. What it takes grows with the
/// number of commands, with the length of a metablock, with the number of block types, and (at the
/// highest qualities) with the number of matches at each position; all that stays allocated, so
/// one stream that does each in turn is worse than any of them.
namespace frdpu::test {

/// Four-byte words, the shortest match, in random order: a command every four bytes.
inline Buffer many_commands(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<std::uint32_t> words(1500);
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random.next());
  Buffer out;
  out.reserve(size + 8);
  while (out.size() < size) {
    std::uint32_t word = words[random.below(words.size())];
    for (int i = 0; i < 4; ++i, word >>= 8) out.push_back(static_cast<std::byte>(word & 0xFF));
    if (random.below(8) == 0) out.push_back(static_cast<std::byte>(random.next()));
  }
  out.resize(size);
  return out;
}

/// Stretches of about `stretch` bytes, each over an alphabet of up to `letters` bytes of its own:
/// as many block types as there can be.
inline Buffer many_block_types(std::size_t size, std::uint64_t seed = 1, std::size_t stretch = 500,
                               std::size_t letters = 8) {
  Random random(seed);
  Buffer out;
  out.reserve(size + 2 * stretch + 2);
  while (out.size() < size) {
    const std::size_t base = random.below(256);
    const std::size_t spread = random.between(2, letters + 1);
    for (std::size_t left = random.between(stretch / 2, stretch + stretch / 2); left != 0; --left) {
      out.push_back(static_cast<std::byte>((base + random.below(spread) * 7) & 0xFF));
    }
  }
  out.resize(size);
  return out;
}

/// Ever longer beginnings of one unit, over and over: many matches of different length at each
/// position.
inline Buffer many_matches(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  Buffer out;
  out.reserve(size + 128);
  while (out.size() < size) {
    const Buffer unit = random_bytes(random.between(8, 40), random.next());
    for (int round = 0; round < 3; ++round) {
      for (std::size_t length = unit.size() - 1; length >= 3; --length) {
        out.insert(out.end(), unit.begin(), unit.begin() + static_cast<std::ptrdiff_t>(length));
        out.push_back(static_cast<std::byte>(random.next()));
      }
      out.insert(out.end(), unit.begin(), unit.end());
    }
  }
  out.resize(size);
  return out;
}

/// One stream for metablocks of up to `metablock_bytes`. `order` varies what comes first.
inline Buffer brotli_load(std::size_t metablock_bytes, unsigned order) {
  std::vector<Buffer> parts{many_commands(metablock_bytes, 11 + order),
                            zeros(metablock_bytes + metablock_bytes / 4),
                            many_block_types(metablock_bytes, 12 + order, 4, 8),
                            many_block_types(metablock_bytes, 13 + order, 200, 3),
                            random_bytes(metablock_bytes / 4, 14 + order),
                            many_matches(metablock_bytes / 2, 15 + order),
                            text_like(metablock_bytes / 2, 16 + order),
                            many_commands(metablock_bytes / 3, 17 + order),
                            mixed_bytes(metablock_bytes / 2, 18 + order)};
  Random random(order);
  for (std::size_t i = parts.size(); order != 0 && i > 1; --i) {
    std::swap(parts[i - 1], parts[random.below(i)]);
  }
  Buffer out;
  for (const Buffer& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// Whole bodies of `size` bytes, each bad in its own way.
inline std::vector<Sample> brotli_bodies(std::size_t size, std::uint64_t seed = 1) {
  std::vector<Sample> bodies = synthetic_samples(size, seed);
  bodies.push_back({"commands", many_commands(size, seed)});
  bodies.push_back({"matches", many_matches(size, seed)});
  for (const std::size_t stretch : {4u, 16u, 64u, 128u, 256u, 500u, 1000u}) {
    for (const std::size_t letters : {1u, 3u, 8u, 40u}) {
      bodies.push_back({"types " + std::to_string(stretch) + "/" + std::to_string(letters),
                        many_block_types(size, seed + stretch + letters, stretch, letters)});
    }
  }
  Buffer load = brotli_load(size / 4 + 1, static_cast<unsigned>(seed));
  load.resize(size);
  bodies.push_back({"load", std::move(load)});
  return bodies;
}

}  // namespace frdpu::test
