// Whole bodies of every coding, from strangers. The first byte selects the coding and how input
// and output are cut; the rest is the body. Beyond "no crash, no hang, no leak":
//   - the outcome does not depend on the cuts: same output, same error code;
//   - limits hold; all workspaces are home afterwards.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/body_decoder.h"
#include "core/coding_sniffer.h"

namespace {

using namespace frdpu::core;

constexpr DecodeLimits kLimits{
    .max_output_bytes = 4 * kMiB, .max_ratio = 0, .max_window_bytes = 1 * kMiB};

struct Outcome {
  std::vector<std::byte> output;
  bool good = false;
  Errc code{};
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

WorkspacePools& pools() {
  static WorkspacePools made = *WorkspacePools::create(256 * kMiB, 1u << 20);
  return made;
}

// Handing the whole input over in pieces of `cut` bytes, output in views of `room` bytes.
Outcome decode(Coding coding, Bytes body, std::size_t cut, std::size_t room_bytes) {
  Outcome outcome;
  BodyDecoder decoder(coding, kLimits, pools());
  std::vector<std::byte> room(room_bytes);
  std::size_t taken = 0;
  std::size_t piece_end = std::min(cut, body.size());
  for (int idle = 0;;) {
    const bool last = piece_end == body.size();
    const auto stepped = decoder.step(body.subspan(taken, piece_end - taken), room,
                                      last ? Flush::finish : Flush::none);
    if (!stepped) {
      outcome.code = stepped.error().code;
      require(outcome.code != Errc::internal_error, stepped.error().detail);
      require(outcome.code != Errc::pool_exhausted, "a workspace is lost");
      require(stepped.error().offset.has_value(), "an error without its place");
      require(*stepped.error().offset <= body.size(), "an error behind the end");
      break;
    }
    require(stepped->consumed <= piece_end - taken, "took more than there is");
    require(stepped->produced <= room.size(), "wrote more than there is room");
    taken += stepped->consumed;
    outcome.output.insert(outcome.output.end(), room.begin(),
                          room.begin() + static_cast<std::ptrdiff_t>(stepped->produced));
    require(outcome.output.size() <= kLimits.max_output_bytes, "more output than allowed");
    if (stepped->state == StepState::done) {
      require(taken == body.size(), "done, and bytes are left");
      outcome.good = true;
      break;
    }
    idle = stepped->consumed + stepped->produced == 0 ? idle + 1 : 0;
    require(idle < 3, "gets nowhere");
    if (stepped->state == StepState::need_input) {
      require(taken == piece_end && !last, "wants input that it has");
      piece_end = std::min(body.size(), piece_end + cut);
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * kKiB) return 0;
  constexpr Coding kCodings[] = {Coding::lz4, Coding::zstd, Coding::gzip, Coding::deflate,
                                 Coding::br};
  constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, 1000};
  const Coding coding = kCodings[data[0] % std::size(kCodings)];
  const std::size_t cut = kCuts[data[0] / std::size(kCodings) % std::size(kCuts)];
  const Bytes body = std::as_bytes(std::span(data + 1, size - 1));

  static_cast<void>(sniff(body));
  const Outcome whole = decode(coding, body, SIZE_MAX, 64 * kKiB);
  const Outcome pieces = decode(coding, body, cut, 64 + cut);
  require(whole.good == pieces.good, "good or not depends on the cuts");
  require(whole.code == pieces.code, "the error depends on the cuts");
  if (whole.good) require(whole.output == pieces.output, "the output depends on the cuts");
  for (std::size_t i = 0; i < pools().kinds().size(); ++i) {
    require(pools().stats(i).in_use == 0, "a workspace is not home");
  }
  return 0;
}
