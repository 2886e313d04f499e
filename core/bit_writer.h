#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace frdpu::core::rfc1951 {

/// Writes bits from the lowest up, as deflate wants them.
/// Requires: room for what is written and 8 bytes more; at most 56 bits between flushes, none of
/// them set above the count that is stated. Threads: one at a time.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* out) noexcept : out_(out) {}

  void add(std::uint64_t bits, unsigned count) noexcept {
    held_ |= bits << count_;
    count_ += count;
  }

  /// Brings all whole bytes out; the others are kept.
  void flush() noexcept {
    std::uint64_t bytes = held_;
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    std::memcpy(out_, &bytes, sizeof bytes);
    out_ += count_ / 8;
    held_ >>= count_ & ~7u;
    count_ &= 7;
  }

  /// Fills the last byte up with zeros. Requires: nothing but that byte is held.
  void align() noexcept {
    count_ = (count_ + 7) & ~7u;
    flush();
  }

  /// Copies whole bytes. Requires: aligned.
  void append(const std::uint8_t* from, std::size_t count) noexcept {
    std::memcpy(out_, from, count);
    out_ += count;
  }

  /// Where the next whole byte goes, and the bits held for it.
  [[nodiscard]] std::uint8_t* out() const noexcept { return out_; }
  [[nodiscard]] unsigned held_bits() const noexcept { return count_; }

 private:
  std::uint8_t* out_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;  ///< bits in held_
};

}  // namespace frdpu::core::rfc1951
