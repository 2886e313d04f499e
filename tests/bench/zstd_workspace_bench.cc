// What a prepared zstd context saves: placing an encoder or decoder in a workspace that already
// holds one against starting anew, with the frame's own work included.
#include <benchmark/benchmark.h>

#include <new>
#include <vector>

#include "core/zstd_codec.h"
#include "tests/support/test_data.h"

namespace {

using namespace frdpu::core;

class Region {
 public:
  explicit Region(std::size_t bytes)
      : bytes_(bytes),
        data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64}))) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::operator delete (data_, std::align_val_t{64}); }
  [[nodiscard]] MutableBytes bytes() const { return {data_, bytes_}; }
  // The next one to open it finds nothing there.
  void forget() const { *data_ = std::byte{0}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

frdpu::test::Buffer payload(std::size_t bytes) {
  frdpu::test::Buffer file = frdpu::test::corpus_file("github_events.json");
  if (file.size() < bytes) file = frdpu::test::json_like(bytes);
  file.resize(bytes);
  return file;
}

// Arguments: payload bytes, level, 1 for a prepared workspace.
void BM_ZstdEncodeWhole(benchmark::State& state) {
  const auto input = payload(static_cast<std::size_t>(state.range(0)));
  const EncoderParams params{.coding = Coding::zstd,
                             .level = static_cast<int>(state.range(1)),
                             .content_bytes = input.size(),
                             .whole = true};
  const Region region(zstd_encoder_workspace_bytes(params));
  std::vector<std::byte> out(zstd_bound(input.size()));
  for (auto _ : state) {
    if (state.range(2) == 0) region.forget();
    Encoder* encoder = *place_zstd_encoder(params, region.bytes());
    benchmark::DoNotOptimize(encoder->step(input, out, Flush::finish)->produced);
    encoder->~Encoder();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ZstdEncodeWhole)->ArgsProduct({{1400, 65536}, {1, 3, 9}, {0, 1}});

// The same, streamed with an unknown size.
void BM_ZstdEncodeStream(benchmark::State& state) {
  const auto input = payload(static_cast<std::size_t>(state.range(0)));
  const EncoderParams params{.coding = Coding::zstd, .level = static_cast<int>(state.range(1))};
  const Region region(zstd_encoder_workspace_bytes(params));
  std::vector<std::byte> out(zstd_bound(input.size()) + 100);
  for (auto _ : state) {
    if (state.range(2) == 0) region.forget();
    Encoder* encoder = *place_zstd_encoder(params, region.bytes());
    const std::size_t half = input.size() / 2;
    std::size_t made = encoder->step(Bytes(input).first(half), out, Flush::none)->produced;
    made +=
        encoder->step(Bytes(input).subspan(half), MutableBytes(out).subspan(made), Flush::finish)
            ->produced;
    benchmark::DoNotOptimize(made);
    encoder->~Encoder();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ZstdEncodeStream)->ArgsProduct({{1400, 65536}, {1, 3, 9}, {0, 1}});

// Arguments: payload bytes, 1 for a prepared workspace, bytes of output room.
void BM_ZstdDecode(benchmark::State& state) {
  const auto input = payload(static_cast<std::size_t>(state.range(0)));
  const EncoderParams params{
      .coding = Coding::zstd, .level = 3, .content_bytes = input.size(), .whole = true};
  std::vector<std::byte> frame(zstd_bound(input.size()));
  {
    const Region region(zstd_encoder_workspace_bytes(params));
    Encoder* encoder = *place_zstd_encoder(params, region.bytes());
    frame.resize(encoder->step(input, frame, Flush::finish)->produced);
    encoder->~Encoder();
  }
  const auto header = **parse_zstd_frame_header(frame, true);
  const Region region(header.workspace_bytes);
  std::vector<std::byte> out(static_cast<std::size_t>(state.range(2)));
  for (auto _ : state) {
    if (state.range(1) == 0) region.forget();
    Decoder* decoder = *place_zstd_decoder(header, nullptr, region.bytes());
    std::size_t taken = 0;
    for (StepState at{}; at != StepState::done;) {
      const auto stepped = *decoder->step(Bytes(frame).subspan(taken), out, Flush::finish);
      taken += stepped.consumed;
      at = stepped.state;
    }
    benchmark::DoNotOptimize(out.data());
    decoder->~Decoder();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ZstdDecode)
    ->ArgsProduct({{1400}, {0, 1}, {1400, 1000}})
    ->ArgsProduct({{65536}, {0, 1}, {65536, 32768}});

}  // namespace

BENCHMARK_MAIN();
