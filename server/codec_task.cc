#include "server/codec_task.h"

#include <algorithm>

#include "server/metrics.h"
#include "server/service.h"
#include "server/thread_time.h"

namespace frdpu::server {
namespace {

using core::Coding;
using std::chrono::nanoseconds;

// What a byte costs in picoseconds, of input for encoders and of output for decoders: the mean of
// `codec_time` (tests/bench/http) over a cut of 64 KiB of each file of the shared corpus, rounded;
// AMD EPYC, 2 cores. Deflate's decoders differ: whole bodies take 600, streams up to 2,400; here is
// a value between. Only good enough to tell work for this thread from work for the pool: a file may
// be three times as dear.
constexpr std::array<std::uint32_t, 10> kLz4Cost = {0,     1'000, 1'000,  1'500,  4'300,
                                                    5'500, 7'000, 10'000, 15'000, 36'000};
constexpr std::array<std::uint32_t, 20> kZstdCost = {
    0,      1'400,  1'800,  1'800,  2'000,  5'300,  7'100,   8'600,   9'800,   12'000,
    14'000, 29'000, 33'000, 49'000, 67'000, 83'000, 117'000, 138'000, 196'000, 258'000};
constexpr std::array<std::uint32_t, 10> kDeflateCost = {0,     1'200, 1'300,  2'600,  6'300,
                                                        7'900, 9'800, 14'000, 28'000, 36'000};
constexpr std::array<std::uint32_t, 12> kBrotliCost = {
    1'400, 1'900, 4'000, 5'600, 8'100, 13'000, 15'000, 19'000, 23'000, 25'000, 385'000, 1'080'000};
constexpr std::array<std::uint32_t, core::kCodingCount> kDecodeCost = {50,    500,   550,
                                                                       1'500, 1'500, 1'150};

// Blocks of input that a task has before it gets more: enough for a slice.
constexpr std::size_t kInputBlocks = 3;

// More than this of a body is not counted, so that no product can wrap.
constexpr std::uint64_t kMostCountedBytes = core::kMiB << 10;

// What was taken at least before its cost tells something about the rest.
constexpr std::uint64_t kTellingBytes = 16 * core::kKiB;

// Work from this estimate on is timed by the CPU clock, which costs 1.2 us a slice; for less the
// wall clock is as good.
constexpr nanoseconds kTimedByCpuClock = std::chrono::microseconds(30);

// Work of one task before others go first. With turns of one slice, which is shorter, the tables of
// every stream were in the cache for one slice only.
constexpr nanoseconds kTurn = std::chrono::milliseconds(20);

// The same on an I/O loop, where it is to be small: of an operation, whose cost can be a surprise.
constexpr nanoseconds kLoopTurn = std::chrono::microseconds(200);

std::uint32_t encode_cost_of_a_byte(const core::EncoderParams& params) noexcept {
  const auto at = [level = params.level](const auto& table) {
    return table[std::min(static_cast<std::size_t>(std::max(level, 0)), table.size() - 1)];
  };
  switch (params.coding) {
    case Coding::lz4:
      return at(kLz4Cost);
    case Coding::zstd:
      return at(kZstdCost);
    case Coding::gzip:
    case Coding::deflate:
      return at(kDeflateCost);
    case Coding::br:
      return at(kBrotliCost);
    case Coding::identity:
      break;
  }
  return 50;
}

// What zstd takes for each byte of a dictionary, in nanoseconds, where it is not in the workspace
// already. For small payloads (core/zstd_encoder.cc) it is, as long as one dictionary is asked for:
// then a loop may have that much to do, now and then.
constexpr std::uint64_t kDictionaryCost = 5;
constexpr std::uint64_t kDearDictionaryCost = 60;  // from level 11 on
constexpr std::uint64_t kMostDictionaryCostOnALoop = 1'000'000;
constexpr std::uint64_t kSmallPayloadBytes = 16 * core::kKiB;

std::uint64_t dictionary_cost(const core::EncoderParams& params, std::uint64_t bytes) noexcept {
  if (params.coding != Coding::zstd || params.dictionary == nullptr) return 0;
  const std::uint64_t cost = params.dictionary->content().size() *
                             (params.level < 11 ? kDictionaryCost : kDearDictionaryCost);
  return bytes > kSmallPayloadBytes || cost > kMostDictionaryCostOnALoop ? cost : 0;
}

nanoseconds encode_cost(const core::EncoderParams& params, std::uint64_t bytes) noexcept {
  return nanoseconds(dictionary_cost(params, bytes) + bytes * encode_cost_of_a_byte(params) / 1000);
}

CodecBytes total(std::span<const CodecBytes> codecs) noexcept {
  CodecBytes sum;
  for (const CodecBytes& codec : codecs) {
    sum.input += codec.input;
    sum.output += codec.output;
  }
  return sum;
}

}  // namespace

core::Result<void> CodecTask::open(const Plan& plan) noexcept {
  plan_ = plan;
  if (plan.split_bytes > 0) {
    auto split = service_.split_encoders().acquire();
    if (!split) return std::unexpected(split.error());
    split_ = std::move(*split);
    split_->open(*plan.encode, plan.split_bytes, service_.workers(), service_.workspaces(),
                 service_.blocks(proto::Listener::service).large());
    open_ = true;
    return {};
  }
  state_ = State::need_input;
  open_ = true;
  if (is_one_step() || passes_on()) return {};
  transform_.emplace();
  for (std::size_t i = 0; i < plan.decoders; ++i) {
    decoders_[i].emplace(plan.decode[i], decode_limits(service_.config()), service_.workspaces(),
                         plan.dictionaries);
    transform_->add(*decoders_[i]);
  }
  if (plan.operation != nullptr) transform_->add(*plan.operation);
  return {};
}

void CodecTask::close() noexcept {
  if (!open_) return;
  transform_.reset();
  encoder_.reset();
  if (split_) split_->close();
  split_ = {};
  for (auto& decoder : decoders_) decoder.reset();
  input.clear();
  output.clear();
  input_ended = false;
  state_ = State::need_input;
  error_ = {};
  whole_output_bytes_ = whole_input_bytes_ = 0;
  reported_ = {};
  codec_time_ = turn_start_ = {};
  plan_.operation = nullptr;
  open_ = false;
}

void CodecTask::take_input(core::BlockChain& from, bool ends) noexcept {
  if (!wants_input()) return;
  // Room for a result is promised in blocks: one that is passed on should be full.
  if (passes_on() && !ends && !from.tail_room().empty()) return;
  input.append(std::move(from));
}

bool CodecTask::wants_input() const noexcept {
  if (split_) return input.size() < split_->room_bytes();
  return input.blocks() < kInputBlocks;
}

bool CodecTask::has_input() const noexcept {
  return split_ ? input.size() >= split_->round_bytes() : !input.empty();
}

std::size_t CodecTask::round_blocks() const noexcept {
  return split_ ? split_->round_bytes() / core::k64kBlockBytes + 1 : 0;
}

nanoseconds CodecTask::cost_estimate(std::uint64_t following_bytes) const noexcept {
  if (split_) return nanoseconds::max();  // waits for those who help: never on an I/O thread
  if (passes_on()) return {};
  // A decoder that was stopped by what a slice may write may well be again.
  const bool stopped = state_ == State::need_output && (plan_.decoders > 0 || plan_.operation);
  const std::uint64_t held = encoder_ ? encoder_->held_bytes() : 0;
  const std::uint64_t known = input.size() + std::min(following_bytes, kMostCountedBytes);
  const nanoseconds usual =
      cost_estimate(plan_, stopped ? std::max<std::uint64_t>(known, kSliceOutputBytes) : known) +
      (held > 0 ? encode_cost(*plan_.encode, held) : nanoseconds{});
  // Some input costs far more than usual, empty frames for one: then what it did cost so far
  // counts.
  const std::uint64_t taken = transform_ ? transform_->consumed_bytes() : 0;
  const bool telling = plan_.operation ? taken > 0 : taken >= kTellingBytes;
  if (!telling || (state_ != State::need_input && !plan_.operation)) return usual;
  const double each = static_cast<double>(codec_time_.count()) / static_cast<double>(taken);
  const double expected = each * static_cast<double>(known + held);
  return std::max(usual, nanoseconds(static_cast<std::int64_t>(expected)));
}

nanoseconds CodecTask::cost_estimate(const Plan& plan, std::uint64_t bytes) noexcept {
  std::uint64_t picoseconds = 0;
  bytes = std::min(bytes, kMostCountedBytes);
  for (std::size_t i = 0; i < plan.decoders; ++i) {
    // Output costs more than input here, and can't be known: take a usual ratio.
    if (plan.decode[i] != Coding::identity) bytes *= 4;
    picoseconds += bytes * kDecodeCost[static_cast<std::size_t>(plan.decode[i])];
  }
  const nanoseconds decoding(picoseconds / 1000);
  const nanoseconds operation =
      plan.operation ? plan.operation->cost_estimate(bytes) : nanoseconds{};
  return decoding + operation + (plan.encode ? encode_cost(*plan.encode, bytes) : nanoseconds{});
}

bool CodecTask::ends_turn() noexcept {
  if (codec_time_ - turn_start_ < kTurn) return false;
  turn_start_ = codec_time_;
  return true;
}

void CodecTask::run() noexcept {
  const bool large = cost_estimate(0) >= kTimedByCpuClock;
  const nanoseconds helped = split_ ? split_->helpers_time() : nanoseconds{};
  const auto cpu_start = large ? thread_cpu_time() : nanoseconds{};
  started_ = std::chrono::steady_clock::now();
  if (plan_.operation) plan_.operation->work_until(started_ + (on_worker_done ? kTurn : kLoopTurn));
  run_slice();
  codec_time_ += large ? thread_cpu_time() - cpu_start
                       : nanoseconds(std::chrono::steady_clock::now() - started_);
  if (split_) codec_time_ += split_->helpers_time() - helped;
  const std::size_t limit = service_.config().max_cpu_seconds;
  if (limit > 0 && state_ != State::done && state_ != State::failed &&
      codec_time_ > std::chrono::seconds(limit)) {
    fail({.code = core::Errc::cpu_limit_exceeded,
          .detail = "the request used up its CPU seconds",
          .limit = limit,
          .observed = static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::seconds>(codec_time_).count())});
  }
  if (on_worker_done) on_worker_done(*this);
}

core::Result<core::Leased<core::Encoder>> CodecTask::take_encoder() noexcept {
  core::EncoderParams params = *plan_.encode;
  params.whole = is_one_step();
  return core::make_encoder(params, service_.workspaces());
}

core::Result<void> CodecTask::reserve() noexcept {
  if (!plan_.encode || plan_.operation || encoder_ || !transform_) return {};
  auto encoder = take_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  encoder_ = std::move(*encoder);
  transform_->add(*encoder_);
  return {};
}

core::Result<core::StreamState> CodecTask::run_stages() noexcept {
  if (split_) return split_->run(input, input_ended, output);
  if (auto reserved = reserve(); !reserved) return std::unexpected(reserved.error());
  return transform_->run(input, input_ended, output,
                         service_.blocks(proto::Listener::service).large(),
                         plan_.encode ? kSliceOutputBytes : slice_output_bytes);
}

void CodecTask::run_slice() noexcept {
  if (passes_on()) return pass_on();
  if (is_one_step()) return encode_whole();
  const auto result = run_stages();
  if (!result) return fail(result.error());
  switch (*result) {
    case core::StreamState::need_input:
      state_ = State::need_input;
      break;
    case core::StreamState::output_full:
      state_ = State::need_output;
      break;
    case core::StreamState::done:
      state_ = State::done;
      encoder_.reset();  // here, while it is warm, for the next body
      break;
  }
}

void CodecTask::pass_on() noexcept {
  whole_input_bytes_ += input.size();
  whole_output_bytes_ = whole_input_bytes_;
  output.append(std::move(input));
  state_ = input_ended ? State::done : State::need_input;
}

void CodecTask::encode_whole() noexcept {
  // The one-shot path: a view in, a view out, one step.
  auto encoder = take_encoder();
  if (!encoder) return fail(encoder.error());
  const core::Bytes whole = input.front();
  auto block = service_.blocks(proto::Listener::service)
                   .acquire(core::encoder_bound(plan_.encode->coding, whole.size()));
  if (!block) return fail(block.error());
  auto step = (*encoder)->step(whole, core::MutableBytes(block->data(), block->capacity()),
                               core::Flush::finish);
  if (!step) return fail(step.error());
  if (step->state != core::StepState::done || step->consumed != whole.size()) {
    return fail(
        {.code = core::Errc::internal_error, .detail = "a whole body did not fit its bound"});
  }
  whole_input_bytes_ = whole.size();
  whole_output_bytes_ = step->produced;
  output.push_back(std::move(*block), 0, step->produced);
  input.clear();
  state_ = State::done;
}

void CodecTask::fail(const core::Error& error) noexcept {
  if (error.code == core::Errc::pool_exhausted) {
    state_ = State::need_memory;
  } else {
    state_ = State::failed;
  }
  error_ = error;
}

std::uint64_t CodecTask::input_bytes() const noexcept {
  if (plan_.operation) return total(plan_.operation->codec_bytes()).input;
  if (split_) return split_->consumed_bytes();
  if (whole_input_bytes_ > 0 || !transform_) return whole_input_bytes_;
  // Behind transport decoding: what the last decoder in front of the main codec made.
  const std::size_t transports =
      plan_.encode ? plan_.decoders : std::max<std::size_t>(1, plan_.decoders) - 1;
  if (transports > 0) return decoders_[transports - 1]->produced_bytes();
  return transform_->consumed_bytes();
}

std::uint64_t CodecTask::output_bytes() const noexcept {
  if (plan_.operation) return total(plan_.operation->codec_bytes()).output;
  if (split_) return split_->produced_bytes();
  if (whole_output_bytes_ > 0 || !transform_) return whole_output_bytes_;
  return transform_->produced_bytes();
}

bool CodecTask::has_begun() const noexcept {
  return transform_ ? transform_->consumed_bytes() > 0 : input_bytes() > 0;
}

std::uint64_t CodecTask::answer_bytes() const noexcept {
  return plan_.operation && transform_ ? transform_->produced_bytes() : output_bytes();
}

void CodecTask::report(MetricsShard& metrics) noexcept {
  if (plan_.operation) return report_operation(metrics);
  // The encoder has all the time of a transcoding: the split between stages is not measured.
  const bool encodes = plan_.encode.has_value();
  const Coding coding = encodes              ? plan_.encode->coding
                        : plan_.decoders > 0 ? plan_.decode[plan_.decoders - 1]
                                             : Coding::identity;
  const Reported now{.input = input_bytes(), .output = output_bytes(), .time = codec_time_};
  metrics.codec_worked(coding, encodes ? core::Direction::compress : core::Direction::decompress,
                       now.input - reported_.input, now.output - reported_.output,
                       now.time - reported_.time);
  if (encodes) report_decoders(metrics);
  reported_.input = now.input;
  reported_.output = now.output;
  reported_.time = now.time;
}

void CodecTask::report_decoders(MetricsShard& metrics) noexcept {
  for (std::size_t i = 0; i < plan_.decoders; ++i) {
    const std::uint64_t consumed = decoders_[i]->consumed_bytes();
    const std::uint64_t produced = decoders_[i]->produced_bytes();
    metrics.codec_worked(plan_.decode[i], core::Direction::decompress,
                         consumed - reported_.decoder_input[i],
                         produced - reported_.decoder_output[i], nanoseconds{});
    reported_.decoder_input[i] = consumed;
    reported_.decoder_output[i] = produced;
  }
}

void CodecTask::report_operation(MetricsShard& metrics) noexcept {
  report_decoders(metrics);
  const auto direction = plan_.encode ? core::Direction::compress : core::Direction::decompress;
  const std::span<CodecBytes> codecs = plan_.operation->codec_bytes();
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    CodecBytes& codec = codecs[i];
    if (codec.input == codec.reported_input && codec.output == codec.reported_output) continue;
    // The first that worked has all the time: most often it is the only one.
    metrics.codec_worked(static_cast<Coding>(i), direction, codec.input - codec.reported_input,
                         codec.output - codec.reported_output, codec_time_ - reported_.time);
    reported_.time = codec_time_;
    codec.reported_input = codec.input;
    codec.reported_output = codec.output;
  }
}

}  // namespace frdpu::server
