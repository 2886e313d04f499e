#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

/// XXH32, the checksum of LZ4 frames. Source: the public xxHash specification, seed 0.
namespace frdpu::core {

/// A running checksum. Life: update()*, digest() at any time, reset() to start over.
/// Threads: one at a time. Cost: about 16 bytes in 5 cycles; no allocation.
class Xxhash32 {
 public:
  Xxhash32() noexcept { reset(); }

  void reset() noexcept;
  void update(Bytes bytes) noexcept;

  /// Returns the checksum of all bytes so far; more may follow.
  [[nodiscard]] std::uint32_t digest() const noexcept;

  /// Returns the checksum of these bytes alone.
  [[nodiscard]] static std::uint32_t of(Bytes bytes) noexcept;

 private:
  static constexpr std::size_t kStripeBytes = 16;

  std::array<std::uint32_t, 4> lanes_;
  std::array<std::uint8_t, kStripeBytes> held_;  ///< the bytes behind the last whole stripe
  std::size_t held_bytes_;
  std::uint64_t total_bytes_;
};

}  // namespace frdpu::core
