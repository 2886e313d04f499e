#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/engine/lz4_format.h"

/// Writes the sequences of one LZ4 block, never past the end of the room.
namespace frdpu::core::lz4 {

/// Life: constructed over the room, put()*, finish(). Once the room was too small, nothing more is
/// written and finish() returns 0. Requires: `in_end` is the end of the block that literals are
/// taken from, which has 16 bytes or more. Threads: one at a time.
class SequenceWriter {
 public:
  SequenceWriter(const std::uint8_t* in_end, std::uint8_t* out, std::uint8_t* out_end) noexcept
      : in_end_(in_end),
        begin_(out),
        out_(out),
        out_end_(out_end),
        last_in_(in_end - kCopied),
        last_out_(out_end - out < kShort ? nullptr : out_end - kShort) {}

  /// Writes literals and the match behind them. Requires: length >= 4, 1 <= offset <= 65535; the
  /// match starts at least kMatchStartMargin before the end of the block and ends kLastLiterals
  /// before it.
  /// Returns: false when there was no room for it.
  bool put(const std::uint8_t* literals, std::size_t count, std::size_t offset,
           std::size_t length) noexcept {
    const std::size_t code = length - kMinMatch;
    if (out_ >= last_out_) [[unlikely]] {
      return false;
    }
    std::uint8_t* const token = out_++;
    std::size_t bits = count << 4;
    if (count < kLengthMask) [[likely]] {
      if (literals <= last_in_) [[likely]] {
        copy_block<kCopied>(out_, literals);
      } else {
        std::memcpy(out_, literals, count);
      }
    } else {
      if (room() < count + count / 128 + kShort) return false;
      bits = kLengthMask << 4;
      put_length(count - kLengthMask);
      copy_literals(literals, count);
    }
    out_ += count;
    store_le16(out_, offset);
    out_ += 2;
    if (code >= kLengthMask) {
      if (room() < code / 128 + kCopied) return false;
      put_length(code - kLengthMask);
      bits |= kLengthMask;
    } else {
      bits |= code;
    }
    *token = static_cast<std::uint8_t>(bits);
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
  // Literals are copied in blocks of this size, as far as the block goes on behind them.
  static constexpr std::ptrdiff_t kCopied = 16;
  // Room for a sequence whose lengths fit the token, what is copied beyond its literals included.
  static constexpr std::ptrdiff_t kShort = 1 + kLengthMask + kCopied + 2;

  [[nodiscard]] std::size_t room() const noexcept {
    return static_cast<std::size_t>(out_end_ - out_);
  }

  void put_length(std::size_t rest) noexcept {
    if (rest >= 255) [[unlikely]] {
      const std::size_t full = rest / 255;
      std::memset(out_, 255, full);
      out_ += full;
      rest -= full * 255;
    }
    *out_++ = static_cast<std::uint8_t>(rest);
  }

  /// May write 15 bytes beyond.
  void copy_literals(const std::uint8_t* from, std::size_t count) noexcept {
    if (static_cast<std::size_t>(in_end_ - from) < count + kCopied) [[unlikely]] {
      std::memcpy(out_, from, count);
      return;
    }
    for (std::size_t done = 0; done < count; done += kCopied) {
      copy_block<kCopied>(out_ + done, from + done);
    }
  }

  const std::uint8_t* in_end_;
  std::uint8_t* begin_;
  std::uint8_t* out_;
  std::uint8_t* out_end_;
  const std::uint8_t* last_in_;  ///< literals up to here may be read as a block
  std::uint8_t* last_out_;       ///< up to here there is room for a short sequence
};

}  // namespace frdpu::core::lz4
