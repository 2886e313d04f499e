#include <algorithm>

#include "core/inflate_cursor.h"
#include "core/inflater.h"

// The loop that decodes while both views have room to spare. Where its time goes: one table look-up
// a symbol, and each waits for the shift before it. So the next look-up is started before a match
// is copied, and bits are refilled where nothing waits for them.
namespace frdpu::core {

using inflate::Cursor;

namespace {

// One turn refills at most three times, by up to seven bytes each, reading a word of eight ...
constexpr std::size_t kInputToSpare = 32;
// ... and writes up to three literals. Room for a match is checked when its length is known.
constexpr std::size_t kRoomToSpare = 3;

}  // namespace

void Inflater::copy_from_window(std::byte* out_begin, std::byte* out, std::size_t distance,
                                std::size_t length) const noexcept {
  std::size_t back = distance - static_cast<std::size_t>(out - out_begin);
  const std::byte* from = out_begin;
  while (length != 0 && back != 0) {
    const std::size_t at = (window_at_ + kWindowBytes - back) % kWindowBytes;
    const std::size_t bytes = std::min({length, back, kWindowBytes - at});
    std::memcpy(out, window_.data() + at, bytes);
    out += bytes;
    back -= bytes;
    length -= bytes;
  }
  // The rest lies at the start of the view; it may overlap what is being written.
  for (; length != 0; --length) *out++ = *from++;
}

// The same code for every machine; compiled once more where shifts by a variable are cheaper.
[[gnu::always_inline]] inline Inflater::Outcome Inflater::decode_fast_loop(
    Cursor& cursor) noexcept {
  Cursor c = cursor;
  const std::byte* const in_stop = c.in_end - kInputToSpare;
  const std::byte* const out_stop = c.out_end - kRoomToSpare;
  const std::size_t window_used = window_used_;
  const std::size_t window_at = window_at_;
  const std::uint32_t* const literals = literals_;
  const std::uint32_t* const distances = distances_;
  const std::uint64_t literal_mask = (std::uint64_t{1} << literal_index_bits_) - 1;
  const std::uint64_t distance_mask = (std::uint64_t{1} << distance_index_bits_) - 1;
  Outcome outcome = Outcome::next;
  c.refill();
  std::uint32_t entry = literals[c.bits & literal_mask];
  do {
    // 56 bits. A literal of a first table takes 11 of them at most.
    if ((entry & inflate::kLiteral) != 0) {
      c.drop(inflate::entry_bits(entry));
      *c.out++ = static_cast<std::byte>(entry >> 16);
      entry = literals[c.bits & literal_mask];
      if ((entry & inflate::kLiteral) != 0) {
        c.drop(inflate::entry_bits(entry));
        *c.out++ = static_cast<std::byte>(entry >> 16);
        entry = literals[c.bits & literal_mask];
        if ((entry & inflate::kLiteral) != 0) {
          c.drop(inflate::entry_bits(entry));
          *c.out++ = static_cast<std::byte>(entry >> 16);
          entry = literals[c.bits & literal_mask];
          c.refill();
          continue;
        }
      }
    }
    if ((entry & inflate::kExceptional) != 0) {
      if ((entry & inflate::kSecondTable) != 0) {
        c.drop(inflate::entry_bits(entry));
        entry = literals[inflate::entry_value(entry) + c.peek(inflate::entry_code_bits(entry))];
        if ((entry & inflate::kLiteral) != 0) {
          c.drop(inflate::entry_bits(entry));
          *c.out++ = static_cast<std::byte>(entry >> 16);
          entry = literals[c.bits & literal_mask];
          c.refill();
          continue;
        }
      }
      if ((entry & inflate::kEndOfBlock) != 0) {
        c.drop(inflate::entry_bits(entry));
        outcome = end_block();
        break;
      }
      if ((entry & inflate::kExceptional) != 0) {
        outcome = refuse("bits that are no literal or length");
        break;
      }
    }
    // At least 34 bits: a length takes 20, which leaves the 8 of a first look-up.
    const std::size_t length =
        (entry >> 16) + (c.peek(inflate::entry_bits(entry)) >> inflate::entry_code_bits(entry));
    c.drop(inflate::entry_bits(entry));
    entry = distances[c.bits & distance_mask];
    c.refill();
    if ((entry & inflate::kExceptional) != 0) {
      if ((entry & inflate::kSecondTable) != 0) {
        c.drop(inflate::entry_bits(entry));
        entry = distances[inflate::entry_value(entry) + c.peek(inflate::entry_code_bits(entry))];
      }
      if ((entry & inflate::kExceptional) != 0) {
        outcome = refuse("bits that are no distance");
        break;
      }
    }
    const std::size_t distance =
        (entry >> 16) + (c.peek(inflate::entry_bits(entry)) >> inflate::entry_code_bits(entry));
    c.drop(inflate::entry_bits(entry));
    entry = literals[c.bits & literal_mask];
    c.refill();
    if (distance > c.written() + window_used) {
      outcome = refuse("a distance that reaches back behind the start");
      break;
    }
    if (length + inflate::kCopyOverrun > c.room()) {
      length_ = static_cast<std::uint32_t>(length);
      distance_ = static_cast<std::uint32_t>(distance);
      phase_ = Phase::copy;
      break;
    }
    if (distance > c.written()) {
      const std::size_t back = distance - c.written();
      const std::size_t at = (window_at + kWindowBytes - back) % kWindowBytes;
      if (length <= back && at + length <= kWindowBytes) {
        inflate::copy_wide(c.out, window_.data() + at, length);
      } else {
        copy_from_window(c.out_begin, c.out, distance, length);
      }
    } else {
      inflate::copy_match_wide(c.out, distance, length);
    }
    c.out += length;
  } while (c.in <= in_stop && c.out <= out_stop);
  cursor = c;
  return outcome;
}

#if defined(__x86_64__)
[[gnu::target("bmi,bmi2")]] Inflater::Outcome Inflater::decode_fast_bmi2(Cursor& c) noexcept {
  return decode_fast_loop(c);
}
#endif

Inflater::Outcome Inflater::decode_fast(Cursor& c) noexcept {
  if (c.input_left() < kInputToSpare || c.room() < kRoomToSpare) return Outcome::next;
#if defined(__x86_64__)
  static const bool has_bmi2 = __builtin_cpu_supports("bmi2") != 0;
  if (has_bmi2) return decode_fast_bmi2(c);
#endif
  return decode_fast_loop(c);
}

}  // namespace frdpu::core
