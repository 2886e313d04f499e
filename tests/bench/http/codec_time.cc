// What a codec takes for one body in this process, without HTTP: the other half of the bound.
//
//   codec_time compress|decompress CODING LEVEL FILE MILLISECONDS
//
// prints nanoseconds of CPU for one body, and the bytes of its result. Driven as the service drives
// it: up to 64 KiB at once, where an encoder may know that it has everything; more in blocks of
// 64 KiB in and out, with the size known beforehand. The workspace is used again and again.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "core/block_chain.h"
#include "core/codec_factory.h"
#include "core/frame_header.h"
#include "tests/support/codec_driver.h"

namespace {

using namespace frdpu;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "codec_time: %s\n", what);
  std::exit(1);
}

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Returns: the size of what came out.
std::size_t run(core::Transform& codec, core::Bytes input, core::MutableBytes room) {
  std::size_t produced = 0;
  for (;;) {
    const core::Bytes piece = input.first(std::min(input.size(), core::k64kBlockBytes));
    const bool last = piece.size() == input.size();
    const auto step = codec.step(piece, room, last ? core::Flush::finish : core::Flush::none);
    if (!step) die("the codec failed");
    input = input.subspan(step->consumed);
    produced += step->produced;
    if (step->state == core::StepState::done) return produced;
  }
}

std::size_t compress(const core::EncoderParams& params, core::MutableBytes workspace,
                     core::Bytes body, core::MutableBytes room) {
  const auto placed = core::place_encoder(params, workspace);
  if (!placed) die("no encoder");
  const test::Placed<core::Encoder> encoder(*placed);
  return run(*encoder, body, room);
}

core::FrameHeader header_of(core::Coding coding, core::Bytes body) {
  const auto header = core::parse_frame_header(coding, body, true);
  if (!header || !*header) die("no frame");
  return **header;
}

std::size_t decompress(core::Coding coding, core::MutableBytes workspace, core::Bytes body,
                       core::MutableBytes room) {
  const auto placed = core::place_decoder(header_of(coding, body), nullptr, workspace);
  if (!placed) die("no decoder");
  const test::Placed<core::Decoder> decoder(*placed);
  return run(*decoder, body, room);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) die("usage: codec_time compress|decompress CODING LEVEL FILE MILLISECONDS");
  const bool encodes = std::strcmp(argv[1], "compress") == 0;
  const core::CodingTraits* traits = nullptr;
  for (const core::CodingTraits& known : core::all_codings()) {
    if (known.name == argv[2]) traits = &known;
  }
  if (traits == nullptr) die("unknown coding");
  const test::Buffer body = test::read_file(argv[4]);
  if (body.empty()) die("no body");
  const double until_ns = std::atof(argv[5]) * 1e6;

  const core::EncoderParams params{.coding = traits->coding,
                                   .level = std::atoi(argv[3]),
                                   .content_bytes = body.size(),
                                   .whole = body.size() <= core::k64kBlockBytes};
  std::size_t workspace_bytes = 0;
  if (encodes) {
    const auto needed = core::encoder_workspace_bytes(params);
    if (!needed) die("bad parameters");
    workspace_bytes = *needed;
  } else {
    workspace_bytes = header_of(traits->coding, body).workspace_bytes;
  }
  const test::AlignedRegion workspace(std::max<std::size_t>(workspace_bytes, 64));
  test::Buffer out(encodes && params.whole ? core::encoder_bound(traits->coding, body.size())
                                           : core::k64kBlockBytes);
  const auto once = [&] {
    return encodes ? compress(params, workspace.bytes(), body, out)
                   : decompress(traits->coding, workspace.bytes(), body, out);
  };
  const std::size_t size = once();
  std::size_t count = 0;
  const double start = cpu_ns();
  double spent = 0;
  do {
    once();
    ++count;
    spent = cpu_ns() - start;
  } while (spent < until_ns);
  std::printf("%.0f %zu\n", spent / static_cast<double>(count), size);
}
