#include "core/inflater.h"

#include <algorithm>
#include <cstring>

#include "core/inflate_cursor.h"

namespace frdpu::core {

using inflate::Cursor;

namespace {

// Finds the entry for the next bits, of which all must be there, and says how many they are.
// Bits that are missing read as zero: an entry whose bits are all there does not depend on them.
// Returns: false when the input ends first; nothing is dropped then.
bool find(Cursor& c, const std::uint32_t* table, unsigned index_bits, std::uint32_t& entry,
          unsigned& first_bits) noexcept {
  for (;;) {
    entry = table[c.peek(index_bits)];
    first_bits = 0;
    if ((entry & inflate::kSecondTable) != 0) {
      first_bits = inflate::entry_bits(entry);
      const std::uint32_t rest = c.peek(first_bits + inflate::entry_code_bits(entry)) >> first_bits;
      entry = table[inflate::entry_value(entry) + rest];
    }
    const unsigned code_bits = first_bits + inflate::entry_code_bits(entry);
    if (code_bits <= c.bit_count) return c.need(first_bits + inflate::entry_bits(entry));
    if (!c.need(c.bit_count + 1)) return false;
  }
}

std::uint32_t base_and_extra(std::uint32_t entry, std::uint32_t bits) noexcept {
  return inflate::entry_value(entry) + (bits >> inflate::entry_code_bits(entry));
}

}  // namespace

void Inflater::reset() noexcept {
  phase_ = Phase::block_header;
  last_block_ = false;
  bits_ = 0;
  bit_count_ = 0;
  window_at_ = 0;
  window_used_ = 0;
  detail_ = "";
}

Result<Progress> Inflater::run(Bytes input, MutableBytes output) noexcept {
  Cursor c{.in = input.data(),
           .in_end = input.data() + input.size(),
           .out = output.data(),
           .out_begin = output.data(),
           .out_end = output.data() + output.size(),
           .bits = bits_,
           .bit_count = bit_count_};
  Outcome outcome = Outcome::next;
  while (outcome == Outcome::next && phase_ != Phase::done) outcome = advance(c);
  // A symbol that lacks bits needs all that there are: none of them is given back then.
  if (outcome != Outcome::need_input) c.give_back(input.data());
  bits_ = c.bits;
  bit_count_ = c.bit_count;
  const auto consumed = static_cast<std::size_t>(c.in - input.data());
  if (outcome == Outcome::corrupt) {
    return std::unexpected(
        Error{.code = Errc::corrupt_input, .detail = detail_, .offset = consumed});
  }
  if (phase_ == Phase::done) return Progress{consumed, c.written(), StepState::done};
  keep_window({output.data(), c.written()});
  return Progress{consumed, c.written(),
                  outcome == Outcome::need_input ? StepState::need_input : StepState::need_output};
}

Inflater::Outcome Inflater::advance(Cursor& c) noexcept {
  switch (phase_) {
    case Phase::block_header:
      return read_block_header(c);
    case Phase::stored_length:
      return read_stored_length(c);
    case Phase::stored:
      return copy_stored(c);
    case Phase::counts:
      return read_counts(c);
    case Phase::code_length_lengths:
      return read_code_length_lengths(c);
    case Phase::code_lengths:
      return read_code_lengths(c);
    case Phase::symbol:
      return decode_symbol(c);
    case Phase::distance:
      return decode_distance(c);
    case Phase::copy:
      return copy_match(c);
    case Phase::done:
      break;
  }
  return Outcome::next;
}

Inflater::Outcome Inflater::refuse(const char* detail) noexcept {
  detail_ = detail;
  return Outcome::corrupt;
}

Inflater::Outcome Inflater::end_block() noexcept {
  phase_ = last_block_ ? Phase::done : Phase::block_header;
  return Outcome::next;
}

Inflater::Outcome Inflater::read_block_header(Cursor& c) noexcept {
  if (!c.need(3)) return Outcome::need_input;
  last_block_ = c.take(1) != 0;
  switch (c.take(2)) {
    case 0:
      phase_ = Phase::stored_length;
      return Outcome::next;
    case 1:
      use_fixed_codes();
      return Outcome::next;
    case 2:
      phase_ = Phase::counts;
      return Outcome::next;
    default:
      return refuse("a block of a type that does not exist");
  }
}

Inflater::Outcome Inflater::read_stored_length(Cursor& c) noexcept {
  // Whole bytes follow: what is left of the one in hand is padding.
  const unsigned padding = c.bit_count % 8;
  if (!c.need(padding + 32)) return Outcome::need_input;
  c.drop(padding);
  length_ = c.take(16);
  if (c.take(16) != (length_ ^ 0xFFFF)) return refuse("a stored block whose lengths disagree");
  phase_ = Phase::stored;
  return Outcome::next;
}

Inflater::Outcome Inflater::copy_stored(Cursor& c) noexcept {
  // Bytes that are read as bits already come first.
  while (length_ != 0 && c.bit_count >= 8 && c.out != c.out_end) {
    *c.out++ = static_cast<std::byte>(c.take(8));
    --length_;
  }
  if (length_ != 0 && c.bit_count < 8) {
    c.bits = 0;  // what is above the bit count stands at `in` again
    const std::size_t bytes = std::min({std::size_t{length_}, c.input_left(), c.room()});
    if (bytes != 0) std::memcpy(c.out, c.in, bytes);
    c.in += bytes;
    c.out += bytes;
    length_ -= static_cast<std::uint32_t>(bytes);
  }
  if (length_ == 0) return end_block();
  return c.out == c.out_end ? Outcome::need_output : Outcome::need_input;
}

Inflater::Outcome Inflater::decode_symbol(Cursor& c) noexcept {
  if (const Outcome outcome = decode_fast(c); outcome != Outcome::next || phase_ != Phase::symbol) {
    return outcome;
  }
  std::uint32_t entry = 0;
  unsigned first_bits = 0;
  if (!find(c, literals_, literal_index_bits_, entry, first_bits)) return Outcome::need_input;
  if ((entry & inflate::kLiteral) != 0) {
    if (c.out == c.out_end) return Outcome::need_output;
    c.drop(first_bits + inflate::entry_bits(entry));
    *c.out++ = static_cast<std::byte>(inflate::entry_value(entry));
    return Outcome::next;
  }
  if ((entry & inflate::kExceptional) != 0) {
    if ((entry & inflate::kEndOfBlock) == 0) return refuse("bits that are no literal or length");
    c.drop(first_bits + inflate::entry_bits(entry));
    return end_block();
  }
  c.drop(first_bits);
  length_ = base_and_extra(entry, c.take(inflate::entry_bits(entry)));
  phase_ = Phase::distance;
  return Outcome::next;
}

Inflater::Outcome Inflater::decode_distance(Cursor& c) noexcept {
  std::uint32_t entry = 0;
  unsigned first_bits = 0;
  if (!find(c, distances_, distance_index_bits_, entry, first_bits)) return Outcome::need_input;
  if ((entry & inflate::kExceptional) != 0) return refuse("bits that are no distance");
  c.drop(first_bits);
  distance_ = base_and_extra(entry, c.take(inflate::entry_bits(entry)));
  if (distance_ > c.written() + window_used_)
    return refuse("a distance that reaches back behind the start");
  phase_ = Phase::copy;
  return Outcome::next;
}

Inflater::Outcome Inflater::copy_match(Cursor& c) noexcept {
  const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(length_, c.room()));
  if (distance_ > c.written()) {
    copy_from_window(c.out_begin, c.out, distance_, length);
  } else if (c.room() >= length + inflate::kCopyOverrun && length != 0) {
    inflate::copy_match_wide(c.out, distance_, length);
  } else {
    for (std::uint32_t i = 0; i < length; ++i) c.out[i] = *(c.out + i - distance_);
  }
  c.out += length;
  length_ -= length;
  if (length_ != 0) return Outcome::need_output;
  phase_ = Phase::symbol;
  return Outcome::next;
}

void Inflater::keep_window(Bytes written) noexcept {
  written = written.last(std::min(written.size(), kWindowBytes));
  const std::size_t to_end = std::min(written.size(), kWindowBytes - window_at_);
  if (to_end != 0) std::memcpy(window_.data() + window_at_, written.data(), to_end);
  const std::size_t from_start = written.size() - to_end;
  if (from_start != 0) std::memcpy(window_.data(), written.data() + to_end, from_start);
  window_at_ = (window_at_ + written.size()) % kWindowBytes;
  window_used_ = std::min(window_used_ + written.size(), kWindowBytes);
}

}  // namespace frdpu::core
