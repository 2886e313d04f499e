// Bodies of one coding (FRDPU_FUZZ_CODING; a target for each), from strangers, through the decoder
// that the service uses. Two kinds of input, told apart by the first byte:
//
//   0.......  how input and output are cut | the body as it is
//   1.......  cuts | level | window | n, at most 7 | n times: where, what is changed | a text
//
// The second kind is a text that our encoder makes a frame of, in which n bytes are changed then:
// with checksums and entropy coders in the way, blind mutation alone seldom gets far behind a
// header. Beyond "no crash, no hang, no leak":
//   - the outcome does not depend on the cuts: same output, same error code;
//   - an unchanged frame gives back its text;
//   - limits hold, and all workspaces are home afterwards.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/body_decoder.h"
#include "core/coding_sniffer.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu::core;
using frdpu::fuzz::Choices;
using frdpu::fuzz::require;

using Buffer = std::vector<std::byte>;

constexpr Coding kCoding = Coding::FRDPU_FUZZ_CODING;
constexpr DecodeLimits kLimits{
    .max_output_bytes = 4 * kMiB, .max_ratio = 0, .max_window_bytes = 1 * kMiB, .max_frames = 300};
constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, 1000};

struct Outcome {
  Buffer output;
  bool good = false;
  Errc code{};
};

WorkspacePools& pools() {
  static WorkspacePools made = *WorkspacePools::create(256 * kMiB, 1u << 20);
  return made;
}

// Frames may name a dictionary: those with odd ids are there.
class Dictionaries final : public DictionarySource {
 public:
  const Dictionary* find(std::uint32_t id) noexcept override {
    if (id % 2 == 0) return nullptr;
    found_ = Dictionary(as_bytes("{\"id\":1,\"name\":\"user\",\"tags\":[\"alpha\",\"beta\"]}"), id);
    return &found_;
  }

 private:
  Dictionary found_{{}, 1};
};

// Hands the whole input over in pieces of `cut` bytes, output in views of `room_bytes`.
Outcome decode(Bytes body, std::size_t cut, std::size_t room_bytes) {
  Outcome outcome;
  Dictionaries dictionaries;
  BodyDecoder decoder(kCoding, kLimits, pools(), &dictionaries);
  Buffer room(room_bytes);
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
    require(decoder.frames() <= kLimits.max_frames, "more frames than allowed");
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

Buffer encode(Bytes text, int level, std::uint32_t window_bytes) {
  const EncoderParams params{
      .coding = kCoding, .level = level, .window_bytes = window_bytes, .content_bytes = {}};
  const auto encoder = make_encoder(params, pools());
  require(encoder.has_value(), "no encoder");
  Buffer frame;
  Buffer room(1000);
  for (;;) {
    const auto step = (*encoder)->step(text, room, Flush::finish);
    require(step.has_value(), "a text is not encoded");
    text = text.subspan(step->consumed);
    frame.insert(frame.end(), room.begin(),
                 room.begin() + static_cast<std::ptrdiff_t>(step->produced));
    if (step->state == StepState::done) return frame;
  }
}

void check(Bytes body, std::size_t cut, const Bytes* text = nullptr) {
  static_cast<void>(sniff(body));
  const Outcome whole = decode(body, SIZE_MAX, 64 * kKiB);
  const Outcome pieces = decode(body, cut, 64 + cut);
  // One kind of stream only libdeflate takes, which reads what is there at once (raw_inflate.h): it
  // gets past zlib's refusal where its checksum is right all the same, as for an empty content.
  constexpr bool kTwoLibraries = kCoding == Coding::gzip || kCoding == Coding::deflate;
  if (kTwoLibraries && pieces.code == Errc::corrupt_input && whole.code != pieces.code) {
    const std::size_t both = std::min(whole.output.size(), pieces.output.size());
    require(std::ranges::equal(std::span(whole.output).first(both),
                               std::span(pieces.output).first(both)),
            "two outputs of one stream");
    return;
  }
  require(whole.good == pieces.good, "good or not depends on the cuts");
  if (whole.code != pieces.code) {
    const std::string codes(std::string(to_string(whole.code)) + ", in pieces " +
                            std::string(to_string(pieces.code)));
    require(false, codes.c_str());
  }
  if (whole.good) require(whole.output == pieces.output, "the output depends on the cuts");
  if (text != nullptr) {
    require(whole.good, "our own frame is refused");
    require(std::ranges::equal(whole.output, *text), "our own frame is read as something else");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * kKiB) return 0;
  Choices choices(data, size);
  const std::size_t first = choices.below(256);
  const std::size_t cut = kCuts[first % std::size(kCuts)];
  if (first < 128) {
    check(choices.rest(), cut);
  } else {
    // The levels that cost least: more cases, and every kind of block all the same.
    constexpr std::uint32_t kWindows[] = {0, 1024, 4096, 32768};
    const int level = 1 + static_cast<int>(choices.below(5));
    const std::uint32_t window_bytes = kWindows[choices.below(std::size(kWindows))];
    std::array<std::pair<std::size_t, std::byte>, 7> changes{};
    const std::size_t count = choices.below(changes.size() + 1);
    for (auto& [where, what] : std::span(changes).first(count)) {
      where = choices.below(1 << 16);
      what = static_cast<std::byte>(choices.below(256));
    }
    const Bytes text = choices.rest();
    Buffer frame = encode(text, level, window_bytes);
    const Buffer unchanged = frame;
    for (const auto& [where, what] : std::span(changes).first(count)) {
      frame[where % frame.size()] ^= what;
    }
    check(frame, cut, frame == unchanged ? &text : nullptr);
  }
  for (std::size_t i = 0; i < pools().kinds().size(); ++i) {
    require(pools().stats(i).in_use == 0, "a workspace is not home");
  }
  return 0;
}
