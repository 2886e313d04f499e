#include "core/engine/block_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/engine/lz4_format.h"
#include "core/engine/match_copy.h"

namespace frdpu::core::lz4 {
namespace {

// A short sequence has no length continued: token 1, literals 14, offset 2. Its literals are read
// as 16 bytes, which end where the offset does.
constexpr std::size_t kShortInput = 18;
// ... and it decodes to 14 literals and a match of 18, copied as 8, 8 and 2.
constexpr std::size_t kShortOutput = 32;

std::size_t distance(const std::uint8_t* from, const std::uint8_t* to) noexcept {
  return static_cast<std::size_t>(to - from);
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

/// The input of one run, and how far it came. Local copies: the views are in memory.
struct Cursor {
  const std::uint8_t* in;
  std::uint8_t* out;
};

/// Copies a match that may start in the history. Requires: `length + kOverrun` bytes of room when
/// `wild`, `length` otherwise. Returns: false when it starts before the first byte.
bool copy_far_match(const DecodeViews& views, std::uint8_t* out, std::size_t offset,
                    std::size_t length, bool wild) noexcept {
  const std::size_t reach = distance(views.floor, out);
  if (offset > reach) {
    const std::size_t back = offset - reach;
    if (back > views.history_bytes) return false;
    const std::size_t from_history = std::min(back, length);
    if (wild && back >= length + kOverrun) {
      copy_wild(out, views.history_end - back, length);
    } else {
      copy_exactly(out, views.history_end - back, from_history);
    }
    out += from_history;
    length -= from_history;
    if (length == 0) return true;
  }
  if (wild) {
    copy_match_wild(out, offset, length);
  } else if (offset >= length) {
    copy_exactly(out, out - offset, length);
  } else {
    for (const std::uint8_t* from = out - offset; length != 0; --length) *out++ = *from++;
  }
  return true;
}

enum class Taken : std::uint8_t { sequence, last, nothing, offset_zero, offset_too_far };

/// Takes one sequence by exact copies. Returns: `nothing`, with the cursor where it was, when the
/// views do not hold the whole; `last` behind the literals that end the input.
Taken take_exactly(const DecodeViews& views, const std::uint8_t* in_end, bool block_ends,
                   Cursor& cursor) noexcept {
  Cursor now = cursor;
  if (now.in == in_end) return Taken::nothing;
  const unsigned token = *now.in++;
  std::size_t literals = token >> 4;
  if (literals == kLengthMask && !read_extension(now.in, in_end, literals)) return Taken::nothing;
  if (literals > distance(now.in, in_end) || literals > distance(now.out, views.out_end)) {
    return Taken::nothing;
  }
  copy_exactly(now.out, now.in, literals);
  now.in += literals;
  now.out += literals;
  if (now.in == in_end && block_ends) {
    cursor = now;
    return Taken::last;
  }
  if (distance(now.in, in_end) < 2) return Taken::nothing;
  const std::size_t offset = load_le16(now.in);
  now.in += 2;
  std::size_t length = token & kLengthMask;
  if (length == kLengthMask && !read_extension(now.in, in_end, length)) return Taken::nothing;
  length += kMinMatch;
  const std::size_t room = distance(now.out, views.out_end);
  if (length > room) return Taken::nothing;
  if (offset == 0) return Taken::offset_zero;
  if (!copy_far_match(views, now.out, offset, length, length + kOverrun <= room)) {
    return Taken::offset_too_far;
  }
  now.out += length;
  cursor = now;
  return Taken::sequence;
}

/// Takes sequences while each has room around it for copies that run over. Returns: where it
/// stopped, before a sequence that is too close to an end, too long (a length of more than one
/// further byte) or wrong.
///
/// Loads come before stores where they can, the next token's above all: a load that has to wait
/// for a store it might depend on holds up all that follows. With `kHistory`, matches in the
/// history are as common as others, and copied by the same code.
template <bool kHistory>
Cursor take_short(const DecodeViews& views, const std::uint8_t* in_end, Cursor from) noexcept {
  const std::uint8_t* in = from.in;
  std::uint8_t* out = from.out;
  std::uint8_t* const out_end = views.out_end;
  const auto floor = reinterpret_cast<std::uintptr_t>(views.floor);
  if (distance(in, in_end) < kShortInput || distance(out, out_end) < kShortOutput) return from;
  const std::uint8_t* const last_in = in_end - kShortInput;
  std::uint8_t* const last_out = out_end - kShortOutput;
  [[maybe_unused]] const std::uint8_t* const history_end = views.history_end;
  [[maybe_unused]] const std::size_t history_bytes = views.history_bytes;

  std::size_t token = *in;
  while (in <= last_in && out <= last_out) {
    from = {in, out};
    ++in;
    std::size_t literals = token >> 4;
    std::size_t length = token & kLengthMask;
    std::size_t offset;
    if (literals != kLengthMask) [[likely]] {
      const auto bytes = load_chunk<16>(in);
      in += literals;
      offset = load_le16(in);
      store_chunk(out, bytes);
      out += literals;
    } else {
      if (*in == 255) return from;
      literals += *in++;
      if (distance(in, in_end) < literals + kOverrun ||
          distance(out, out_end) < literals + kOverrun) {
        return from;
      }
      offset = load_le16(in + literals);
      copy_wild(out, in, literals);
      in += literals;
      out += literals;
    }
    in += 2;
    const std::uintptr_t match = reinterpret_cast<std::uintptr_t>(out) - offset;
    if (length != kLengthMask) [[likely]] {
      token = *in;
      bool near = match >= floor && offset >= 8;
      const auto* there = reinterpret_cast<const std::uint8_t*>(match);
      if constexpr (kHistory) {
        const std::uintptr_t back = floor - match;  // huge for what is not in the history
        const bool far = back - kOverrun <= history_bytes - kOverrun;
        there = far ? history_end - back : there;
        near = far || near;
      }
      if (near) [[likely]] {
        std::uint8_t* const here = out;
        out += length + kMinMatch;
        copy_block<8>(here, there);
        copy_block<8>(here + 8, there + 8);
        copy_block<2>(here + 16, there + 16);
        continue;
      }
    } else {
      if (*in == 255) return from;
      length += *in++;
      if (in == in_end) return from;
      token = *in;
    }
    length += kMinMatch;
    if (offset == 0 || distance(out, out_end) < length + kOverrun) return from;
    if (match >= floor) [[likely]] {
      copy_match_wild(out, offset, length);
    } else if (kHistory && floor - match <= history_bytes && floor - match >= length + kOverrun) {
      copy_wild(out, history_end - (floor - match), length);
    } else if (!copy_far_match(views, out, offset, length, true)) {
      return from;
    }
    out += length;
  }
  return {in, out};
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
    if (phase_ == Phase::token) {
      const DecodeOutcome outcome = run_fast(views);
      if (outcome != DecodeOutcome::need_input) return outcome;
    }
    const DecodeOutcome outcome = run_careful(views);
    if (outcome != DecodeOutcome::done) return outcome;
    if (phase_ != Phase::token || in_left_ == 0) return outcome;
  }
}

/// Handles whole sequences, as far as the views hold them. Returns: `done` at the end of the block,
/// `need_input` before a sequence that is not whole; it is left untouched for the careful loop.
DecodeOutcome BlockDecoder::run_fast(DecodeViews& views) noexcept {
  const std::uint8_t* const in_end =
      views.in + std::min(distance(views.in, views.in_end), in_left_);
  const bool block_ends = distance(views.in, in_end) == in_left_;
  const bool history = views.history_bytes >= kOverrun;
  Cursor at{views.in, views.out};
  Taken taken;
  do {
    at = history ? take_short<true>(views, in_end, at) : take_short<false>(views, in_end, at);
    taken = take_exactly(views, in_end, block_ends, at);
  } while (taken == Taken::sequence);

  const std::size_t written = distance(views.out, at.out);
  in_left_ -= distance(views.in, at.in);
  views.in = at.in;
  views.out = at.out;
  if (taken == Taken::offset_zero) return corrupt("a match has offset 0");
  if (taken == Taken::offset_too_far) return corrupt("a match starts before the first byte");
  if (written > out_left_) return corrupt("a block decodes to more than the frame allows");
  out_left_ -= written;
  return taken == Taken::last ? DecodeOutcome::done : DecodeOutcome::need_input;
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
