// What one body costs in each coding and at each level: CPU time and size, encoding and decoding,
// through the factory and in a workspace that is used again and again, as the service has it.
//
//   ./dev bench codec                                       everything, some minutes
//   ./dev bench codec --benchmark_filter='/gzip/'           one coding
//   ./dev bench codec --benchmark_filter='Encode/.*/1400/'  one size
//
// Names are BM_<Encode|Decode>/<coding>/<bytes>/<level>. Bodies are consecutive cuts of all files
// of the shared corpus (synthetic text where it is absent). One iteration is one body. `ratio` is
// encoded to decoded size over all bodies; every body is decoded and compared once beforehand.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/codec_factory.h"
#include "core/frame_header.h"
#include "tests/support/codec_driver.h"

namespace {

using namespace frdpu;
using core::Bytes;
using core::Coding;
using core::Flush;
using core::StepState;
using test::Buffer;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "codec_bench: %s\n", what);
  std::exit(1);
}

// Up to `most` cuts a file, spread over it.
const std::vector<Buffer>& cuts_of(std::size_t bytes) {
  static std::vector<std::pair<std::size_t, std::vector<Buffer>>> made;
  for (const auto& [size, cuts] : made) {
    if (size == bytes) return cuts;
  }
  const std::size_t most = bytes <= 4096 ? 40 : bytes <= 65536 ? 6 : 1;
  std::vector<Buffer> cuts;
  for (const test::Sample& sample : test::corpus_samples()) {
    const std::size_t all = sample.bytes.size() / bytes;
    const std::size_t stride = std::max<std::size_t>(1, all / most);
    for (std::size_t i = 0; i < all && i / stride < most; i += stride) {
      cuts.push_back(test::to_buffer(Bytes(sample.bytes).subspan(i * bytes, bytes)));
    }
  }
  if (cuts.empty()) cuts.push_back(test::text_like(bytes));
  made.emplace_back(bytes, std::move(cuts));
  return made.back().second;
}

core::EncoderParams params_for(Coding coding, int level, std::size_t bytes) {
  return {.coding = coding, .level = level, .content_bytes = bytes, .whole = true};
}

std::size_t encode(const core::EncoderParams& params, core::MutableBytes workspace, Bytes input,
                   Buffer& out) {
  const auto placed = core::place_encoder(params, workspace);
  require(placed.has_value(), "no encoder");
  const test::Placed<core::Encoder> encoder(*placed);
  const auto stepped = encoder->step(input, out, Flush::finish);
  require(stepped && stepped->state == StepState::done, "not encoded in one step");
  return stepped->produced;
}

std::size_t decode(Coding coding, core::MutableBytes workspace, Bytes frame, Buffer& out) {
  const auto header = core::parse_frame_header(coding, frame, true);
  require(header && *header, "no header");
  const auto placed = core::place_decoder(**header, nullptr, workspace);
  require(placed.has_value(), "no decoder");
  const test::Placed<core::Decoder> decoder(*placed);
  const auto stepped = decoder->step(frame, out, Flush::finish);
  require(stepped && stepped->state == StepState::done, "not decoded in one step");
  return stepped->produced;
}

struct Work {
  std::vector<Buffer> frames;
  std::size_t decoder_bytes = 0;
  double ratio = 0;
};

Work prepare(const core::EncoderParams& params, const test::AlignedRegion& workspace,
             const std::vector<Buffer>& cuts) {
  Work work;
  std::size_t in = 0;
  std::size_t out = 0;
  for (const Buffer& cut : cuts) {
    Buffer frame(core::encoder_bound(params.coding, cut.size()));
    frame.resize(encode(params, workspace.bytes(), cut, frame));
    const auto header = core::parse_frame_header(params.coding, frame, true);
    require(header && *header, "no header");
    const test::AlignedRegion region((*header)->workspace_bytes);
    Buffer back(cut.size() + 64);
    back.resize(decode(params.coding, region.bytes(), frame, back));
    require(back == cut, "decoded to something else");
    work.decoder_bytes = std::max(work.decoder_bytes, (*header)->workspace_bytes);
    in += cut.size();
    out += frame.size();
    work.frames.push_back(std::move(frame));
  }
  work.ratio = static_cast<double>(out) / static_cast<double>(in);
  return work;
}

void report(benchmark::State& state, std::size_t bytes, const Work& work,
            std::size_t workspace_bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
  state.counters["ratio"] = work.ratio;
  state.counters["workspace_KiB"] = static_cast<double>(workspace_bytes) / 1024;
}

void encode_bodies(benchmark::State& state, Coding coding, int level, std::size_t bytes) {
  const std::vector<Buffer>& cuts = cuts_of(bytes);
  const core::EncoderParams params = params_for(coding, level, bytes);
  const test::AlignedRegion workspace(*core::encoder_workspace_bytes(params));
  const Work work = prepare(params, workspace, cuts);
  Buffer out(core::encoder_bound(coding, bytes));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode(params, workspace.bytes(), cuts[i], out));
    i = i + 1 == cuts.size() ? 0 : i + 1;
  }
  report(state, bytes, work, workspace.bytes().size());
}

void decode_bodies(benchmark::State& state, Coding coding, int level, std::size_t bytes) {
  const std::vector<Buffer>& cuts = cuts_of(bytes);
  const core::EncoderParams params = params_for(coding, level, bytes);
  const test::AlignedRegion encoder(*core::encoder_workspace_bytes(params));
  const Work work = prepare(params, encoder, cuts);
  const test::AlignedRegion workspace(work.decoder_bytes);
  Buffer out(bytes + 64);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode(coding, workspace.bytes(), work.frames[i], out));
    i = i + 1 == cuts.size() ? 0 : i + 1;
  }
  report(state, bytes, work, work.decoder_bytes);
}

void register_all() {
  for (const core::CodingTraits& of : core::all_codings()) {
    for (const std::size_t bytes : {1400uz, 65536uz, 1048576uz}) {
      for (std::uint32_t level = of.levels.min; level <= of.levels.max; ++level) {
        const std::string rest =
            std::string(of.name) + "/" + std::to_string(bytes) + "/" + std::to_string(level);
        const auto add = [&](const std::string& name, auto* run) {
          benchmark::RegisterBenchmark(name.c_str(), run, of.coding, static_cast<int>(level), bytes)
              ->Unit(benchmark::kMicrosecond);
        };
        add("BM_Encode/" + rest, &encode_bodies);
        // What a stream costs to decode hardly depends on the level that it was encoded at.
        if (level == of.levels.min || level == of.levels.default_value || level == of.levels.max) {
          add("BM_Decode/" + rest, &decode_bodies);
        }
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
