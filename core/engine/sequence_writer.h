#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/engine/lz4_format.h"

/// Writes the sequences of one LZ4 block, never past the end of the room.
namespace frdpu::core::lz4 {

/// Literals are copied in blocks of 16, so a match that is put starts no closer to the end of the
/// block than this. The format would allow 12; the rest is worth less than a check a sequence.
inline constexpr std::size_t kCopyMargin = 16;
static_assert(kCopyMargin >= kMatchStartMargin);

/// Life: constructed over the room, put()*, finish(). Once the room was too small, nothing more is
/// written and finish() returns 0. Requires: `in_end` is the end of the block that literals are
/// taken from. Threads: one at a time.
class SequenceWriter {
 public:
  SequenceWriter(const std::uint8_t* in_end, std::uint8_t* out, std::uint8_t* out_end) noexcept
      : in_end_(in_end), begin_(out), out_(out), out_end_(out_end) {}

  /// Writes literals and the match behind them. Requires: length >= 4, 1 <= offset <= 65535; the
  /// match starts at least kCopyMargin before the end of the block and ends kLastLiterals before.
  /// Returns: false when there was no room for it.
  bool put(const std::uint8_t* literals, std::size_t count, std::size_t offset,
           std::size_t length) noexcept {
    const std::size_t code = length - kMinMatch;
    // What is written at most, and 16 bytes that the copy of literals may run over.
    constexpr std::size_t kShort = 24;
    auto room = static_cast<std::size_t>(out_end_ - out_);
    std::uint8_t* const token = out_++;
    std::size_t bits = count << 4;
    if (count >= kLengthMask) {
      if (room < count + count / 255 + kShort) return false;
      bits = kLengthMask << 4;
      put_length(count - kLengthMask);
      copy_literals(literals, count);
    } else {
      if (room < kShort + kLengthMask) return false;
      copy_block<16>(out_, literals);
      out_ += count;
    }
    store_le16(out_, offset);
    out_ += 2;
    if (code >= kLengthMask) {
      if (static_cast<std::size_t>(out_end_ - out_) < length / 255 + 2) return false;
      put_length(code - kLengthMask);
      *token = static_cast<std::uint8_t>(bits | kLengthMask);
    } else {
      *token = static_cast<std::uint8_t>(bits | code);
    }
    return true;
  }

  /// Writes the last literals, which end the block.
  /// Returns: the size of the block, 0 when there was no room or nothing but literals.
  std::size_t finish(const std::uint8_t* literals) noexcept {
    if (out_ == begin_) return 0;
    const auto count = static_cast<std::size_t>(in_end_ - literals);
    const std::size_t extra = count < kLengthMask ? 0 : 1 + (count - kLengthMask) / 255;
    if (1 + extra + count > static_cast<std::size_t>(out_end_ - out_)) return 0;
    if (count >= kLengthMask) {
      *out_++ = kLengthMask << 4;
      put_length(count - kLengthMask);
    } else {
      *out_++ = static_cast<std::uint8_t>(count << 4);
    }
    if (count != 0) std::memcpy(out_, literals, count);
    out_ += count;
    return static_cast<std::size_t>(out_ - begin_);
  }

 private:
  void put_length(std::size_t rest) noexcept {
    for (; rest >= 255; rest -= 255) *out_++ = 255;
    *out_++ = static_cast<std::uint8_t>(rest);
  }

  /// May read and write 15 bytes beyond.
  void copy_literals(const std::uint8_t* from, std::size_t count) noexcept {
    std::uint8_t* const end = out_ + count;
    copy_block<16>(out_, from);
    while ((out_ += 16) < end) copy_block<16>(out_, from += 16);
    out_ = end;
  }

  const std::uint8_t* in_end_;
  std::uint8_t* begin_;
  std::uint8_t* out_;
  std::uint8_t* out_end_;
};

}  // namespace frdpu::core::lz4
