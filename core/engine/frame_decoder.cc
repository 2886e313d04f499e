#include "core/engine/frame_decoder.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/engine/lz4_format.h"

namespace frdpu::core {
namespace {

using lz4::kRawBlockFlag;

// What a match can reach, and as much again, so that history slides only once in 64 KiB.
constexpr std::size_t kReach = lz4::kMaxOffset + 1;
constexpr std::size_t kKeptBytes = 2 * kReach;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
  return (bytes + 63) & ~std::size_t{63};
}

std::size_t kept_capacity(const FrameHeader& header, bool dictionary) noexcept {
  // History is never longer than the content. The claim can only make memory smaller, and
  // content beyond it is refused before it is kept.
  if (!dictionary && header.content_bytes && *header.content_bytes < kKeptBytes) {
    return static_cast<std::size_t>(*header.content_bytes);
  }
  return kKeptBytes;
}

std::size_t workspace_for(const FrameHeader& header, bool dictionary) noexcept {
  return round_up(sizeof(FrameDecoder)) + round_up(kept_capacity(header, dictionary));
}

const std::uint8_t* raw(Bytes bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

Bytes viewed(const std::uint8_t* from, std::size_t size) noexcept {
  return std::as_bytes(std::span(from, size));
}

}  // namespace

std::size_t lz4_decoder_workspace_bytes(const FrameHeader& header) noexcept {
  if (header.skippable) return 0;
  return workspace_for(header, header.dictionary_id.has_value());
}

Result<Decoder*> place_lz4_decoder(const FrameHeader& header, const Dictionary* dictionary,
                                   MutableBytes workspace) noexcept {
  if (header.skippable) return fail(Errc::invalid_parameter, "a skippable frame needs no decoder");
  if (header.dictionary_id &&
      (dictionary == nullptr || dictionary->id() != *header.dictionary_id)) {
    return std::unexpected<Error>(Error{.code = Errc::missing_dictionary,
                                        .detail = "the LZ4 frame names a dictionary",
                                        .observed = *header.dictionary_id});
  }
  const std::size_t needed = workspace_for(header, dictionary != nullptr);
  if (workspace.size() < needed || reinterpret_cast<std::uintptr_t>(workspace.data()) % 64 != 0) {
    return std::unexpected<Error>(Error{.code = Errc::invalid_size,
                                        .detail = "the LZ4 decoder's workspace does not fit",
                                        .limit = needed,
                                        .observed = workspace.size()});
  }
  const MutableBytes kept = workspace.subspan(round_up(sizeof(FrameDecoder)),
                                              kept_capacity(header, dictionary != nullptr));
  const Bytes content = dictionary == nullptr ? Bytes{} : dictionary->content();
  return ::new (workspace.data()) FrameDecoder(header, content, kept);
}

struct FrameDecoder::Cursor {
  const std::uint8_t* in;
  const std::uint8_t* const in_begin;
  const std::uint8_t* const in_end;
  std::uint8_t* out;
  std::uint8_t* floor;  // what this view holds of the history starts here
  std::uint8_t* const out_begin;
  std::uint8_t* const out_end;
  const bool input_ends;
};

FrameDecoder::FrameDecoder(const FrameHeader& header, Bytes dictionary, MutableBytes kept) noexcept
    : header_bytes_(header.header_bytes),
      block_limit_(static_cast<std::size_t>(header.window_bytes.value_or(0))),
      declared_bytes_(header.content_bytes),
      legacy_(header.legacy),
      dictionary_(dictionary.last(std::min(dictionary.size(), kReach))),
      history_end_(raw(dictionary_) + dictionary_.size()),
      history_bytes_(dictionary_.size()),
      kept_(reinterpret_cast<std::uint8_t*>(kept.data())),
      kept_capacity_(kept.size()) {}

Bytes FrameDecoder::unread() const noexcept {
  return viewed(held_, phase_ == Phase::done && legacy_ ? held_bytes_ : 0);
}

Error FrameDecoder::error(Errc code, const char* detail, const Cursor& cursor) const noexcept {
  return {.code = code,
          .detail = detail,
          .offset = consumed_ + static_cast<std::uint64_t>(cursor.in - cursor.in_begin)};
}

Result<Progress> FrameDecoder::step(Bytes input, MutableBytes output, Flush flush) noexcept {
  auto* const out = reinterpret_cast<std::uint8_t*>(output.data());
  Cursor cursor{.in = raw(input),
                .in_begin = raw(input),
                .in_end = raw(input) + input.size(),
                .out = out,
                .floor = out,
                .out_begin = out,
                .out_end = out + output.size(),
                .input_ends = flush == Flush::finish};
  StepState state = StepState::done;
  while (phase_ != Phase::done) {
    Result<StepState> advanced = advance(cursor);
    if (!advanced) return std::unexpected<Error>(advanced.error());
    if (*advanced == StepState::done) continue;
    state = *advanced;
    break;
  }
  if (phase_ != Phase::done) {
    if (state == StepState::need_input && cursor.input_ends) {
      return std::unexpected<Error>(
          error(Errc::truncated_input, "the input ends within an LZ4 frame", cursor));
    }
    keep_history(cursor);
  }
  const Progress progress{.consumed = static_cast<std::size_t>(cursor.in - cursor.in_begin),
                          .produced = static_cast<std::size_t>(cursor.out - cursor.out_begin),
                          .state = state};
  consumed_ += progress.consumed;
  return progress;
}

/// Does the work of one phase. Returns: `done` to go on with the next phase.
Result<StepState> FrameDecoder::advance(Cursor& cursor) noexcept {
  switch (phase_) {
    case Phase::header:
      if (!collect(cursor, header_bytes_)) return StepState::need_input;
      if (!legacy_) flags_ = lz4::frame_flags(held_);
      flags_.independent |= legacy_;
      held_bytes_ = 0;
      phase_ = Phase::block_size;
      return StepState::done;
    case Phase::block_size:
      if (!collect(cursor, 4)) {
        // Nothing but the end of the input ends a legacy frame.
        if (!legacy_ || held_bytes_ != 0 || !cursor.input_ends) return StepState::need_input;
        phase_ = Phase::done;
        return StepState::done;
      }
      return begin_block(cursor);
    case Phase::raw_block:
      return copy_raw(cursor);
    case Phase::encoded_block:
      return decode_block(cursor);
    case Phase::block_checksum:
      if (!collect(cursor, 4)) return StepState::need_input;
      if (lz4::load_le32(held_) != block_hash_.digest()) {
        return std::unexpected<Error>(
            error(Errc::checksum_mismatch, "an LZ4 block's checksum is wrong", cursor));
      }
      held_bytes_ = 0;
      phase_ = Phase::block_size;
      return StepState::done;
    case Phase::content_checksum:
      if (!collect(cursor, 4)) return StepState::need_input;
      if (lz4::load_le32(held_) != content_hash_.digest()) {
        return std::unexpected<Error>(
            error(Errc::checksum_mismatch, "the LZ4 frame's content checksum is wrong", cursor));
      }
      phase_ = Phase::done;
      return StepState::done;
    case Phase::done:
      break;
  }
  return StepState::done;
}

/// Gathers a field of `wanted` bytes in `held_`. Returns: whether it is whole.
bool FrameDecoder::collect(Cursor& cursor, std::size_t wanted) noexcept {
  const std::size_t count =
      std::min(wanted - held_bytes_, static_cast<std::size_t>(cursor.in_end - cursor.in));
  if (count != 0) std::memcpy(held_ + held_bytes_, cursor.in, count);
  held_bytes_ += count;
  cursor.in += count;
  return held_bytes_ == wanted;
}

/// Reads a block's size field and starts the block, or ends the frame.
Result<StepState> FrameDecoder::begin_block(Cursor& cursor) noexcept {
  const std::uint32_t field = lz4::load_le32(held_);
  if (legacy_ && field > lz4::block_bound(lz4::kLegacyBlockBytes)) {
    phase_ = Phase::done;  // a magic number: see unread()
    return StepState::done;
  }
  held_bytes_ = 0;
  if (!legacy_ && field == 0) return end_content(cursor);

  const bool is_raw = !legacy_ && (field & kRawBlockFlag) != 0;
  const std::size_t size = legacy_ ? field : field & ~kRawBlockFlag;
  std::size_t limit = block_limit_;
  if (!legacy_ && size > limit) {
    return std::unexpected<Error>(
        error(Errc::corrupt_input, "an LZ4 block is larger than its frame allows", cursor));
  }
  if (declared_bytes_) {
    limit = static_cast<std::size_t>(std::min<std::uint64_t>(limit, *declared_bytes_ - produced_));
  }
  if (is_raw && size > limit) {
    return std::unexpected<Error>(
        error(Errc::corrupt_input, "the LZ4 frame holds more than it declares", cursor));
  }
  block_hash_.reset();
  if (flags_.independent) {
    cursor.floor = cursor.out;
    history_end_ = raw(dictionary_) + dictionary_.size();
    history_bytes_ = dictionary_.size();
    kept_bytes_ = 0;
  }
  if (is_raw) {
    raw_left_ = size;
    phase_ = Phase::raw_block;
  } else {
    block_.begin(size, limit);
    phase_ = Phase::encoded_block;
  }
  return StepState::done;
}

Result<StepState> FrameDecoder::copy_raw(Cursor& cursor) noexcept {
  const std::size_t count =
      std::min({raw_left_, static_cast<std::size_t>(cursor.in_end - cursor.in),
                static_cast<std::size_t>(cursor.out_end - cursor.out)});
  const std::uint8_t* const in_from = cursor.in;
  std::uint8_t* const out_from = cursor.out;
  if (count != 0) std::memcpy(cursor.out, cursor.in, count);
  cursor.in += count;
  cursor.out += count;
  raw_left_ -= count;
  account(cursor, in_from, out_from);
  if (raw_left_ == 0) return end_block();
  return cursor.in == cursor.in_end ? StepState::need_input : StepState::need_output;
}

Result<StepState> FrameDecoder::decode_block(Cursor& cursor) noexcept {
  lz4::DecodeViews views{.in = cursor.in,
                         .in_end = cursor.in_end,
                         .floor = cursor.floor,
                         .out = cursor.out,
                         .out_end = cursor.out_end,
                         .history_end = history_end_,
                         .history_bytes = history_bytes_};
  const lz4::DecodeOutcome outcome = block_.run(views);
  const std::uint8_t* const in_from = cursor.in;
  std::uint8_t* const out_from = cursor.out;
  cursor.in = views.in;
  cursor.out = views.out;
  switch (outcome) {
    case lz4::DecodeOutcome::corrupt:
      return std::unexpected<Error>(error(Errc::corrupt_input, block_.problem(), cursor));
    case lz4::DecodeOutcome::need_input:
      account(cursor, in_from, out_from);
      return StepState::need_input;
    case lz4::DecodeOutcome::need_output:
      account(cursor, in_from, out_from);
      return StepState::need_output;
    case lz4::DecodeOutcome::done:
      break;
  }
  account(cursor, in_from, out_from);
  return end_block();
}

StepState FrameDecoder::end_block() noexcept {
  phase_ = flags_.block_checksum ? Phase::block_checksum : Phase::block_size;
  return StepState::done;
}

Result<StepState> FrameDecoder::end_content(Cursor& cursor) noexcept {
  if (declared_bytes_ && produced_ != *declared_bytes_) {
    Error mismatch =
        error(Errc::corrupt_input, "the LZ4 frame holds less than it declares", cursor);
    mismatch.limit = *declared_bytes_;
    mismatch.observed = produced_;
    return std::unexpected<Error>(mismatch);
  }
  phase_ = flags_.content_checksum ? Phase::content_checksum : Phase::done;
  return StepState::done;
}

/// Adds what was read and written of a block to the checksums while it is in the cache.
void FrameDecoder::account(const Cursor& cursor, const std::uint8_t* in_from,
                           const std::uint8_t* out_from) noexcept {
  const auto produced = static_cast<std::size_t>(cursor.out - out_from);
  if (flags_.block_checksum) {
    block_hash_.update(viewed(in_from, static_cast<std::size_t>(cursor.in - in_from)));
  }
  if (flags_.content_checksum) content_hash_.update(viewed(out_from, produced));
  produced_ += produced;
}

/// Keeps what later matches may refer to of this view, which is gone after the step.
void FrameDecoder::keep_history(const Cursor& cursor) noexcept {
  const auto fresh = static_cast<std::size_t>(cursor.out - cursor.floor);
  const bool block_open = phase_ == Phase::encoded_block;
  const bool complete = declared_bytes_ && produced_ == *declared_bytes_;
  if (fresh == 0 || complete || (flags_.independent && !block_open)) return;

  const auto keep = [this](const std::uint8_t* from, std::size_t size) {
    if (size >= kReach) {
      from += size - kReach;
      size = kReach;
      kept_bytes_ = 0;
    } else if (size > kept_capacity_ - kept_bytes_) {
      const std::size_t latest = std::min(kept_bytes_, kReach);
      std::memmove(kept_, kept_ + kept_bytes_ - latest, latest);
      kept_bytes_ = latest;
    }
    std::memcpy(kept_ + kept_bytes_, from, size);
    kept_bytes_ += size;
  };
  if (kept_bytes_ == 0 && history_bytes_ != 0) keep(history_end_ - history_bytes_, history_bytes_);
  keep(cursor.floor, fresh);
  history_end_ = kept_ + kept_bytes_;
  history_bytes_ = std::min(kept_bytes_, kReach);
}

}  // namespace frdpu::core
