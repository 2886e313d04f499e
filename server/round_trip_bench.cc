#include "server/round_trip_bench.h"

#include <algorithm>

#include "core/body_decoder.h"
#include "core/codec_factory.h"
#include "server/thread_time.h"

namespace frdpu::server {
namespace {

using core::Bytes;
using core::Errc;

// The frames of a pass, one behind the other.
struct Frames {
  std::vector<std::byte> bytes;
  std::vector<std::size_t> ends;
};

std::unexpected<core::Error> other_bytes(std::size_t offset) noexcept {
  return std::unexpected(core::Error{.code = Errc::internal_error,
                                     .detail = "the round trip does not give the same bytes",
                                     .offset = offset});
}

// Hands all input to a codec, and `sink` what comes out.
template <class Sink>
core::Result<void> drive(core::Transform& codec, Bytes input, std::size_t step_bytes,
                         core::MutableBytes room, Sink& sink) {
  unsigned idle_steps = 0;
  while (true) {
    const bool last = input.size() <= step_bytes;
    const auto progress = codec.step(input.first(std::min(input.size(), step_bytes)), room,
                                     last ? core::Flush::finish : core::Flush::none);
    if (!progress) return std::unexpected(progress.error());
    input = input.subspan(progress->consumed);
    if (auto taken = sink(Bytes(room).first(progress->produced)); !taken) return taken;
    if (progress->state == core::StepState::done) return {};
    idle_steps = progress->consumed + progress->produced > 0 ? 0 : idle_steps + 1;
    if (idle_steps > 1) return core::fail(Errc::internal_error, "a codec gets nowhere");
  }
}

core::Result<void> drop(Bytes) noexcept {
  return {};
}

// One pass over the input, there and back.
class Passes {
 public:
  Passes(core::WorkspacePools& pools, core::DictionarySource* dictionaries, core::MutableBytes room,
         const core::EncoderParams& params, std::size_t payload_bytes) noexcept
      : pools_(pools),
        dictionaries_(dictionaries),
        room_(room),
        params_(params),
        payload_bytes_(payload_bytes) {}

  // `sink` gets what comes out; `frame_ended` is called behind each frame.
  template <class Sink, class FrameEnded>
  core::Result<void> compress(Bytes input, Sink&& sink, FrameEnded&& frame_ended) {
    while (!input.empty()) {
      const Bytes payload = input.first(std::min(payload_bytes_, input.size()));
      params_.content_bytes = payload.size();
      params_.whole = payload.size() <= core::k64kBlockBytes;
      auto encoder = core::make_encoder(params_, pools_);
      if (!encoder) return std::unexpected(encoder.error());
      auto driven = drive(**encoder, payload, core::k64kBlockBytes, room_, sink);
      if (!driven) return driven;
      frame_ended();
      input = input.subspan(payload.size());
    }
    return {};
  }

  template <class Sink>
  core::Result<void> decompress(const Frames& frames, Sink&& sink) {
    std::size_t begin = 0;
    for (const std::size_t end : frames.ends) {
      core::BodyDecoder decoder(params_.coding, {.max_window_bytes = pools_.max_window_bytes()},
                                pools_, dictionaries_);
      const Bytes frame = Bytes(frames.bytes).subspan(begin, end - begin);
      auto driven = drive(decoder, frame, core::k64kBlockBytes, room_, sink);
      if (!driven) return driven;
      begin = end;
    }
    return {};
  }

 private:
  core::WorkspacePools& pools_;
  core::DictionarySource* const dictionaries_;
  const core::MutableBytes room_;
  core::EncoderParams params_;
  const std::size_t payload_bytes_;
};

}  // namespace

core::Result<void> ExpectedBytes::take(Bytes piece) noexcept {
  const auto compared = std::ranges::mismatch(piece, rest_);
  const auto same = static_cast<std::size_t>(compared.in1 - piece.begin());
  rest_ = rest_.subspan(same);
  if (same < piece.size()) return other_bytes(offset());
  return {};
}

core::Result<void> ExpectedBytes::end() const noexcept {
  if (!rest_.empty()) return other_bytes(offset());
  return {};
}

RoundTripBench::RoundTripBench(core::WorkspacePools& pools, core::DictionarySource* dictionaries)
    : pools_(pools),
      dictionaries_(dictionaries),
      room_(core::k64kBlockBytes + core::k64kSlackBytes) {}

core::Result<RoundTrip> RoundTripBench::measure(Bytes input, const core::EncoderParams& params,
                                                std::size_t payload_bytes,
                                                std::chrono::nanoseconds least) {
  Passes passes(pools_, dictionaries_, room_, params,
                payload_bytes == 0 ? input.size() : payload_bytes);
  Frames frames;
  // Room that is not written to costs nothing. Frames of very small payloads may need more.
  frames.bytes.reserve(core::encoder_bound(params.coding, input.size()));
  const auto keep = [&](Bytes bytes) -> core::Result<void> {
    frames.bytes.insert(frames.bytes.end(), bytes.begin(), bytes.end());
    return {};
  };
  auto done = passes.compress(input, keep, [&] { frames.ends.push_back(frames.bytes.size()); });
  if (!done) return std::unexpected(done.error());

  ExpectedBytes expected(input);
  done = passes.decompress(frames, [&](Bytes bytes) { return expected.take(bytes); });
  if (done) done = expected.end();
  if (!done) return std::unexpected(done.error());

  const auto compress =
      time_runs([&] { return passes.compress(input, drop, [] {}); }, least, thread_cpu_time);
  if (!compress) return std::unexpected(compress.error());
  const auto decompress =
      time_runs([&] { return passes.decompress(frames, drop); }, least, thread_cpu_time);
  if (!decompress) return std::unexpected(decompress.error());
  return RoundTrip{.input_bytes = input.size(),
                   .output_bytes = frames.bytes.size(),
                   .frames = frames.ends.size(),
                   .compress = *compress,
                   .decompress = *decompress};
}

}  // namespace frdpu::server
