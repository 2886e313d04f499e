#include "server/probe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/body_decoder.h"
#include "core/coding_sniffer.h"
#include "tests/support/body_helpers.h"
#include "tests/support/codec_driver.h"
#include "tests/support/frame_makers.h"
#include "tests/support/oracles.h"

namespace frdpu::server {
namespace {

using core::Bytes;
using core::Coding;
using core::DecodeLimits;
using core::Errc;
using core::kKiB;
using core::kMiB;
using core::body_test::pools;
using nlohmann::json;
using test::br_frame;
using test::Buffer;
using test::lz4_frame;
using test::oracle_encode;
using test::skippable_frame;
using test::zstd_frame;
using test::operator+;

constexpr auto kNull = nullptr;

// What is asked of a probe beside the body.
struct Asked {
  std::optional<Coding> coding{};
  DecodeLimits limits{};
  core::DictionarySource* dictionaries = nullptr;
  core::WorkspacePools& pools = core::body_test::pools();
};

core::Result<std::string> probe_once(Bytes body, const Asked& asked, test::Cut cut) {
  Probe probe(asked.coding, asked.limits, asked.pools, asked.dictionaries);
  const auto driven = test::drive(probe, body, cut);
  if (!driven) return std::unexpected(driven.error());
  EXPECT_EQ(driven->consumed, body.size());
  return test::to_text(driven->output);
}

// The answer, which must not depend on how body and answer are cut. Of an error, its name.
json probe(Bytes body, const Asked& asked = {}) {
  const auto whole = probe_once(body, asked, {});
  for (const std::size_t cut : test::kSeamSizes) {
    const auto pieces = probe_once(body, asked, {.input_bytes = cut, .output_bytes = cut});
    EXPECT_EQ(whole.has_value(), pieces.has_value()) << "cut " << cut;
    if (whole && pieces) {
      EXPECT_EQ(*whole, *pieces) << "cut " << cut;
    }
    if (!whole && !pieces) {
      EXPECT_EQ(whole.error().code, pieces.error().code) << "cut " << cut;
    }
  }
  return whole ? json::parse(*whole) : json(to_string(whole.error().code));
}

json answer(std::string_view coding, json window, json content, json dictionary, json checksum,
            json refused = kNull) {
  return {{"coding", coding},          {"window_bytes", window},
          {"content_bytes", content},  {"dictionary_id", dictionary},
          {"checksum", checksum},      {"accepted", refused.is_null()},
          {"refused_because", refused}};
}

json unreadable(std::string_view coding, std::string_view refused) {
  return answer(coding, kNull, kNull, kNull, kNull, refused);
}

// Knows one dictionary.
class OneDictionary final : public core::DictionarySource {
 public:
  explicit OneDictionary(std::uint32_t id, Buffer content = test::to_buffer("words and words"))
      : content_(std::move(content)), one_(content_, id) {}
  const core::Dictionary* find(std::uint32_t id) noexcept override {
    return id == one_.id() ? &one_ : nullptr;
  }

 private:
  Buffer content_;
  core::Dictionary one_;
};

const Buffer& text() {
  static const Buffer made = test::text_like(300'000);
  return made;
}

TEST(ProbeTest, TellsWhatThePublicLibrariesWrite) {
  const json small = 100'000;
  const Bytes input = Bytes(text()).first(100'000);
  struct Row {
    const char* name;
    Buffer body;
    std::optional<Coding> named;
    json expected;
  };
  const Row rows[] = {
      {"zstd, one segment", zstd_frame(input, {}), {}, answer("zstd", small, small, kNull, true)},
      {"zstd, bare",
       zstd_frame(input, {.checksum = false, .content_size = false, .window_log = 14}),
       {},
       answer("zstd", 16 * kKiB, kNull, kNull, false)},
      {"zstd, small window",
       zstd_frame(input, {.checksum = false, .window_log = 10}),
       {},
       answer("zstd", 1024, small, kNull, false)},
      {"zstd, named", zstd_frame(input, {}), Coding::zstd,
       answer("zstd", small, small, kNull, true)},
      {"lz4",
       lz4_frame(input, LZ4F_max64KB, true, true),
       {},
       answer("lz4", 64 * kKiB, small, kNull, true)},
      {"lz4, bare",
       lz4_frame(input, LZ4F_max4MB, false, false),
       {},
       answer("lz4", 4 * kMiB, kNull, kNull, false)},
      {"lz4, legacy",
       test::oracle_encode_lz4_legacy(input),
       {},
       answer("lz4", 8 * kMiB, kNull, kNull, false)},
      {"gzip", oracle_encode(Coding::gzip, input), {}, answer("gzip", 32768, kNull, kNull, true)},
      {"deflate",
       oracle_encode(Coding::deflate, input),
       {},
       answer("deflate", 32768, kNull, kNull, true)},
      {"deflate, small window",
       test::detail::deflate_all(input, 6, 10),
       {},
       answer("deflate", 1024, kNull, kNull, true)},
      {"deflate, raw", test::detail::deflate_all(input, 6, -15), Coding::deflate,
       answer("deflate", 32768, kNull, kNull, false)},
      {"br", br_frame(input, 18), Coding::br, answer("br", 1 << 18, kNull, kNull, false)},
      {"br, small window", br_frame(input, 10), Coding::br,
       answer("br", 1 << 10, kNull, kNull, false)},
      {"identity", Buffer(input.begin(), input.end()), Coding::identity,
       answer("identity", kNull, kNull, kNull, kNull)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(probe(row.body, {.coding = row.named}), row.expected);
    // A header is all it takes.
    const std::size_t enough = std::min<std::size_t>(row.body.size(), 32);
    EXPECT_EQ(probe(Bytes(row.body).first(enough), {.coding = row.named}), row.expected);
  }
}

TEST(ProbeTest, EmptyContentHasAHeader) {
  for (const Coding coding : {Coding::zstd, Coding::lz4, Coding::gzip, Coding::deflate}) {
    const json got = probe(oracle_encode(coding, {}));
    EXPECT_EQ(got["coding"], to_string(coding));
    EXPECT_EQ(got["accepted"], true);
  }
  EXPECT_EQ(probe(oracle_encode(Coding::br, {}), {.coding = Coding::br})["accepted"], true);
}

TEST(ProbeTest, PassesOverSkippableFrames) {
  const Bytes input = Bytes(text()).first(5000);
  const Buffer zstd = zstd_frame(input, {});
  const Buffer lz4 = lz4_frame(input, LZ4F_max256KB, true, true);
  const json as_zstd = answer("zstd", 5000, 5000, kNull, true);
  const json as_lz4 = answer("lz4", 256 * kKiB, 5000, kNull, true);
  for (const std::size_t size : {0, 1, 15, 16, 17, 23, 24, 25, 31, 32, 33, 1000, 60'000}) {
    SCOPED_TRACE(size);
    const Buffer skipped = skippable_frame(size) + skippable_frame(3, 15) + skippable_frame(0, 7);
    EXPECT_EQ(probe(skipped + zstd), as_zstd);
    EXPECT_EQ(probe(skipped + lz4), as_lz4);
    EXPECT_EQ(probe(skipped + zstd, {.coding = Coding::zstd}), as_zstd);
    EXPECT_EQ(probe(skipped + lz4, {.coding = Coding::lz4}), as_lz4);
    // Frames that hold no data decode to nothing.
    EXPECT_EQ(probe(skipped), answer("zstd", kNull, kNull, kNull, kNull));
    EXPECT_EQ(probe(skipped, {.coding = Coding::lz4}), answer("lz4", kNull, kNull, kNull, kNull));
    EXPECT_EQ(probe(skipped + test::to_buffer("what is this?")),
              unreadable("zstd", "trailing_data"));
    EXPECT_EQ(probe(skipped + oracle_encode(Coding::gzip, input)),
              unreadable("zstd", "trailing_data"));
    EXPECT_EQ(probe(skipped + lz4, {.coding = Coding::zstd}), unreadable("zstd", "trailing_data"));
    Buffer cut = skipped;
    cut.pop_back();
    EXPECT_EQ(probe(cut), unreadable("zstd", "truncated_input"));
  }
}

TEST(ProbeTest, LooksAtNoMoreThan64KiB) {
  const Buffer frame = zstd_frame(Bytes(text()), {.checksum = false});
  const std::size_t header_bytes =
      (*core::parse_frame_header(Coding::zstd, frame, true))->header_bytes;
  const json known = answer("zstd", 300'000, 300'000, kNull, false);
  const json unknown = answer("zstd", kNull, kNull, kNull, kNull);
  // The header's last byte is the last one that is looked at, and the next is not.
  const std::size_t in_front = Probe::kLookBytes - header_bytes - 8;
  EXPECT_EQ(probe(skippable_frame(in_front) + frame), known);
  EXPECT_EQ(probe(skippable_frame(in_front + 1) + frame), unknown);
  EXPECT_EQ(probe(skippable_frame(in_front + header_bytes) + frame), unknown);
  EXPECT_EQ(probe(skippable_frame(Probe::kLookBytes) + frame), unknown);
  // Where the body ends there, nothing is behind it.
  Buffer cut = skippable_frame(in_front + 1) + frame;
  cut.resize(Probe::kLookBytes);
  EXPECT_EQ(probe(cut), unreadable("zstd", "truncated_input"));
  cut = skippable_frame(Probe::kLookBytes);
  cut.resize(Probe::kLookBytes);
  EXPECT_EQ(probe(cut), unreadable("zstd", "truncated_input"));
  // What is behind does not matter.
  Buffer longer = frame;
  longer.resize(Probe::kLookBytes + 100'000, std::byte{0xA5});
  EXPECT_EQ(probe(longer), known);
}

TEST(ProbeTest, SaysWhyAFrameWouldBeRefused) {
  const Bytes input = Bytes(text()).first(100'000);
  const Buffer zstd =
      zstd_frame(input, {.checksum = false, .content_size = false, .window_log = 20});
  const Buffer sized = zstd_frame(input, {.checksum = false, .window_log = 12});
  const Buffer lz4 = lz4_frame(input, LZ4F_max1MB, true, true);
  const DecodeLimits window{.max_window_bytes = kMiB};
  const DecodeLimits small_window{.max_window_bytes = kMiB - 1};
  const auto zstd_answer = [](json refused) {
    return answer("zstd", kMiB, kNull, kNull, false, refused);
  };
  EXPECT_EQ(probe(zstd, {.limits = window}), zstd_answer(kNull));
  EXPECT_EQ(probe(zstd, {.limits = small_window}), zstd_answer("window_too_large"));
  EXPECT_EQ(probe(lz4, {.limits = window}), answer("lz4", kMiB, 100'000, kNull, true));
  EXPECT_EQ(probe(lz4, {.limits = small_window}),
            answer("lz4", kMiB, 100'000, kNull, true, "window_too_large"));
  // What brotli and gzip may reach back is no matter of the cap.
  EXPECT_EQ(
      probe(br_frame(input, 24), {.coding = Coding::br, .limits = {.max_window_bytes = 1024}}),
      answer("br", 1 << 24, kNull, kNull, false));
  EXPECT_EQ(probe(oracle_encode(Coding::gzip, input), {.limits = {.max_window_bytes = 1024}}),
            answer("gzip", 32768, kNull, kNull, true));

  const auto sized_answer = [](json refused) {
    return answer("zstd", 4096, 100'000, kNull, false, refused);
  };
  EXPECT_EQ(probe(sized, {.limits = {.max_output_bytes = 100'000}}), sized_answer(kNull));
  EXPECT_EQ(probe(sized, {.limits = {.max_output_bytes = 99'999}}),
            sized_answer("output_limit_exceeded"));
  EXPECT_EQ(probe(skippable_frame(5) + sized, {.limits = {.max_frames = 2}}), sized_answer(kNull));
  EXPECT_EQ(probe(skippable_frame(5) + sized, {.limits = {.max_frames = 1}}),
            sized_answer("frame_limit_exceeded"));
  EXPECT_EQ(probe(skippable_frame(5) + skippable_frame(5) + sized, {.limits = {.max_frames = 1}}),
            unreadable("zstd", "frame_limit_exceeded"));
}

TEST(ProbeTest, KnowsTheLargestWorkspaceThereIs) {
  auto small = *core::WorkspacePools::create(256 * kMiB, 1u << 20);
  const Buffer frame = zstd_frame(Bytes(text()), {.content_size = false, .window_log = 27});
  EXPECT_EQ(probe(frame, {.pools = small}),
            answer("zstd", 1 << 27, kNull, kNull, true, "window_too_large"));
  // All of them in use is no reason: they come back.
  std::vector<core::PooledBlock> taken;
  const Buffer good = zstd_frame(Bytes(text()), {.content_size = false, .window_log = 20});
  const auto header = core::parse_frame_header(Coding::zstd, good, true);
  while (auto block =
             small.acquire(Coding::zstd, core::Direction::decompress, (*header)->workspace_bytes)) {
    taken.push_back(std::move(*block));
  }
  EXPECT_EQ(probe(good, {.pools = small}), answer("zstd", kMiB, kNull, kNull, true));
}

TEST(ProbeTest, LooksForTheDictionary) {
  OneDictionary known(77);
  const Bytes input = Bytes(text()).first(1000);
  const Buffer lz4 = lz4_frame(input, LZ4F_max64KB, true, true, 77);
  const auto expected = [](json refused) {
    return answer("lz4", 64 * kKiB, 1000, 77, true, refused);
  };
  EXPECT_EQ(probe(lz4, {.dictionaries = &known}), expected(kNull));
  EXPECT_EQ(probe(lz4), expected("unknown_dictionary"));
  OneDictionary another(78);
  EXPECT_EQ(probe(lz4, {.dictionaries = &another}), expected("unknown_dictionary"));
  // A zstd frame with the id 0x12345678: descriptor with four bytes of id, a window of 1 KiB.
  const Buffer zstd =
      test::bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x03, 0x00, 0x78, 0x56, 0x34, 0x12, 1, 0, 0});
  OneDictionary raw(0x12345678);
  OneDictionary good(0x12345678, test::bytes_of({0x37, 0xA4, 0x30, 0xEC, 0x78, 0x56, 0x34, 0x12}));
  EXPECT_EQ(probe(zstd, {.dictionaries = &good}), answer("zstd", 1024, kNull, 0x12345678, false));
  EXPECT_EQ(probe(zstd, {.dictionaries = &raw}),
            answer("zstd", 1024, kNull, 0x12345678, false, "unknown_dictionary"));
  EXPECT_EQ(probe(zstd), answer("zstd", 1024, kNull, 0x12345678, false, "unknown_dictionary"));
  // deflate names one by its checksum; nobody stores those.
  const Buffer zlib = test::bytes_of({0x78, 0xBB, 0, 0, 0, 77});
  EXPECT_EQ(probe(zlib, {.coding = Coding::deflate, .dictionaries = &known}),
            answer("deflate", 32768, kNull, 77, true, "unknown_dictionary"));
}

TEST(ProbeTest, RefusesBytesOfNoCoding) {
  for (const Buffer& body :
       {test::to_buffer("plain text, and more of it than a header"), test::to_buffer("a"),
        test::bytes_of({0x28, 0xB5}), test::bytes_of({0x50, 0x2A, 0x4D}),
        oracle_encode(Coding::br, text())}) {
    EXPECT_EQ(probe(body), "unsupported_coding");
  }
}

TEST(ProbeTest, AnEmptyBodyHasNoHeader) {
  for (const std::optional<Coding> coding :
       {std::optional<Coding>{}, std::optional(Coding::zstd), std::optional(Coding::br)}) {
    EXPECT_EQ(probe({}, {.coding = coding}), "truncated_input");
  }
  EXPECT_EQ(probe({}, {.coding = Coding::identity}),
            answer("identity", kNull, kNull, kNull, kNull));
}

// What is refused, the decoder refuses with the same code; what is accepted, it begins.
void expect_agreement(Bytes body, const Asked& asked) {
  const json told = [&] {
    const auto got = probe_once(body, asked, {});
    return got ? json::parse(*got) : json(to_string(got.error().code));
  }();
  const std::optional<Coding> coding = asked.coding ? asked.coding : core::sniff(body);
  if (!coding) {
    EXPECT_EQ(told, body.empty() ? "truncated_input" : "unsupported_coding");
    return;
  }
  const auto decoded = core::body_test::decode(*coding, body, {}, asked.limits, asked.dictionaries);
  const Errc code = decoded ? Errc{} : decoded.error().code;
  if (told.is_string()) {
    EXPECT_EQ(told, to_string(code));
  } else if (told["accepted"] == false) {
    EXPECT_EQ(told["coding"], to_string(*coding));
    EXPECT_EQ(told["refused_because"], to_string(code)) << told;
  } else {
    EXPECT_EQ(told["coding"], to_string(*coding));
    // With one frame of data these can only come from its header.
    for (const Errc by_header :
         {Errc::window_too_large, Errc::missing_dictionary, Errc::frame_limit_exceeded}) {
      EXPECT_NE(code, by_header) << told;
    }
  }
}

TEST(ProbeTest, AgreesWithTheDecoderAboutCutAndDamagedHeaders) {
  const Bytes input = Bytes(text()).first(3000);
  const std::pair<Coding, Buffer> bodies[] = {
      {Coding::zstd, zstd_frame(input, {})},
      {Coding::zstd, zstd_frame(input, {.content_size = false, .window_log = 12})},
      {Coding::zstd, skippable_frame(9) + zstd_frame(input, {})},
      {Coding::lz4, lz4_frame(input, LZ4F_max64KB, true, true, 77)},
      {Coding::lz4, skippable_frame(2) + lz4_frame(input, LZ4F_max4MB, false, false)},
      {Coding::gzip, oracle_encode(Coding::gzip, input)},
      {Coding::deflate, oracle_encode(Coding::deflate, input)},
      {Coding::br, oracle_encode(Coding::br, input)}};
  OneDictionary known(77);
  for (const auto& [coding, body] : bodies) {
    for (const bool named : {true, false}) {
      const Asked asked{
          .coding = named || coding == Coding::br ? std::optional(coding) : std::nullopt,
          .limits = {.max_output_bytes = 100'000, .max_window_bytes = kMiB},
          .dictionaries = &known};
      for (std::size_t at = 0; at < 40; ++at) {
        SCOPED_TRACE(testing::Message() << to_string(coding) << " at " << at);
        expect_agreement(Bytes(body).first(at), asked);
        for (const int bits : {0x01, 0x08, 0x20, 0x40, 0x80, 0xFF}) {
          Buffer damaged = body;
          damaged[at] ^= static_cast<std::byte>(bits);
          expect_agreement(damaged, asked);
        }
      }
    }
  }
}

TEST(ProbeTest, CostsNothingWorthAWorker) {
  Probe probe({}, {}, pools(), nullptr);
  EXPECT_LT(probe.cost_estimate(UINT64_MAX), std::chrono::microseconds(10));
}

}  // namespace
}  // namespace frdpu::server
