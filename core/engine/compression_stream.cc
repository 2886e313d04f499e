#include "core/engine/compression_stream.h"

#include <algorithm>
#include <optional>

#include "core/engine/frame_decoder.h"
#include "core/engine/frame_encoder.h"

namespace frdpu::core {
namespace {

// Output room that the vector is grown by at a time.
constexpr std::size_t kRoomBytes = 64 * kKiB;

/// Runs one step into fresh room at the end of a vector.
template <class Stepper>
Result<Progress> step_into(Stepper& stepper, Bytes input, Flush flush,
                           std::vector<std::byte>& out) {
  const std::size_t from = out.size();
  out.resize(from + kRoomBytes);
  const auto progress = stepper.step(input, MutableBytes(out).subspan(from), flush);
  out.resize(from + (progress ? progress->produced : 0));
  return progress;
}

}  // namespace

Result<CompressionStream> CompressionStream::create(const EncoderParams& params) {
  CompressionStream stream;
  const auto encoder =
      place_lz4_encoder(params, stream.encoder_.vacate(lz4_encoder_workspace_bytes(params)));
  if (!encoder) return std::unexpected<Error>(encoder.error());
  stream.encoder_.adopt(*encoder);
  return stream;
}

Result<void> CompressionStream::write(Bytes piece, std::vector<std::byte>& out) {
  return run(piece, Flush::none, out);
}

Result<void> CompressionStream::flush(std::vector<std::byte>& out) {
  return run({}, Flush::flush, out);
}

Result<void> CompressionStream::finish(std::vector<std::byte>& out) {
  return run({}, Flush::finish, out);
}

Result<void> CompressionStream::run(Bytes piece, Flush flush, std::vector<std::byte>& out) {
  for (;;) {
    const auto progress = step_into(*encoder_.get(), piece, flush, out);
    if (!progress) return std::unexpected<Error>(progress.error());
    piece = piece.subspan(progress->consumed);
    if (progress->state != StepState::need_output) return {};
  }
}

Result<Progress> DecompressionStream::step(Bytes input, MutableBytes output, Flush flush) {
  const std::size_t in_size = input.size();
  const std::size_t out_size = output.size();
  const bool ends = flush == Flush::finish;
  const auto progress = [&](StepState state) {
    return Progress{
        .consumed = in_size - input.size(), .produced = out_size - output.size(), .state = state};
  };
  for (;;) {
    const auto skipped =
        static_cast<std::size_t>(std::min<std::uint64_t>(skip_left_, input.size()));
    input = input.subspan(skipped);
    skip_left_ -= skipped;
    consumed_ += skipped;
    if (decoder_) {
      const Result<StepState> state = run_frame(input, output, flush);
      if (!state) return std::unexpected<Error>(state.error());
      if (*state != StepState::done) return progress(*state);
      continue;
    }
    if (skip_left_ == 0) {
      if (ends && input.empty() && header_bytes_ == 0 && frames_ != 0) {
        return progress(StepState::done);
      }
      const Result<bool> begun = begin_frame(input, ends);
      if (!begun) return std::unexpected<Error>(begun.error());
      if (*begun) continue;
    }
    if (ends) {
      return std::unexpected<Error>(Error{.code = Errc::truncated_input,
                                          .detail = "the input ends within a skippable frame",
                                          .offset = consumed_});
    }
    return progress(StepState::need_input);
  }
}

/// Gathers a header and makes the decoder for its frame, which gets the header right away.
/// Returns: false when more input is needed, never when the input ends.
Result<bool> DecompressionStream::begin_frame(Bytes& input, bool input_ends) {
  std::optional<FrameHeader> header;
  for (;;) {
    auto parsed =
        parse_lz4_frame_header(Bytes(header_).first(header_bytes_), input_ends && input.empty());
    if (!parsed) {
      Error error = parsed.error();
      // Behind a frame, what does not even start like another was never meant to be one.
      if (frames_ != 0 && error.code == Errc::corrupt_input && error.offset == 0u) {
        error.code = Errc::trailing_data;
      }
      error.offset = frame_offset_ + error.offset.value_or(0);
      return std::unexpected<Error>(error);
    }
    header = *parsed;
    if (header) break;
    if (input.empty()) return false;
    header_[header_bytes_++] = input.front();
    input = input.subspan(1);
    ++consumed_;
  }
  ++frames_;
  const Bytes bytes = Bytes(header_).first(header_bytes_);
  header_bytes_ = 0;
  if (header->skippable) {
    skip_left_ = *header->content_bytes;
    frame_offset_ = consumed_ + skip_left_;
    return true;
  }
  if (header->content_bytes && *header->content_bytes > output_left_) {
    return std::unexpected<Error>(Error{.code = Errc::output_limit_exceeded,
                                        .detail = "a frame declares more than is allowed",
                                        .limit = output_left_,
                                        .observed = *header->content_bytes,
                                        .offset = frame_offset_});
  }
  const auto decoder =
      place_lz4_decoder(*header, nullptr, decoder_.vacate(header->workspace_bytes));
  if (!decoder) return std::unexpected<Error>(decoder.error());
  decoder_.adopt(*decoder);
  const auto fed = decoder_->step(bytes, {}, Flush::none);
  if (!fed) return std::unexpected<Error>(fed.error());
  return true;
}

/// Goes on with the current frame. Returns: `done` when it ended.
Result<StepState> DecompressionStream::run_frame(Bytes& input, MutableBytes& output, Flush flush) {
  const MutableBytes room =
      output.first(static_cast<std::size_t>(std::min<std::uint64_t>(output.size(), output_left_)));
  const auto progress = decoder_->step(input, room, flush);
  if (!progress) {
    Error error = progress.error();
    if (error.offset) *error.offset += frame_offset_;
    return std::unexpected<Error>(error);
  }
  input = input.subspan(progress->consumed);
  output = output.subspan(progress->produced);
  consumed_ += progress->consumed;
  output_left_ -= progress->produced;
  if (progress->state == StepState::need_output && output_left_ == 0) {
    return std::unexpected<Error>(Error{.code = Errc::output_limit_exceeded,
                                        .detail = "the frames hold more than is allowed",
                                        .offset = consumed_});
  }
  if (progress->state != StepState::done) return progress->state;
  const Bytes unread = decoder_->unread();
  std::ranges::copy(unread, header_.begin());
  header_bytes_ = unread.size();
  frame_offset_ = consumed_ - unread.size();
  decoder_.reset();
  return StepState::done;
}

Result<void> DecompressionStream::write(Bytes piece, std::vector<std::byte>& out) {
  return run(piece, Flush::none, out);
}

Result<void> DecompressionStream::finish(std::vector<std::byte>& out) {
  return run({}, Flush::finish, out);
}

Result<void> DecompressionStream::run(Bytes piece, Flush flush, std::vector<std::byte>& out) {
  for (;;) {
    const auto progress = step_into(*this, piece, flush, out);
    if (!progress) return std::unexpected<Error>(progress.error());
    piece = piece.subspan(progress->consumed);
    if (progress->state != StepState::need_output) return {};
  }
}

}  // namespace frdpu::core
