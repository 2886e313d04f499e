// Batches from strangers, through what the service codes them with. The first byte says which way,
// the second how input and output are cut, and where a step is given no time. Beyond "no crash, no
// hang, no leak":
//   - the outcome does not depend on cuts and pauses: same answer, same error code;
//   - as many items come back as were sent, and what is encoded decodes to what it was;
//   - all blocks and workspaces are home afterwards.
#include <algorithm>
#include <string>
#include <vector>

#include "server/batch_coder.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::Choices;
using fuzz::require;

using Buffer = std::vector<std::byte>;
using Plan = server::BatchCoder::Plan;

constexpr core::DecodeLimits kLimits{.max_output_bytes = 8 * core::kMiB,
                                     .max_ratio = 1000,
                                     .max_window_bytes = 1 * core::kMiB,
                                     .max_frames = 300};
constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, 1000};

struct Memory {
  core::FixedPool blocks = *core::FixedPool::create({.name = "64k",
                                                     .block_bytes = core::k64kBlockBytes,
                                                     .max_blocks = 512,
                                                     .slack_bytes = core::k64kSlackBytes});
  core::WorkspacePools workspaces = *core::WorkspacePools::create(256 * core::kMiB, 1u << 20);
};

Memory& memory() {
  static Memory made;
  return made;
}

struct Outcome {
  Buffer answer;
  bool good = false;
  core::Errc code{};
};

Outcome run(const Plan& plan, core::Bytes body, std::size_t cut, std::size_t room_bytes,
            bool pauses) {
  Outcome outcome;
  server::BatchCoder coder(plan, memory().workspaces, memory().blocks);
  Buffer room(room_bytes);
  std::size_t taken = 0;
  std::size_t piece_end = std::min(cut, body.size());
  for (std::size_t steps = 0;; ++steps) {
    const bool last = piece_end == body.size();
    if (pauses) {
      coder.work_until(steps % 2 == 0 ? std::chrono::steady_clock::time_point::min()
                                      : std::chrono::steady_clock::time_point::max());
    }
    const auto step = coder.step(body.subspan(taken, piece_end - taken), room,
                                 last ? core::Flush::finish : core::Flush::none);
    if (!step) {
      outcome.code = step.error().code;
      return outcome;
    }
    taken += step->consumed;
    require(taken <= piece_end && step->produced <= room.size());
    outcome.answer.insert(outcome.answer.end(), room.begin(),
                          room.begin() + static_cast<std::ptrdiff_t>(step->produced));
    if (step->state == core::StepState::done) {
      outcome.good = true;
      return outcome;
    }
    if (step->state == core::StepState::need_input) {
      require(taken == piece_end && !last);
      piece_end = std::min(body.size(), piece_end + cut);
    }
  }
}

// Items of a batch; -1 where it is none.
long count_items(core::Bytes body, proto::FrameSide side) {
  proto::FrameReader reader(side);
  for (;;) {
    const auto step = reader.step(body);
    if (!step) return -1;
    if (step->event == proto::FrameEvent::need_input) break;
    body = body.subspan(step->consumed);
  }
  return reader.finish() ? static_cast<long>(reader.items()) : -1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const bool encodes = choices.below(2) == 1;
  const auto coding = static_cast<core::Coding>(choices.below(core::kCodingCount));
  const bool names = choices.below(2) == 1;
  const std::size_t cut = kCuts[choices.below(std::size(kCuts))];
  const std::size_t room = 64 + choices.below(2) * 3000;
  const core::Bytes body = choices.rest();
  Plan plan{.limits = kLimits};
  if (encodes) {
    const auto level = static_cast<int>(core::traits(coding).levels.default_value);
    plan.encode = core::EncoderParams{.coding = coding, .level = level};
  } else if (names) {
    plan.source = coding;
  }
  const Outcome whole = run(plan, body, body.size() + 1, 1 << 16, false);
  for (const bool pauses : {false, true}) {
    const Outcome cut_up = run(plan, body, cut, room, pauses);
    require(cut_up.good == whole.good && cut_up.code == whole.code);
    if (whole.good) require(cut_up.answer == whole.answer);
  }
  const long sent = count_items(body, proto::FrameSide::request);
  require(whole.good == (sent >= 0));
  if (whole.good) require(count_items(whole.answer, proto::FrameSide::response) == sent);
  if (encodes && whole.good) {
    const Outcome back =
        run({.source = coding}, whole.answer, whole.answer.size() + 1, 1 << 16, false);
    require(back.good && std::ranges::equal(back.answer, body));
  }
  require(memory().blocks.stats().in_use == 0);
  return 0;
}
