// How much memory brotli's encoder takes at most: the numbers of core/brotli_memory.cc, measured
// again. Prints the high-water mark of the heap in KiB, headers and gaps included, for streams by
// quality and window, and for whole bodies by quality and size; over the corpus and over inputs
// made to be bad (tests/support/brotli_load.h). Takes most of an hour with qualities 10 and 11.
//
//   ./dev bench brotli_memory [quality from] [to] [rounds]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/brotli_encoder.h"
#include "tests/support/brotli_load.h"
#include "tests/support/codec_driver.h"

namespace {

using namespace frdpu;
using core::BrotliEncoder;
using core::BrotliPlan;
using core::Bytes;
using core::Flush;
using core::StepState;
using test::Buffer;

constexpr std::size_t kRegionBytes = std::size_t{512} << 20;

// Input in pieces of up to `piece` bytes, random ones with now and then a flush when `uneven`.
std::size_t measure(const core::EncoderParams& params, Bytes input, std::size_t piece,
                    bool uneven) {
  const BrotliPlan plan = BrotliPlan::from(params);
  const test::AlignedRegion region(kRegionBytes);
  const test::AlignedRegion gather(plan.gather_bytes + 1);
  const auto encoder = std::make_unique<BrotliEncoder>(params, plan, region.bytes(),
                                                       gather.bytes().first(plan.gather_bytes));
  Buffer out(params.whole ? input.size() + 503 : 65536);
  if (!encoder->create()) std::abort();
  test::Random random(piece);
  std::size_t taken = 0;
  std::size_t end = 0;
  for (;;) {
    if (taken == end) {
      end = std::min(input.size(), taken + (uneven ? random.between(1, piece) : piece));
    }
    const bool last = end == input.size();
    const bool flush = uneven && random.below(3) == 0;
    const auto stepped = encoder->step(input.subspan(taken, end - taken), out,
                                       last    ? Flush::finish
                                       : flush ? Flush::flush
                                               : Flush::none);
    if (!stepped) std::abort();
    taken += stepped->consumed;
    if (stepped->state == StepState::done) return encoder->heap().high_water_bytes();
  }
}

struct Most {
  std::size_t bytes = 0;
  std::string by;
  void note(std::size_t measured, const std::string& name) {
    if (measured <= bytes) return;
    bytes = measured;
    by = name;
  }
};

void print(const char* what, int quality, std::size_t of, const Most& most) {
  std::printf("%s quality %d, %zu: %zu KiB (%s)\n", what, quality, of, (most.bytes + 1023) / 1024,
              most.by.c_str());
  std::fflush(stdout);
}

void measure_stream(int quality, int lgwin, unsigned rounds) {
  const core::EncoderParams params{
      .coding = core::Coding::br, .level = quality, .window_bytes = 1u << lgwin};
  Most most;
  const std::size_t metablock = std::size_t{2} << std::min(lgwin, quality < 10 ? 17 : 18);
  for (unsigned round = 0; round < rounds; ++round) {
    const Buffer load = test::brotli_load(std::max<std::size_t>(metablock, 1 << 17), round);
    most.note(measure(params, load, 65536, false), "load");
    most.note(measure(params, load, 70000, true), "uneven load");
    for (const test::Sample& body : test::brotli_bodies(metablock, round + 1)) {
      most.note(measure(params, body.bytes, 65536, false), body.name);
    }
  }
  const std::size_t enough = quality < 10 ? SIZE_MAX : 400000;
  for (const test::Sample& sample : test::corpus_samples(enough)) {
    most.note(measure(params, sample.bytes, 65536, false), sample.name);
  }
  print("stream", quality, static_cast<std::size_t>(lgwin), most);
}

void measure_whole(int quality, std::size_t bytes, unsigned rounds) {
  const core::EncoderParams params{
      .coding = core::Coding::br, .level = quality, .content_bytes = bytes, .whole = true};
  Most most;
  for (unsigned round = 0; round < rounds; ++round) {
    for (const test::Sample& body : test::brotli_bodies(bytes, round + 1)) {
      most.note(measure(params, body.bytes, SIZE_MAX, false), body.name);
    }
  }
  for (const test::Sample& sample : test::corpus_samples()) {
    for (std::size_t at = 0; at + bytes <= sample.bytes.size() && at < 4 * bytes; at += bytes) {
      most.note(measure(params, Bytes(sample.bytes).subspan(at, bytes), SIZE_MAX, false),
                sample.name);
    }
  }
  print("whole", quality, bytes, most);
}

}  // namespace

int main(int argc, char** argv) {
  const int from = argc > 1 ? std::atoi(argv[1]) : 0;
  const int to = argc > 2 ? std::atoi(argv[2]) : 11;
  const auto rounds = static_cast<unsigned>(argc > 3 ? std::atoi(argv[3]) : 2);
  for (int quality = from; quality <= to; ++quality) {
    for (std::size_t bytes = 1024; bytes <= 65536; bytes *= 2) {
      measure_whole(quality, bytes, rounds);
    }
    for (const int lgwin : {10, 13, 16, 17, 18, 20}) {
      if (quality >= 2 || lgwin == 18) measure_stream(quality, lgwin, rounds);
    }
  }
}
