#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/deflate_block.h"
#include "core/engine/lz4_format.h"

namespace frdpu::core::rfc1951 {

/// Literals are copied in blocks of this size.
inline constexpr std::size_t kCopied = 16;

/// Memory for the symbols of a block. Ownership: none. Requires: room for one sequence and for one
/// literal at least.
struct SequenceRoom {
  Sequence* sequences;
  std::size_t most_sequences;
  std::uint8_t* literals;  ///< kCopied bytes more can be written behind the most there are
  std::size_t most_literals;
};

/// Takes the sequences of a parser and writes raw deflate data: a block each time that their room
/// is full, and one at the end. To a parser it is what lz4::SequenceWriter is.
/// Life: constructed over the room, put()*, finish(). Once the output was too small, nothing more
/// is written. Threads: one at a time.
class SequenceWriter {
 public:
  /// Requires: all literals and matches put are in [in, in_end), one behind the other.
  SequenceWriter(const std::uint8_t* in, const std::uint8_t* in_end, std::uint8_t* out,
                 std::uint8_t* out_end, const SequenceRoom& room, BlockWriter& blocks) noexcept
      : block_(in),
        in_end_(in_end),
        out_begin_(out),
        out_end_(out_end),
        room_(room),
        blocks_(blocks),
        out_(out) {
    start_block(in);
  }

  /// Takes literals and the match behind them. Requires: length >= 3, 1 <= offset <= 32768.
  /// Returns: false when the output was too small for a block.
  bool put(const std::uint8_t* literals, std::size_t count, std::size_t offset,
           std::size_t length) noexcept {
    if (count > literals_left_ || next_ == sequences_end_ || length > kMaxMatch) [[unlikely]] {
      return put_in_pieces(literals, count, offset, length);
    }
    add(literals, count, offset, length);
    return true;
  }

  /// Takes the last literals and ends the data. Returns: its bytes, 0 when the output was too
  /// small.
  std::size_t finish(const std::uint8_t* literals) noexcept;

 private:
  void start_block(const std::uint8_t* at) noexcept {
    block_ = at;
    next_ = room_.sequences;
    sequences_end_ = next_ + room_.most_sequences;
    literal_ = room_.literals;
    literals_left_ = room_.most_literals;
    counts_.literals.fill(0);
    counts_.distances.fill(0);
  }

  /// Writes a block of all that was taken, up to here. Returns: false when there was no room.
  bool end_block(const std::uint8_t* to, bool last) noexcept;

  void add_literals(const std::uint8_t* from, std::size_t count) noexcept {
    std::size_t done = 0;
    if (static_cast<std::size_t>(in_end_ - from) >= kCopied) [[likely]] {
      lz4::copy_block<kCopied>(literal_, from);
      for (done = kCopied; done + kCopied <= count; done += kCopied) {
        lz4::copy_block<kCopied>(literal_ + done, from + done);
      }
    }
    if (done < count) [[unlikely]]
      std::memcpy(literal_ + done, from + done, count - done);
    literal_ += count;
    literals_left_ -= count;
  }

  void add(const std::uint8_t* literals, std::size_t count, std::size_t offset,
           std::size_t length) noexcept {
    add_literals(literals, count);
    const std::uint8_t code = kLengthCode[length - kMinMatch];
    const unsigned distance = distance_code(offset);
    *next_++ = {.literals = static_cast<std::uint16_t>(count),
                .length = static_cast<std::uint16_t>(length),
                .offset = static_cast<std::uint16_t>(offset),
                .length_code = code,
                .distance_code = static_cast<std::uint8_t>(distance)};
    ++counts_.literals[kFirstLength + code];
    ++counts_.distances[distance];
  }

  /// Takes literals in full rooms, until the rest of them fits. Returns: false as end_block does.
  bool take_full_rooms(const std::uint8_t*& literals, std::size_t& count) noexcept;
  bool put_in_pieces(const std::uint8_t* literals, std::size_t count, std::size_t offset,
                     std::size_t length) noexcept;
  const std::uint8_t* lengthen_last(const std::uint8_t* literals) noexcept;

  const std::uint8_t* block_;  ///< the first byte of the block in the making
  const std::uint8_t* in_end_;
  std::uint8_t* out_begin_;
  std::uint8_t* out_end_;
  SequenceRoom room_;
  Sequence* next_ = nullptr;
  Sequence* sequences_end_ = nullptr;
  std::uint8_t* literal_ = nullptr;
  std::size_t literals_left_ = 0;
  BlockWriter& blocks_;
  BitWriter out_;
  BlockCounts counts_;
};

}  // namespace frdpu::core::rfc1951
