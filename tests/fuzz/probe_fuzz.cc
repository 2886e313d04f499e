// Headers from strangers, through what answers /v1/probe:
//
//   which coding is named, if any | limits | how the body is cut | the body
//
// Beyond "no crash, no hang":
//   - the answer, or the error, does not depend on the cuts;
//   - the answer is an object with all members, of the right types;
//   - what is refused, the decoder refuses with the same code; a frame at the very start that is
//     accepted, the decoder does not refuse by its header.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/body_decoder.h"
#include "core/coding_sniffer.h"
#include "server/probe.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu::core;
using frdpu::fuzz::Choices;
using frdpu::fuzz::require;
using frdpu::server::Probe;
using nlohmann::json;

constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, 1000};
constexpr DecodeLimits kLimits[] = {
    {.max_output_bytes = 4 * kMiB, .max_window_bytes = 1 * kMiB, .max_frames = 3},
    {.max_output_bytes = 1000, .max_window_bytes = 64 * kKiB},
    {.max_output_bytes = 1 * kMiB, .max_window_bytes = 0},
    {.max_output_bytes = 1 * kMiB, .max_window_bytes = 4096, .max_frames = 1}};

WorkspacePools& pools() {
  static WorkspacePools made = *WorkspacePools::create(256 * kMiB, 1u << 20);
  return made;
}

// Those with odd ids are there.
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

// The answer, or the name of the error.
std::string probe(Bytes body, std::optional<Coding> coding, const DecodeLimits& limits,
                  std::size_t cut) {
  Dictionaries dictionaries;
  Probe probe(coding, limits, pools(), &dictionaries);
  std::array<std::byte, 64> room;
  std::string answer;
  for (;;) {
    const Bytes piece = body.first(std::min(cut, body.size()));
    const bool last = piece.size() == body.size();
    const auto stepped = probe.step(piece, room, last ? Flush::finish : Flush::none);
    if (!stepped) {
      require(stepped.error().code == Errc::unsupported_coding ||
                  stepped.error().code == Errc::truncated_input,
              stepped.error().detail);
      return std::string(to_string(stepped.error().code));
    }
    require(stepped->consumed == piece.size(), "left some of the body");
    body = body.subspan(stepped->consumed);
    answer += as_text(Bytes(room).first(stepped->produced));
    if (stepped->state == StepState::done) return answer;
    require(last ? stepped->produced > 0 : answer.empty(), "no answer, or an early one");
  }
}

// What the decoder says against the body; nothing where it takes it.
std::optional<Error> decode(Bytes body, Coding coding, const DecodeLimits& limits) {
  Dictionaries dictionaries;
  BodyDecoder decoder(coding, limits, pools(), &dictionaries);
  std::array<std::byte, 4096> room;
  for (;;) {
    const auto stepped = decoder.step(body, room, Flush::finish);
    if (!stepped) return stepped.error();
    body = body.subspan(stepped->consumed);
    if (stepped->state == StepState::done) return std::nullopt;
  }
}

bool is_number_or_null(const json& value) {
  return value.is_number_unsigned() || value.is_null();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::size_t named = choices.below(kCodingCount + 1);
  const DecodeLimits& limits = kLimits[choices.below(std::size(kLimits))];
  const std::size_t cut = kCuts[choices.below(std::size(kCuts))];
  const Bytes body = choices.rest();
  std::optional<Coding> coding;
  if (named < kCodingCount) coding = static_cast<Coding>(named);

  const std::string answer = probe(body, coding, limits, SIZE_MAX);
  require(answer == probe(body, coding, limits, cut), "the answer depends on the cuts");
  // The decoder is told what the whole body's first bytes say, as the service does it.
  if (!coding) coding = sniff(body.first(std::min<std::size_t>(body.size(), 64 * kKiB)));
  if (!coding) {
    require(answer == (body.empty() ? "truncated_input" : "unsupported_coding"), answer.c_str());
    return 0;
  }
  const std::optional<Error> refusal = decode(body, *coding, limits);
  const std::string_view code = refusal ? to_string(refusal->code) : "";
  if (!answer.starts_with('{')) {
    require(answer == code, answer.c_str());
    return 0;
  }
  const json told = json::parse(answer, nullptr, false);
  require(told.is_object() && told.size() == 7, "not the object that is promised");
  require(told["coding"] == to_string(*coding), "another coding than the decoder's");
  for (const char* name : {"window_bytes", "content_bytes", "dictionary_id"}) {
    require(is_number_or_null(told[name]), name);
  }
  require(told["checksum"].is_boolean() || told["checksum"].is_null(), "checksum");
  require(told["accepted"].is_boolean(), "accepted");
  require(told["accepted"] == told["refused_because"].is_null(), "accepted and refused");
  if (told["accepted"] == false) {
    const bool same = told["refused_because"] == code;
    // Where the body goes on behind what is looked at, the decoder may see more.
    require(same || body.size() > Probe::kLookBytes, answer.c_str());
  } else if (refusal && refusal->offset == 0u) {
    require(refusal->code != Errc::window_too_large && refusal->code != Errc::missing_dictionary &&
                refusal->code != Errc::frame_limit_exceeded,
            "accepted, and refused by the first header");
  }
  return 0;
}
