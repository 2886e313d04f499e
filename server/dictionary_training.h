#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "core/zstd_dictionary.h"

/// Training of dictionaries, for the service and the command line.
namespace frdpu::server {

/// A trained dictionary, and what it does to samples that it was not trained with: their bytes
/// divided by those of their frames, zstd at level 3, each sample a frame of its own.
struct TrainedDictionary {
  std::vector<std::byte> content;
  double ratio_with = 0;
  double ratio_without = 0;
};

/// Samples on their way into a dictionary. Every eighth, from the fourth on, is held back to
/// measure by; empty ones teach nothing and are skipped.
///
///   life: (append* end_sample)* train
///
/// Threads: one at a time.
class TrainingSamples {
 public:
  static constexpr std::size_t kMostBytes = 16 * core::kMiB;  ///< of all samples together
  static constexpr std::size_t kMostSamples = 1u << 18;
  static constexpr std::size_t kFewestSamples = 8;

  /// What a training takes at most: samples, libzstd's trainer and what it tries, the result.
  /// Source: measured, server/README.md.
  static constexpr std::uint64_t kMemoryBytes = 64 * core::kMiB;

  /// Checks whether there is room for so many more bytes. Errors: fixed_limit_exceeded.
  [[nodiscard]] core::Result<void> check_room(std::uint64_t more_bytes) const noexcept;

  /// Adds bytes to the sample under way.
  /// Errors: fixed_limit_exceeded; overloaded when there is no memory.
  [[nodiscard]] core::Result<void> append(core::Bytes part) noexcept;

  /// Ends the sample under way.
  void end_sample() noexcept { in_sample_ = false; }

  /// Samples that are not empty.
  [[nodiscard]] std::size_t count() const noexcept {
    return taught_.sizes.size() + held_back_.sizes.size();
  }

  /// Bytes of all samples.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return taught_.bytes.size() + held_back_.bytes.size();
  }

  /// Trains a dictionary of at most so many bytes. The same samples give the same dictionary.
  /// Requires: `size_bytes` of at least 256.
  /// Errors: too_few_samples: fewer than 8, or nothing can be learnt from them; invalid_parameter
  /// for a size that holds no dictionary of these samples; overloaded when there is no memory.
  /// Cost: seconds for 16 MiB; see kMemoryBytes.
  [[nodiscard]] core::Result<TrainedDictionary> train(std::size_t size_bytes) const noexcept;

 private:
  struct Part {
    std::vector<std::byte> bytes;
    std::vector<std::size_t> sizes;
    [[nodiscard]] core::SampleList list() const noexcept { return {bytes, sizes}; }
  };

  [[nodiscard]] Part& part_of(std::size_t sample) noexcept;

  Part taught_;
  Part held_back_;
  bool in_sample_ = false;  // its size is the last one of its part
};

}  // namespace frdpu::server
