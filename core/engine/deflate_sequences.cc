#include "core/engine/deflate_sequences.h"

namespace frdpu::core::rfc1951 {

bool SequenceWriter::end_block(const std::uint8_t* to, bool last) noexcept {
  const BlockContent content{.sequences = room_.sequences,
                             .sequence_count = static_cast<std::size_t>(next_ - room_.sequences),
                             .literals = room_.literals,
                             .literal_count = static_cast<std::size_t>(literal_ - room_.literals),
                             .bytes = block_,
                             .byte_count = static_cast<std::size_t>(to - block_)};
  if (!blocks_.write(content, counts_, last, out_, out_end_)) return false;
  start_block(to);
  return true;
}

bool SequenceWriter::take_full_rooms(const std::uint8_t*& literals, std::size_t& count) noexcept {
  while (count > literals_left_) {
    const std::size_t fitting = literals_left_;
    add_literals(literals, fitting);
    literals += fitting;
    count -= fitting;
    if (!end_block(literals, false)) return false;
  }
  return true;
}

bool SequenceWriter::put_in_pieces(const std::uint8_t* literals, std::size_t count,
                                   std::size_t offset, std::size_t length) noexcept {
  if (!take_full_rooms(literals, count)) return false;
  while (length != 0) {
    if (next_ == sequences_end_ && !end_block(literals, false)) return false;
    // What is left over must be long enough for a match.
    const std::size_t piece = length <= kMaxMatch              ? length
                              : length < kMaxMatch + kMinMatch ? length - kMinMatch
                                                               : kMaxMatch;
    add(literals, count, offset, piece);
    literals += count + piece;
    length -= piece;
    count = 0;
  }
  return true;
}

// A parser for LZ4 ends its matches before the last bytes, which are literals there.
const std::uint8_t* SequenceWriter::lengthen_last(const std::uint8_t* literals) noexcept {
  if (next_ == room_.sequences) return literals;
  Sequence& latest = next_[-1];
  --counts_.literals[kFirstLength + latest.length_code];
  while (literals != in_end_ && latest.length < kMaxMatch &&
         *literals == *(literals - latest.offset)) {
    ++latest.length;
    ++literals;
  }
  latest.length_code = kLengthCode[latest.length - kMinMatch];
  ++counts_.literals[kFirstLength + latest.length_code];
  return literals;
}

std::size_t SequenceWriter::finish(const std::uint8_t* literals) noexcept {
  literals = lengthen_last(literals);
  auto count = static_cast<std::size_t>(in_end_ - literals);
  if (!take_full_rooms(literals, count)) return 0;
  add_literals(literals, count);
  if (!end_block(in_end_, true)) return 0;
  return static_cast<std::size_t>(out_.out() - out_begin_) + (out_.held_bits() + 7) / 8;
}

}  // namespace frdpu::core::rfc1951
