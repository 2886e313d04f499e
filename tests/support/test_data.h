#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

/// Data for tests: synthetic bytes that are the same on every machine and in every run, and the
/// files of the shared corpus where they are at hand. A test must mean something without them.
namespace frdpu::test {

using Buffer = std::vector<std::byte>;

/// A small generator of our own (splitmix64): the standard's distributions differ by library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// Returns the next 64 bits.
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// Returns a number in [0, limit). Requires: limit > 0.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }

  /// Returns a number in [low, high], both included.
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }

 private:
  std::uint64_t state_;
};

inline Buffer to_buffer(core::Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}
inline Buffer to_buffer(std::string_view text) {
  return to_buffer(core::as_bytes(text));
}
inline std::string to_text(core::Bytes bytes) {
  return std::string(core::as_text(bytes));
}

/// Makes bytes from numbers: `bytes_of({0x04, 0x22})`.
inline Buffer bytes_of(std::initializer_list<int> values) {
  Buffer out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

/// Bytes that do not compress.
inline Buffer random_bytes(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  Buffer out(size);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.next() >> 56);
  return out;
}

/// One value all over; zeros unless told otherwise.
inline Buffer repeated_byte(std::size_t size, int value = 0) {
  return Buffer(size, static_cast<std::byte>(value));
}
inline Buffer zeros(std::size_t size) {
  return repeated_byte(size, 0);
}

/// A random unit of `period` bytes again and again: overlapping matches at offset `period`.
inline Buffer repeated_unit(std::size_t size, std::size_t period, std::uint64_t seed = 1) {
  const Buffer unit = random_bytes(std::max<std::size_t>(period, 1), seed);
  Buffer out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = unit[i % unit.size()];
  return out;
}

/// Words of a small vocabulary with punctuation: compresses about as prose does.
inline Buffer text_like(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<std::string> words(600);
  for (std::string& word : words) {
    const std::size_t length = random.between(2, 9);
    for (std::size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random.below(26));
  }
  std::string out;
  out.reserve(size + 16);
  while (out.size() < size) {
    // The smaller of two draws: frequent words exist, as in real text.
    out += words[std::min(random.below(words.size()), random.below(words.size()))];
    out += random.below(12) == 0 ? ". " : " ";
  }
  out.resize(size);
  return to_buffer(out);
}

/// Lines of JSON records with the same keys and changing values: long and short matches in turn.
inline Buffer json_like(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed);
  std::string out;
  out.reserve(size + 256);
  while (out.size() < size) {
    out += "{\"id\":" + std::to_string(random.below(1000000)) + ",\"name\":\"user-";
    out += std::to_string(random.below(500)) + "\",\"active\":";
    out += random.below(2) == 0 ? "true" : "false";
    out += ",\"score\":" + std::to_string(random.below(100)) + "." +
           std::to_string(random.below(100)) + ",\"tags\":[\"alpha\",\"beta\"]}\n";
  }
  out.resize(size);
  return to_buffer(out);
}

/// Runs of literals and of copies from further up, both of random length: every path of an LZ77
/// coder in a few KiB. `reach_bytes` bounds how far back the copies go.
inline Buffer mixed_bytes(std::size_t size, std::uint64_t seed = 1,
                          std::size_t reach_bytes = 65535) {
  Random random(seed);
  Buffer out;
  out.reserve(size + 1024);
  while (out.size() < size) {
    const std::size_t literals = random.below(random.below(4) == 0 ? 300 : 12);
    for (std::size_t i = 0; i < literals; ++i) out.push_back(static_cast<std::byte>(random.next()));
    if (out.empty()) continue;
    const std::size_t offset = 1 + random.below(std::min(reach_bytes, out.size()));
    const std::size_t length = random.between(4, random.below(4) == 0 ? 600 : 24);
    for (std::size_t i = 0; i < length; ++i) out.push_back(out[out.size() - offset]);
  }
  out.resize(size);
  return out;
}

/// A named input. Names end up in the output of a failing test.
struct Sample {
  std::string name;
  Buffer bytes;
};
inline std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.name << " (" << sample.bytes.size() << " bytes)";
}

/// One input of each kind at about the given size.
inline std::vector<Sample> synthetic_samples(std::size_t size, std::uint64_t seed = 1) {
  return {{"text", text_like(size, seed)},
          {"json", json_like(size, seed)},
          {"mixed", mixed_bytes(size, seed)},
          {"random", random_bytes(size, seed)},
          {"zeros", zeros(size)},
          {"period3", repeated_unit(size, 3, seed)},
          {"period17", repeated_unit(size, 17, seed)}};
}

/// Where the shared corpus would be: beside the repository.
inline std::filesystem::path corpus_directory() {
#ifdef FRDPU_SOURCE_DIR
  return std::filesystem::path(FRDPU_SOURCE_DIR) / ".." / "shared" / "corpus";
#else
  return std::filesystem::path("..") / "shared" / "corpus";
#endif
}

/// Reads a whole file. Returns nothing where it cannot be read.
inline Buffer read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return to_buffer(text);
}

/// Reads one file of the corpus. Returns nothing when it is absent: skip the case then.
inline Buffer corpus_file(std::string_view name) {
  return read_file(corpus_directory() / name);
}

/// Returns the corpus files' names, sorted; none when the corpus is absent.
inline std::vector<std::string> corpus_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(corpus_directory(), ignored), end; it != end;
       it.increment(ignored)) {
    if (it->is_regular_file(ignored)) names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Reads every corpus file, each cut to at most `limit_bytes`; empty when the corpus is absent.
inline std::vector<Sample> corpus_samples(std::size_t limit_bytes = SIZE_MAX) {
  std::vector<Sample> samples;
  for (const std::string& name : corpus_names()) {
    Buffer bytes = corpus_file(name);
    if (bytes.size() > limit_bytes) bytes.resize(limit_bytes);
    samples.push_back({name, std::move(bytes)});
  }
  return samples;
}

/// The sizes that views are cut to in seam tests. The last stands for "whole".
inline constexpr std::size_t kSeamSizes[] = {1, 2, 3, 5, 8, 16, 31, SIZE_MAX};

}  // namespace frdpu::test
