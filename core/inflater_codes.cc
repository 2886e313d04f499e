#include <array>

#include "core/inflate_cursor.h"
#include "core/inflater.h"

// The header of a block with its own codes. Source: RFC 1951, 3.2.7.
namespace frdpu::core {

using inflate::Alphabet;

namespace {

// The order in which the lengths of the code length code are sent.
constexpr std::array<std::uint8_t, inflate::kCodeLengthSymbols> kOrder{
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

}  // namespace

void Inflater::use_fixed_codes() noexcept {
  const inflate::FixedTables& tables = inflate::fixed_tables();
  literals_ = tables.literals.data();
  distances_ = tables.distances.data();
  literal_index_bits_ = inflate::FixedTables::kLiteralBits;
  distance_index_bits_ = inflate::FixedTables::kDistanceBits;
  phase_ = Phase::symbol;
}

Inflater::Outcome Inflater::read_counts(Cursor& c) noexcept {
  if (!c.need(14)) return Outcome::need_input;
  literal_codes_ = c.take(5) + 257;
  distance_codes_ = c.take(5) + 1;
  code_length_codes_ = c.take(4) + 4;
  if (literal_codes_ > 286 || distance_codes_ > 30) {
    return refuse("more literal or distance codes than there are");
  }
  index_ = 0;
  phase_ = Phase::code_length_lengths;
  return Outcome::next;
}

Inflater::Outcome Inflater::read_code_length_lengths(Cursor& c) noexcept {
  for (; index_ < code_length_codes_; ++index_) {
    if (!c.need(3)) return Outcome::need_input;
    lengths_[kOrder[index_]] = static_cast<std::uint8_t>(c.take(3));
  }
  for (; index_ < kOrder.size(); ++index_) lengths_[kOrder[index_]] = 0;
  code_length_index_bits_ = inflate::build_table(
      Alphabet::code_lengths, {lengths_.data(), kOrder.size()}, distance_table_.data());
  if (code_length_index_bits_ == 0) return refuse("code lengths in a code that is none");
  index_ = 0;
  phase_ = Phase::code_lengths;
  return Outcome::next;
}

Inflater::Outcome Inflater::read_code_lengths(Cursor& c) noexcept {
  const unsigned all = literal_codes_ + distance_codes_;
  while (index_ < all) {
    // A code of up to 7 bits with up to 7 more; either may stand at the very end of the input.
    const bool enough = c.need(14);
    const std::uint32_t entry = distance_table_[c.peek(code_length_index_bits_)];
    const std::uint32_t symbol = inflate::entry_value(entry);
    const unsigned code_bits = inflate::entry_bits(entry);
    const unsigned extra_bits = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    if (!enough && c.bit_count < code_bits + extra_bits) return Outcome::need_input;
    c.drop(code_bits);
    if (symbol < 16) {
      lengths_[index_++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && index_ == 0) return refuse("a repeated code length without one before");
    const std::uint8_t value = symbol == 16 ? lengths_[index_ - 1] : std::uint8_t{0};
    unsigned times = c.take(extra_bits) + (symbol == 18 ? 11 : 3);
    if (times > all - index_) return refuse("more code lengths than were announced");
    while (times-- != 0) lengths_[index_++] = value;
  }
  return use_code_lengths();
}

Inflater::Outcome Inflater::use_code_lengths() noexcept {
  if (lengths_[256] == 0) return refuse("a block that has no code for its end");
  literal_index_bits_ = inflate::build_table(Alphabet::literals, {lengths_.data(), literal_codes_},
                                             literal_table_.data());
  if (literal_index_bits_ == 0) return refuse("literal code lengths that are no code");
  distance_index_bits_ =
      inflate::build_table(Alphabet::distances, {lengths_.data() + literal_codes_, distance_codes_},
                           distance_table_.data());
  if (distance_index_bits_ == 0) return refuse("distance code lengths that are no code");
  literals_ = literal_table_.data();
  distances_ = distance_table_.data();
  phase_ = Phase::symbol;
  return Outcome::next;
}

}  // namespace frdpu::core
