#include "core/engine/block_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/engine/lz4_format.h"

namespace frdpu::core::lz4 {
namespace {

// Room that a short sequence can touch: token 1, literals 16, offset 2 and a byte of length ...
constexpr std::size_t kFastInput = 24;
// ... and 14 literals, then a match of up to 18 copied as 32 bytes.
constexpr std::size_t kFastOutput = 64;

/// Distance that is a multiple of a small offset and at least 8, so that 8 bytes can be copied.
constexpr std::uint8_t kSpread[8] = {0, 8, 8, 9, 8, 10, 12, 14};

std::size_t distance(const std::uint8_t* from, const std::uint8_t* to) noexcept {
  return static_cast<std::size_t>(to - from);
}

/// Copies a match within the output. May write up to 32 bytes beyond `out + length`.
inline void copy_match_wild(std::uint8_t* out, std::size_t offset, std::size_t length) noexcept {
  const std::uint8_t* from = out - offset;
  std::uint8_t* const end = out + length;
  if (offset >= 16) [[likely]] {
    do {
      copy_block<16>(out, from);
      copy_block<16>(out + 16, from + 16);
      out += 32;
      from += 32;
    } while (out < end);
    return;
  }
  if (offset < 8) {
    for (int i = 0; i < 8; ++i) out[i] = from[i];
    out += 8;
    from = out - kSpread[offset];
  }
  while (out < end) {
    copy_block<8>(out, from);
    out += 8;
    from += 8;
  }
}

/// Copies literals in blocks of 16. Reads and writes up to 16 bytes beyond.
inline void copy_literals_wild(std::uint8_t* out, const std::uint8_t* in,
                               std::size_t length) noexcept {
  std::uint8_t* const end = out + length;
  do {
    copy_block<16>(out, in);
    out += 16;
    in += 16;
  } while (out < end);
}

/// Reads the bytes behind a length of 15. Returns: false when the input ends before they do.
inline bool read_extension(const std::uint8_t*& in, const std::uint8_t* end,
                           std::size_t& length) noexcept {
  std::uint8_t byte;
  do {
    if (in == end) return false;
    byte = *in++;
    length += byte;
  } while (byte == 255);
  return true;
}

}  // namespace

void BlockDecoder::begin(std::size_t block_bytes, std::size_t limit_bytes) noexcept {
  in_left_ = block_bytes;
  out_left_ = limit_bytes;
  literals_ = 0;
  match_ = 0;
  phase_ = Phase::token;
}

DecodeOutcome BlockDecoder::run(DecodeViews& views) noexcept {
  for (;;) {
    if (phase_ == Phase::token && !run_fast(views)) return DecodeOutcome::corrupt;
    const DecodeOutcome outcome = run_careful(views);
    if (outcome != DecodeOutcome::done) return outcome;
    if (phase_ != Phase::token || in_left_ == 0) return outcome;
  }
}

/// Handles sequences while both views have room. Leaves `phase_` at `token`. A sequence that does
/// not fit is left untouched for the careful loop.
bool BlockDecoder::run_fast(DecodeViews& views) noexcept {
  const std::size_t in_room = std::min(distance(views.in, views.in_end), in_left_);
  const std::size_t out_room = distance(views.out, views.out_end);
  if (in_room <= kFastInput || out_room <= kFastOutput) return true;

  const std::uint8_t* in = views.in;
  const std::uint8_t* const in_end = in + in_room;
  const std::uint8_t* const in_fast = in_end - kFastInput;
  std::uint8_t* out = views.out;
  std::uint8_t* const out_fast = out + std::min(out_room - kFastOutput, out_left_);
  std::uint8_t* const out_wild = views.out_end - kFastOutput;  // a match may end here at most
  bool sound = true;

  while (in < in_fast && out < out_fast) {
    const std::uint8_t* const token_at = in;
    std::uint8_t* const out_at = out;
    const auto undo = [&] {
      in = token_at;
      out = out_at;
    };
    const unsigned token = *in++;
    std::size_t literals = token >> 4;
    if (literals != kLengthMask) [[likely]] {
      copy_block<16>(out, in);
    } else {
      if (!read_extension(in, in_end, literals) || distance(in, in_end) < literals + kFastInput ||
          distance(out, out_wild) < literals) {
        undo();
        break;
      }
      copy_literals_wild(out, in, literals);
    }
    in += literals;
    out += literals;

    const std::size_t offset = load_le16(in);
    in += 2;
    std::size_t length = token & kLengthMask;
    if (length == kLengthMask) [[unlikely]] {
      if (!read_extension(in, in_end, length) || out > out_wild ||
          distance(out, out_wild) < length + kMinMatch) {
        undo();
        break;
      }
    }
    length += kMinMatch;

    const std::size_t reach = distance(views.floor, out);
    if (offset - 1 < reach) [[likely]] {
      copy_match_wild(out, offset, length);
      out += length;
      continue;
    }
    const std::size_t back = offset - reach;  // before the floor, in the history
    if (offset == 0 || back > views.history_bytes) {
      problem_ = offset == 0 ? "a match has offset 0" : "a match starts before the first byte";
      sound = false;
      break;
    }
    const std::size_t from_history = std::min(back, length);
    std::memcpy(out, views.history_end - back, from_history);
    out += from_history;
    if (length > from_history) {
      copy_match_wild(out, offset, length - from_history);
      out += length - from_history;
    }
  }

  const std::size_t written = distance(views.out, out);
  in_left_ -= distance(views.in, in);
  views.in = in;
  views.out = out;
  if (sound && written > out_left_) {
    problem_ = "a block decodes to more than the frame allows";
    sound = false;
  }
  if (sound) out_left_ -= written;
  return sound;
}

/// Reads the bytes behind a length of 15. Returns: false when the input view ended first.
bool BlockDecoder::read_length(DecodeViews& views, std::size_t& length) noexcept {
  while (views.in != views.in_end && in_left_ != 0) {
    const std::uint8_t byte = *views.in++;
    --in_left_;
    length += byte;
    if (byte != 255) return true;
  }
  return false;
}

/// Copies as much of the match as there is room for. Returns: false when the offset is bad.
bool BlockDecoder::copy_match(DecodeViews& views) noexcept {
  std::size_t count = std::min(match_, distance(views.out, views.out_end));
  match_ -= count;
  const std::size_t reach = distance(views.floor, views.out);
  if (offset_ > reach) {
    const std::size_t back = offset_ - reach;
    if (back > views.history_bytes) return false;
    const std::size_t from_history = std::min(back, count);
    if (from_history != 0) std::memcpy(views.out, views.history_end - back, from_history);
    views.out += from_history;
    count -= from_history;
  }
  if (count == 0) return true;
  const std::uint8_t* from = views.out - offset_;
  if (offset_ >= count) {
    std::memcpy(views.out, from, count);
    views.out += count;
    return true;
  }
  while (count-- != 0) *views.out++ = *from++;
  return true;
}

/// Takes one sequence, or as much of it as the views hold. Returns: `done` behind a sequence and
/// at the end of the block.
DecodeOutcome BlockDecoder::run_careful(DecodeViews& views) noexcept {
  const auto no_input = [&] {
    return in_left_ == 0 ? corrupt("a block ends within a sequence") : DecodeOutcome::need_input;
  };
  switch (phase_) {
    case Phase::token: {
      if (views.in == views.in_end || in_left_ == 0) return no_input();
      const unsigned token = *views.in++;
      --in_left_;
      literals_ = token >> 4;
      match_ = token & kLengthMask;
      phase_ = Phase::literal_length;
    }
      [[fallthrough]];
    case Phase::literal_length:
      if (literals_ >= kLengthMask && !read_length(views, literals_)) return no_input();
      if (literals_ > in_left_) return corrupt("a block ends within its literals");
      if (literals_ > out_left_) return corrupt("a block decodes to more than the frame allows");
      out_left_ -= literals_;
      phase_ = Phase::literals;
      [[fallthrough]];
    case Phase::literals: {
      const std::size_t count = std::min(
          {literals_, distance(views.in, views.in_end), distance(views.out, views.out_end)});
      if (count != 0) std::memcpy(views.out, views.in, count);
      views.in += count;
      views.out += count;
      in_left_ -= count;
      literals_ -= count;
      if (literals_ != 0) {
        return views.in == views.in_end ? DecodeOutcome::need_input : DecodeOutcome::need_output;
      }
      if (in_left_ == 0) return DecodeOutcome::done;
      phase_ = Phase::offset_low;
    }
      [[fallthrough]];
    case Phase::offset_low:
      if (views.in == views.in_end || in_left_ == 0) return no_input();
      offset_ = *views.in++;
      --in_left_;
      phase_ = Phase::offset_high;
      [[fallthrough]];
    case Phase::offset_high:
      if (views.in == views.in_end || in_left_ == 0) return no_input();
      offset_ |= static_cast<std::size_t>(*views.in++) << 8;
      --in_left_;
      if (offset_ == 0) return corrupt("a match has offset 0");
      phase_ = Phase::match_length;
      [[fallthrough]];
    case Phase::match_length:
      if (match_ >= kLengthMask && !read_length(views, match_)) return no_input();
      match_ += kMinMatch;
      if (match_ > out_left_) return corrupt("a block decodes to more than the frame allows");
      out_left_ -= match_;
      phase_ = Phase::match;
      [[fallthrough]];
    case Phase::match:
      if (!copy_match(views)) return corrupt("a match starts before the first byte");
      if (match_ != 0) return DecodeOutcome::need_output;
      if (in_left_ == 0) return corrupt("a block ends with a match");
      phase_ = Phase::token;
  }
  return DecodeOutcome::done;
}

DecodeOutcome BlockDecoder::corrupt(const char* problem) noexcept {
  problem_ = problem;
  return DecodeOutcome::corrupt;
}

}  // namespace frdpu::core::lz4
