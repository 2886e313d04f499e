#include "core/brotli_encoder.h"

#include <brotli/encode.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/coding.h"

namespace frdpu::core {
namespace {

constexpr int kMinLgwin = 10;
constexpr int kMaxLgwin = 24;

// Qualities 0 and 1 compress each call's input by itself, so calls should be large: 64 KiB instead
// of 256 KiB cost 11 to 14 % of size. Source: measured over the corpus, core/README.md.
constexpr int kFastestLgwin = 18;
constexpr std::size_t kFastestBytes = std::size_t{1} << kFastestLgwin;

// Left alone, brotli's metablocks grow to twice the window, and its buffers of commands and output
// with them. Ended after this many bytes, they take the same memory at every window from 256 KiB
// up. Results change by 0.02 % at most, to both sides. Source: measured, core/README.md.
constexpr std::size_t kMetablockBytes = 256 * kKiB;
constexpr std::size_t kBestMetablockBytes = 512 * kKiB;  // qualities 10 and 11: 256 KiB cost 0.1 %

int lgwin_within(std::uint64_t window_bytes) noexcept {
  return static_cast<int>(std::bit_width(window_bytes + 16)) - 1;
}

// A window that reaches over the whole content but for its last 16 bytes.
int lgwin_for_content(std::uint64_t content_bytes) noexcept {
  return content_bytes <= 1 ? 0 : static_cast<int>(std::bit_width(content_bytes - 1));
}

}  // namespace

BrotliPlan BrotliPlan::from(const EncoderParams& params) noexcept {
  BrotliPlan plan{.quality = params.level};
  const std::uint32_t window = params.window_bytes != 0
                                   ? params.window_bytes
                                   : traits(Coding::br).window_bytes.default_value;
  plan.lgwin = std::clamp(lgwin_within(window), kMinLgwin, kMaxLgwin);
  if (plan.quality < 2) {
    // Their streams never state less than 256 KiB; quality 2 can keep to a smaller window.
    if (plan.lgwin < kFastestLgwin) {
      plan.quality = 2;
    } else {
      plan.lgwin = kFastestLgwin;
      if (!params.whole) {
        plan.gather_bytes = static_cast<std::size_t>(std::clamp<std::uint64_t>(
            params.content_bytes.value_or(kFastestBytes), 1, kFastestBytes));
      }
    }
  }
  if (plan.quality >= 2) {
    plan.metablock_bytes = plan.quality < 10 ? kMetablockBytes : kBestMetablockBytes;
  }
  if (plan.quality >= 2 && params.content_bytes) {
    plan.lgwin =
        std::max(std::min(plan.lgwin, lgwin_for_content(*params.content_bytes)), kMinLgwin);
  }
  return plan;
}

BrotliEncoder::BrotliEncoder(const EncoderParams& params, const BrotliPlan& plan, MutableBytes heap,
                             MutableBytes gather) noexcept
    : heap_(heap),
      plan_(plan),
      metablock_left_(plan.metablock_bytes),
      pledged_bytes_(params.content_bytes),
      gather_(gather) {}

void* BrotliEncoder::hook_allocate(void* opaque, std::size_t bytes) {
  auto* const self = static_cast<BrotliEncoder*>(opaque);
  void* const address = self->heap_.allocate(bytes);
  if (address == nullptr && self->jump_armed_) std::longjmp(self->jump_, 1);
  return address;
}

void BrotliEncoder::hook_free(void* opaque, void* address) {
  static_cast<BrotliEncoder*>(opaque)->heap_.deallocate(address);
}

Result<void> BrotliEncoder::create() noexcept {
  state_ = BrotliEncoderCreateInstance(&hook_allocate, &hook_free, this);
  if (state_ == nullptr) return fail(Errc::invalid_size, "the workspace is too small for brotli");
  BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY,
                            static_cast<std::uint32_t>(plan_.quality));
  BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, static_cast<std::uint32_t>(plan_.lgwin));
  // Left at 0 it becomes the size of the first view, and from 1 MiB on doubles the memory.
  BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT, 1);
  return {};
}

Result<Progress> BrotliEncoder::step(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (output.empty()) return Progress{.state = StepState::need_output};
  Progress progress;
  if (flush_under_way_) {  // nothing else may be asked for before that is complete
    const auto flushed = run({}, output, Operation::flush);
    if (!flushed || flushed->state == StepState::need_output) return flushed;
    progress.produced = flushed->produced;
    output = output.subspan(flushed->produced);
    if (output.empty()) return Progress{0, progress.produced, StepState::need_output};
  }
  const Operation operation = flush == Flush::finish  ? Operation::finish
                              : flush == Flush::flush ? Operation::flush
                                                      : Operation::process;
  const auto stepped =
      plan_.gather_bytes != 0 ? step_gathered(input, output, flush) : run(input, output, operation);
  if (!stepped) return stepped;
  content_bytes_ += stepped->consumed;
  if (auto kept = check_pledge(stepped->state == StepState::done); !kept) {
    return std::unexpected(kept.error());
  }
  progress.consumed = stepped->consumed;
  progress.produced += stepped->produced;
  progress.state = stepped->state;
  return progress;
}

Result<Progress> BrotliEncoder::step_gathered(Bytes input, MutableBytes output,
                                              Flush flush) noexcept {
  Progress total;
  for (;;) {
    if (!submitting_) {
      const Bytes rest = input.subspan(total.consumed);
      const std::size_t bytes = std::min(rest.size(), gather_.size() - gather_end_);
      if (bytes != 0) std::memcpy(gather_.data() + gather_end_, rest.data(), bytes);
      gather_end_ += bytes;
      total.consumed += bytes;
    }
    const bool last = total.consumed == input.size() && flush != Flush::none;
    submitting_ = submitting_ || last || gather_end_ == gather_.size();
    if (!submitting_) return total;
    const Operation operation = !last                    ? Operation::process
                                : flush == Flush::finish ? Operation::finish
                                                         : Operation::flush;
    const auto ran = run(Bytes(gather_).subspan(gather_begin_, gather_end_ - gather_begin_),
                         output.subspan(total.produced), operation);
    if (!ran) return ran;
    gather_begin_ += ran->consumed;
    total.produced += ran->produced;
    total.state = ran->state;
    if (ran->state != StepState::need_input) return total;
    submitting_ = false;
    gather_begin_ = gather_end_ = 0;
    if (last) return total;
  }
}

Result<Progress> BrotliEncoder::run(Bytes input, MutableBytes output,
                                    Operation operation) noexcept {
  Progress total;
  for (;;) {
    const Bytes rest = input.subspan(total.consumed);
    const Bytes slice = rest.first(std::min(rest.size(), metablock_left_));
    const bool last = slice.size() == rest.size();
    Operation now = last ? operation : Operation::process;
    if (now == Operation::process && slice.size() == metablock_left_) now = Operation::flush;
    next_in_ = reinterpret_cast<const std::uint8_t*>(slice.data());
    available_in_ = slice.size();
    next_out_ = reinterpret_cast<std::uint8_t*>(output.data() + total.produced);
    available_out_ = output.size() - total.produced;
    if (!call_library(now)) {
      return fail(Errc::internal_error, "brotli needed more memory than its workspace has");
    }
    const std::size_t taken = slice.size() - available_in_;
    metablock_left_ -= taken;
    total.consumed += taken;
    total.produced = output.size() - available_out_;
    if (now == Operation::finish) {
      total.state = BrotliEncoderIsFinished(state_) != 0 ? StepState::done : StepState::need_output;
      return total;
    }
    if (available_in_ != 0 || has_more_output()) {
      flush_under_way_ = now == Operation::flush && available_in_ == 0;
      total.state = StepState::need_output;
      return total;
    }
    flush_under_way_ = false;
    if (now == Operation::flush) metablock_left_ = plan_.metablock_bytes;
    if (last) return total;
  }
}

// Holds no object that a jump would have to destroy.
bool BrotliEncoder::call_library(Operation operation) noexcept {
  if (setjmp(jump_) != 0) {
    jump_armed_ = false;
    return false;
  }
  jump_armed_ = true;
  const BrotliEncoderOperation named = operation == Operation::finish  ? BROTLI_OPERATION_FINISH
                                       : operation == Operation::flush ? BROTLI_OPERATION_FLUSH
                                                                       : BROTLI_OPERATION_PROCESS;
  const bool good = BrotliEncoderCompressStream(state_, named, &available_in_, &next_in_,
                                                &available_out_, &next_out_, nullptr) != 0;
  jump_armed_ = false;
  return good;
}

std::uint64_t BrotliEncoder::held_bytes() const noexcept {
  return plan_.gather_bytes != 0 ? gather_end_ - gather_begin_
                                 : plan_.metablock_bytes - metablock_left_;
}

bool BrotliEncoder::has_more_output() const noexcept {
  return BrotliEncoderHasMoreOutput(state_) != 0;
}

Result<void> BrotliEncoder::check_pledge(bool ended) const noexcept {
  if (!pledged_bytes_ || content_bytes_ == *pledged_bytes_ ||
      (content_bytes_ < *pledged_bytes_ && !ended)) {
    return {};
  }
  return std::unexpected(Error{.code = Errc::invalid_size,
                               .detail = "the input is not as long as was pledged",
                               .limit = *pledged_bytes_,
                               .observed = content_bytes_});
}

}  // namespace frdpu::core
