#include "core/body_decoder.h"

#include <algorithm>
#include <cassert>

namespace frdpu::core {
namespace {

// Every coding can go on with this much output room (codec.h).
constexpr std::size_t kEnoughRoomBytes = 64;

}  // namespace

BodyDecoder::BodyDecoder(Coding coding, const DecodeLimits& limits, WorkspacePools& pools,
                         DictionarySource* dictionaries) noexcept
    : coding_(coding), limits_(limits), pools_(pools), dictionaries_(dictionaries) {}

Result<Progress> BodyDecoder::step(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (phase_ == Phase::failed) return fail(Errc::internal_error, "the body broke before");
  Views views{input, output, flush == Flush::finish};
  Result<StepState> state = run(views);
  const std::size_t consumed = input.size() - views.input.size();
  const std::size_t produced = output.size() - views.output.size();
  if (!state && state.error().code == Errc::pool_exhausted) {
    // What was done before counts; the next step comes to the same place with nothing taken.
    if (consumed + produced == 0) return std::unexpected(state.error());
    state = StepState::need_output;
  }
  if (state && *state == StepState::need_output && consumed + produced == 0 &&
      output.size() >= kEnoughRoomBytes) {
    if (++idle_steps_ > 1) state = fail(Errc::internal_error, "a decoder gets nowhere");
  } else {
    idle_steps_ = 0;
  }
  if (!state) {
    phase_ = Phase::failed;
    decoder_.reset();
    spare_.release();
    return std::unexpected(state.error());
  }
  if (*state != StepState::need_output) spare_.release();
  return Progress{consumed, produced, *state};
}

Result<StepState> BodyDecoder::run(Views& views) noexcept {
  for (;;) {
    switch (phase_) {
      case Phase::between: {
        const Result<bool> began = begin_frame(views);
        if (!began) return std::unexpected(began.error());
        if (!*began) return phase_ == Phase::ended ? StepState::done : StepState::need_input;
        break;
      }
      case Phase::skipping:
        if (skip(views)) break;
        if (!views.input_ends) return StepState::need_input;
        return std::unexpected(
            at({.code = Errc::truncated_input, .detail = "the body ends within a skippable frame"},
               consumed_));
      case Phase::decoding: {
        const Result<StepState> state = decode(views);
        if (!state) return std::unexpected(state.error());
        if (*state != StepState::done) return *state;
        end_frame();
        break;
      }
      case Phase::ended:
      case Phase::failed:
        return StepState::done;
    }
  }
}

// Returns: false when there is nothing to begin with (yet, or `ended`).
Result<bool> BodyDecoder::begin_frame(Views& views) noexcept {
  const Bytes held_bytes = held();
  const bool nothing = held_bytes.empty() && views.input.empty();
  if (nothing && !views.input_ends) return false;
  if (nothing && (frames_ != 0 || coding_ == Coding::identity)) {
    phase_ = Phase::ended;
    return false;
  }
  frame_start_ = consumed_ - held_bytes.size();
  if (frames_ != 0 && !takes_more_frames(coding_)) {
    return std::unexpected(
        at({.code = Errc::trailing_data, .detail = "bytes after the end"}, frame_start_));
  }

  std::array<std::byte, 2 * kMaxFrameHeaderBytes> joined;
  Bytes prefix = views.input;
  if (!held_bytes.empty()) {
    const std::size_t more = std::min(views.input.size(), kMaxFrameHeaderBytes);
    std::ranges::copy(held_bytes, joined.begin());
    std::ranges::copy(views.input.first(more), joined.begin() + held_bytes.size());
    prefix = Bytes(joined).first(held_bytes.size() + more);
  }
  prefix = prefix.first(std::min(prefix.size(), kMaxFrameHeaderBytes));
  const bool all = prefix.size() >= held_bytes.size() + views.input.size();
  const auto parsed =
      read_frame_header(coding_, prefix, views.input_ends && all, limits_, so_far());
  if (!parsed) return refuse_frame(parsed.error());
  const std::optional<FrameHeader> header = *parsed;
  if (!header) {
    if (!all) return fail(Errc::internal_error, "a header parser asks for too much");
    std::ranges::copy(prefix, held_.begin());
    held_begin_ = 0;
    held_end_ = prefix.size();
    consumed_ += views.input.size();
    views.input = {};
    return false;
  }
  if (auto checked = check_limits(*header, limits_, so_far()); !checked) {
    return refuse_frame(checked.error());
  }
  if (header->skippable) {
    skip_bytes_ = saturating_add(header->header_bytes, header->content_bytes.value_or(0));
    phase_ = Phase::skipping;
    return true;
  }
  if (auto leased = lease(*header); !leased) return std::unexpected(leased.error());
  phase_ = Phase::decoding;
  return true;
}

Result<void> BodyDecoder::lease(const FrameHeader& header) noexcept {
  const auto dictionary = find_dictionary(header, dictionaries_);
  if (!dictionary) return refuse_frame(dictionary.error());
  if (!spare_ || spare_.size() < header.workspace_bytes) {
    spare_.release();
    auto block = pools_.acquire(coding_, Direction::decompress, header.workspace_bytes);
    if (!block) {
      if (block.error().code != Errc::configuration) return std::unexpected(block.error());
      return refuse_frame(no_workspace(header, pools_));
    }
    spare_ = std::move(*block);
  }
  auto placed = place_decoder(header, *dictionary, spare_.bytes());
  if (!placed) return std::unexpected(at(placed.error(), frame_start_));
  decoder_ = Leased<Decoder>(*placed, std::move(spare_));
  return {};
}

// Returns: whether the skippable frame is over.
bool BodyDecoder::skip(Views& views) noexcept {
  const auto from_held =
      static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, held().size()));
  held_begin_ += from_held;
  skip_bytes_ -= from_held;
  const auto from_input =
      static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, views.input.size()));
  take(views, from_input);
  skip_bytes_ -= from_input;
  if (skip_bytes_ != 0) return false;
  ++frames_;
  phase_ = Phase::between;
  return true;
}

Result<StepState> BodyDecoder::decode(Views& views) noexcept {
  for (;;) {
    const bool from_held = !held().empty();
    const Bytes source = from_held ? held() : views.input;
    const bool last = views.input_ends && (!from_held || views.input.empty());
    MutableBytes room = views.output;
    if (limits_.max_output_bytes != 0) {
      // A little more than allowed, so that too much is seen and not only a full view.
      const std::uint64_t allowed = limits_.max_output_bytes - produced_;
      if (room.size() > kEnoughRoomBytes && allowed < room.size() - kEnoughRoomBytes) {
        room = room.first(static_cast<std::size_t>(allowed) + kEnoughRoomBytes);
      }
    }
    const auto stepped = decoder_->step(source, room, last ? Flush::finish : Flush::none);
    if (!stepped) {
      const auto offset = stepped.error().offset;
      return std::unexpected(at(stepped.error(), offset ? frame_start_ + *offset : consumed_));
    }
    if (from_held) {
      held_begin_ += stepped->consumed;
    } else {
      take(views, stepped->consumed);
    }
    produced_ += stepped->produced;
    views.output = views.output.subspan(stepped->produced);
    if (auto checked = check_output(); !checked) return std::unexpected(checked.error());
    if (stepped->state != StepState::need_input) return stepped->state;
    if (last) {
      return std::unexpected(
          at({.code = Errc::truncated_input, .detail = "the body ends within a frame"}, consumed_));
    }
    if (stepped->consumed < source.size()) {
      return fail(Errc::internal_error, "a decoder wants input and leaves some");
    }
    if (views.input.empty()) return StepState::need_input;
  }
}

Result<void> BodyDecoder::check_output() const noexcept {
  if (limits_.max_output_bytes != 0 && produced_ > limits_.max_output_bytes) {
    return std::unexpected(at({.code = Errc::output_limit_exceeded,
                               .detail = "the output is larger than allowed",
                               .limit = limits_.max_output_bytes,
                               .observed = produced_},
                              consumed_));
  }
  if (limits_.max_ratio != 0 && produced_ > kRatioFreeBytes &&
      produced_ > saturating_multiply(consumed_, limits_.max_ratio)) {
    return std::unexpected(at({.code = Errc::ratio_limit_exceeded,
                               .detail = "the output is too large for its input",
                               .limit = limits_.max_ratio,
                               .observed = produced_ / std::max<std::uint64_t>(consumed_, 1)},
                              consumed_));
  }
  return {};
}

void BodyDecoder::end_frame() noexcept {
  // What a decoder took of the next frame goes in front of what is held already.
  const Bytes unread = decoder_->unread();
  const Bytes rest = held();
  std::array<std::byte, 2 * kMaxFrameHeaderBytes> joined;
  assert(unread.size() + rest.size() <= joined.size());
  std::ranges::copy(unread, joined.begin());
  std::ranges::copy(rest, joined.begin() + unread.size());
  held_end_ = unread.size() + rest.size();
  held_begin_ = 0;
  std::ranges::copy(Bytes(joined).first(held_end_), held_.begin());
  spare_ = decoder_.take_block();
  ++frames_;
  phase_ = Phase::between;
}

void BodyDecoder::take(Views& views, std::size_t bytes) noexcept {
  views.input = views.input.subspan(bytes);
  consumed_ += bytes;
}

Bytes BodyDecoder::held() const noexcept {
  return Bytes(held_).subspan(held_begin_, held_end_ - held_begin_);
}

std::unexpected<Error> BodyDecoder::refuse_frame(const Error& error) const noexcept {
  return std::unexpected(at(error, frame_start_ + error.offset.value_or(0)));
}

Error BodyDecoder::at(Error error, std::uint64_t offset) const noexcept {
  error.offset = offset;
  return error;
}

}  // namespace frdpu::core
