#include "server/estimate.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/codec_factory.h"
#include "core/estimator.h"
#include "proto/json_writer.h"
#include "server/block_pools.h"

namespace frdpu::server {
namespace {

using core::Coding;
using core::Errc;

// Picoseconds for a byte of the sample: the five codings at their default levels by the table in
// codec_task.cc (1,000 + 1,800 + 9,800 + 9,800 + 8,100), counting bytes, and the copy. Some texts
// take twice as much.
constexpr std::uint64_t kCostOfAByte = 32'000;

// What it costs beside: five encoders set up, and the recommendation. Measured for 1 to 100 bytes.
constexpr std::chrono::nanoseconds kCostOfAny = std::chrono::microseconds(50);

int default_level(Coding coding) noexcept {
  return static_cast<int>(core::traits(coding).levels.default_value);
}

// What the sample's size says of the whole. No product wraps for less than an exabyte.
std::uint64_t extrapolated(std::uint64_t encoded, std::uint64_t sampled,
                           std::uint64_t whole) noexcept {
  return encoded * (whole / sampled) + encoded * (whole % sampled) / sampled;
}

}  // namespace

core::Result<core::Progress> Estimate::step(core::Bytes input, core::MutableBytes output,
                                            core::Flush flush) noexcept {
  core::Progress progress;
  progress.consumed = gather(input);
  core::Result<void> done{};
  if (progress.consumed < input.size()) {
    done = core::fail(Errc::pool_exhausted, "no block for a sample of the body");
  } else if (flush != core::Flush::finish) {
    return progress;
  } else if (!answered_) {
    done = finish();
  }
  if (!done) {
    // What was taken counts; the next step comes to the same place with nothing taken.
    if (done.error().code != Errc::pool_exhausted || progress.consumed == 0) {
      return std::unexpected(done.error());
    }
    progress.state = core::StepState::need_output;
    return progress;
  }
  progress.produced = answer_.write_to(output);
  progress.state = answer_.empty() ? core::StepState::done : core::StepState::need_output;
  return progress;
}

std::chrono::nanoseconds Estimate::cost_estimate(std::uint64_t bytes) const noexcept {
  if (answered_) return {};
  const std::uint64_t sampled = std::min<std::uint64_t>(
      kSampleBytes, sample_.size() + std::min<std::uint64_t>(bytes, kSampleBytes));
  if (sampled == 0) return {};
  const std::uint64_t left = kCodings.size() - codings_done_;
  return (kCostOfAny + std::chrono::nanoseconds(sampled * kCostOfAByte / 1000)) * left /
         kCodings.size();
}

// Returns: bytes taken; fewer than there are when no block is left for them.
std::size_t Estimate::gather(core::Bytes input) noexcept {
  std::size_t taken = 0;
  while (taken < input.size() && sample_.size() < kSampleBytes) {
    if (sample_.tail_room().empty()) {
      auto block = blocks_.acquire_sparing(blocks_for_results(blocks_.max_blocks(), true));
      if (!block) break;
      sample_.push_back(std::move(*block), 0, 0);
    }
    const core::MutableBytes room = sample_.tail_room();
    const std::size_t bytes =
        std::min({room.size(), input.size() - taken, kSampleBytes - sample_.size()});
    std::memcpy(room.data(), input.data() + taken, bytes);
    sample_.commit(bytes);
    taken += bytes;
  }
  if (sample_.size() == kSampleBytes) taken = input.size();
  input_bytes_ += taken;
  return taken;
}

core::Result<void> Estimate::finish() noexcept {
  if (input_bytes_ == 0) return core::fail(Errc::empty_input, "there is nothing to estimate");
  Pieces pieces;
  const std::span<const core::Bytes> sample(pieces.data(), sample_.views(pieces));
  auto scratch = blocks_.acquire();
  if (!scratch) return std::unexpected(scratch.error());
  while (codings_done_ < kCodings.size()) {
    const auto encoded = encoded_bytes(kCodings[codings_done_], sample, *scratch);
    if (!encoded) return std::unexpected(encoded.error());
    encoded_bytes_[codings_done_++] = *encoded;
  }
  sampled_bytes_ = sample_.size();
  write_answer(core::entropy_bits_per_byte(sample),
               core::choose_coding(sample.front(), core::Aim::balanced, workspaces_).coding);
  sample_.clear();
  return {};
}

// Encodes as /v1/compress does: in one step what fits one block, in steps of a block what does not.
core::Result<std::uint64_t> Estimate::encoded_bytes(Coding coding,
                                                    std::span<const core::Bytes> pieces,
                                                    core::PooledBlock& scratch) noexcept {
  const core::MutableBytes room(scratch.data(), scratch.capacity());
  const bool whole =
      pieces.size() == 1 && core::encoder_bound(coding, sample_.size()) <= room.size();
  auto encoder = core::make_encoder({.coding = coding,
                                     .level = default_level(coding),
                                     .window_bytes = 0,
                                     .content_bytes = sample_.size(),
                                     .whole = whole,
                                     .dictionary = nullptr},
                                    workspaces_);
  if (!encoder) return std::unexpected(encoder.error());
  std::uint64_t total = 0;
  unsigned idle_steps = 0;
  core::StepState state = core::StepState::need_input;
  for (std::size_t i = 0; i < pieces.size() && state != core::StepState::done; ++i) {
    core::Bytes input = pieces[i];
    const bool last = i + 1 == pieces.size();
    do {
      const auto step =
          (*encoder)->step(input, room, last ? core::Flush::finish : core::Flush::none);
      if (!step) return std::unexpected(step.error());
      input = input.subspan(step->consumed);
      total += step->produced;
      state = step->state;
      idle_steps = step->consumed + step->produced > 0 ? 0 : idle_steps + 1;
      if (idle_steps > 1) return core::fail(Errc::internal_error, "an encoder gets nowhere");
    } while (last ? state != core::StepState::done : state == core::StepState::need_output);
    if (!input.empty()) return core::fail(Errc::internal_error, "an encoder leaves input");
  }
  return total;
}

void Estimate::write_answer(double entropy, Coding recommended) noexcept {
  const bool measured = input_bytes_ == sampled_bytes_;
  proto::JsonWriter json(text_);
  json.begin_object();
  json.member("input_bytes", input_bytes_);
  json.member("sampled_bytes", sampled_bytes_);
  json.member("entropy_bits_per_byte", entropy);
  json.key("codings");
  json.begin_array();
  for (std::size_t i = 0; i < kCodings.size(); ++i) {
    const std::uint64_t output =
        measured ? encoded_bytes_[i]
                 : extrapolated(encoded_bytes_[i], sampled_bytes_, input_bytes_);
    json.begin_object();
    json.member("coding", core::to_string(kCodings[i]));
    json.member("level", static_cast<std::uint64_t>(default_level(kCodings[i])));
    json.member("output_bytes", output);
    json.member("ratio", static_cast<double>(input_bytes_) / static_cast<double>(output));
    json.member("method", measured ? std::string_view("measured") : std::string_view("sampled"));
    json.end_object();
  }
  json.end_array();
  json.member("recommended", core::to_string(recommended));
  json.end_object();
  assert(json.size() > 0);
  answer_.set(core::Bytes(text_).first(json.size()));
  answered_ = true;
}

}  // namespace frdpu::server
