#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/codec.h"
#include "core/inflate_table.h"

namespace frdpu::core {

namespace inflate {
struct Cursor;
}

/// Decodes raw deflate data (RFC 1951) as it arrives, between views of any size.
///
/// Our own, since no library here does all of it: zlib streams at half this speed; ISA-L and
/// libdeflate are as fast, but take streams that zlib refuses (incomplete codes), and libdeflate
/// wants everything at hand at once. What this accepts, refuses and decodes is exactly what zlib
/// does; tests and a fuzz target hold the two against each other.
///
///   run: block header -> [stored bytes] or [code lengths -> tables -> symbols] -> next block
///
/// Symbols are decoded by a fast loop while both views have room to spare, and one by one near
/// their ends. A run writes straight into the output view. The last 32 KiB of earlier views are
/// kept in a ring, which is read only by matches that reach back behind the view in hand.
class Inflater {
 public:
  static constexpr std::size_t kWindowBytes = 32768;

  Inflater() noexcept { reset(); }

  /// Ready for the next stream. Cost: O(1); tables and window are left as they are.
  void reset() noexcept;

  /// Takes input, writes output as far as both views allow, as `Transform::step`.
  /// Returns: `done` right behind the last byte of the stream. need_input: all input was taken.
  /// Errors: corrupt_input, `offset` counting from the start of this view.
  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output) noexcept;

 private:
  using Cursor = inflate::Cursor;

  enum class Phase : std::uint8_t {
    block_header,
    stored_length,
    stored,
    counts,               // how many code lengths of each kind follow
    code_length_lengths,  // the code that the code lengths are written in
    code_lengths,
    symbol,
    distance,
    copy,
    done
  };
  enum class Outcome : std::uint8_t { next, need_input, need_output, corrupt };

  // inflater.cc: the phases, each able to stop anywhere.
  Outcome advance(Cursor& c) noexcept;
  Outcome read_block_header(Cursor& c) noexcept;
  Outcome read_stored_length(Cursor& c) noexcept;
  Outcome copy_stored(Cursor& c) noexcept;
  Outcome decode_symbol(Cursor& c) noexcept;
  Outcome decode_distance(Cursor& c) noexcept;
  Outcome copy_match(Cursor& c) noexcept;
  Outcome end_block() noexcept;
  Outcome refuse(const char* detail) noexcept;
  void keep_window(Bytes written) noexcept;

  // inflater_codes.cc: the header of a block with codes of its own.
  Outcome read_counts(Cursor& c) noexcept;
  Outcome read_code_length_lengths(Cursor& c) noexcept;
  Outcome read_code_lengths(Cursor& c) noexcept;
  Outcome use_code_lengths() noexcept;
  void use_fixed_codes() noexcept;

  // inflater_fast.cc: as many symbols as both views have room for. Copies matches that reach back
  // into the ring, too.
  Outcome decode_fast(Cursor& c) noexcept;
  Outcome decode_fast_loop(Cursor& c) noexcept;
  Outcome decode_fast_bmi2(Cursor& c) noexcept;
  void copy_from_window(std::byte* out_begin, std::byte* out, std::size_t distance,
                        std::size_t length) const noexcept;

  Phase phase_;
  bool last_block_;
  unsigned bit_count_;      // of `bits_`
  std::uint64_t bits_;      // read in earlier runs and not used yet
  std::uint32_t length_;    // of the match or stored block in hand: what is left of it
  std::uint32_t distance_;  // of the match in hand
  const char* detail_;      // why the stream was refused

  // The header of a block, as far as it was read.
  unsigned literal_codes_;
  unsigned distance_codes_;
  unsigned code_length_codes_;
  unsigned index_;  // of the next length
  unsigned code_length_index_bits_;
  std::array<std::uint8_t, inflate::kLiteralSymbols + inflate::kDistanceSymbols> lengths_;

  // Tables of the block in hand: the fixed ones, or those below.
  const std::uint32_t* literals_;
  const std::uint32_t* distances_;
  unsigned literal_index_bits_;
  unsigned distance_index_bits_;
  std::array<std::uint32_t, inflate::kLiteralEntries> literal_table_;
  std::array<std::uint32_t, inflate::kDistanceEntries> distance_table_;  // code lengths' before

  // The ring: the latest `window_used_` bytes, ending in front of `window_at_`.
  std::size_t window_at_;
  std::size_t window_used_;
  std::array<std::byte, kWindowBytes + 32> window_;  // and room that wide copies read over
};

}  // namespace frdpu::core
