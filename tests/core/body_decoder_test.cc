#include "core/body_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/body_helpers.h"
#include "tests/support/codec_driver.h"
#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using namespace body_test;
using test::Buffer;
using test::Cut;
using test::drive;
using test::oracle_encode;
using test::skippable_frame;
using test::operator+;

// Every transform must go on with 64 bytes of room, so these are the cuts of the output.
constexpr std::size_t kRoomSizes[] = {64, 65, 127, 1000, SIZE_MAX};

struct Body {
  std::string name;
  Coding coding;
  Buffer bytes;
  Buffer decoded;
  bool checked = true;  ///< a checksum covers the content
};
std::ostream& operator<<(std::ostream& out, const Body& body) {
  return out << to_string(body.coding) << ", " << body.name;
}

// Extra field, name, comment and the header's own checksum (RFC 1952, 2.3).
Buffer gzip_with_all_fields(Bytes input) {
  Buffer header = test::bytes_of({0x1F, 0x8B, 8,   0x1E, 1,   2,   3,   4,   0, 3,   5,   0,   'e',
                                  'x',  't',  'r', 'a',  'n', 'a', 'm', 'e', 0, 'c', 'o', 'm', 0});
  const auto crc = crc32(0, test::detail::u8(header.data()), static_cast<unsigned>(header.size()));
  header.push_back(static_cast<std::byte>(crc));
  header.push_back(static_cast<std::byte>(crc >> 8));
  const Buffer plain = oracle_encode(Coding::gzip, input);
  const Buffer trailer(plain.end() - 8, plain.end());
  return header + test::detail::deflate_all(input, 6, -15) + trailer;
}

std::vector<Body> good_bodies(std::size_t size) {
  std::vector<Body> bodies;
  const Buffer text = test::text_like(size);
  const Buffer mixed = test::mixed_bytes(size);
  for (const Coding coding : kCodings) {
    const bool checked = coding != Coding::br;
    const Buffer one = oracle_encode(coding, text);
    const Buffer empty = oracle_encode(coding, {});
    bodies.push_back({"one frame", coding, one, text, checked});
    bodies.push_back({"an empty frame", coding, empty, {}, checked});
    if (coding == Coding::deflate) {
      bodies.push_back({"raw", coding, test::detail::deflate_all(text, 6, -15), text, false});
      bodies.push_back(
          {"raw, stored", coding, test::detail::deflate_all(mixed, 0, -15), mixed, false});
    }
    if (coding == Coding::deflate || coding == Coding::br) continue;
    const Buffer two = oracle_encode(coding, mixed, 1);
    bodies.push_back({"two frames", coding, one + two, text + mixed});
    bodies.push_back({"empty frames around one", coding, empty + one + empty + empty, text});
    if (coding == Coding::gzip) {
      bodies.push_back({"all header fields", coding, gzip_with_all_fields(text), text});
      continue;
    }
    bodies.push_back({"skippable first", coding, skippable_frame(40) + one, text});
    bodies.push_back({"skippable between and last", coding,
                      one + skippable_frame(0, 7) + two + skippable_frame(3, 15), text + mixed});
    bodies.push_back(
        {"nothing but skippable", coding, skippable_frame(5) + skippable_frame(0), {}});
    if (coding != Coding::lz4) continue;
    const Buffer legacy = test::oracle_encode_lz4_legacy(text);
    bodies.push_back({"legacy", coding, legacy, text, false});
    bodies.push_back({"legacy, then a frame", coding, legacy + two, text + mixed, false});
    bodies.push_back({"legacy, then legacy", coding, legacy + legacy, text + text, false});
    bodies.push_back(
        {"legacy, then skippable", coding, legacy + skippable_frame(9) + one, text + text, false});
  }
  return bodies;
}

TEST(BodyDecoderTest, DecodesAtEverySeam) {
  for (const Body& body : good_bodies(700)) {
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : kRoomSizes) {
        const auto got = decode(body.coding, body.bytes, {in, out});
        ASSERT_TRUE(got.has_value())
            << body << " " << in << "/" << out << ": " << got.error().detail;
        EXPECT_EQ(got->output, body.decoded) << body << " " << in << "/" << out;
      }
    }
  }
  expect_all_home();
}

TEST(BodyDecoderTest, DecodesLongBodies) {
  for (const Body& body : good_bodies(400000)) {
    for (const Cut cut : {Cut{}, Cut{1400, 1400}, Cut{65536, 64}, Cut{100, SIZE_MAX}}) {
      const auto got = decode(body.coding, body.bytes, cut);
      ASSERT_TRUE(got.has_value()) << body << ": " << got.error().detail;
      EXPECT_EQ(got->output, body.decoded) << body;
    }
  }
  expect_all_home();
}

// Random chains of frames, cut at random, against the plain concatenation.
TEST(BodyDecoderTest, MatchesThePlainModel) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    test::Random random(seed);
    for (const Coding coding : {Coding::lz4, Coding::zstd}) {
      Buffer body;
      Buffer expected;
      for (std::size_t n = random.between(1, 6); n-- > 0;) {
        const Buffer part =
            test::mixed_bytes(random.below(random.below(4) == 0 ? 150000 : 2000), random.next());
        const std::size_t kind = random.below(4);
        if (kind == 0) {
          body = body + skippable_frame(random.below(300), static_cast<int>(random.below(16)));
          continue;
        }
        const bool legacy = kind == 1 && coding == Coding::lz4 && !part.empty();
        body =
            body + (legacy ? test::oracle_encode_lz4_legacy(part)
                           : oracle_encode(coding, part, static_cast<int>(random.between(1, 9))));
        expected = expected + part;
      }
      const Cut cut{random.between(1, 40000), random.between(64, 70000)};
      const auto got = decode(coding, body, cut);
      ASSERT_TRUE(got.has_value())
          << to_string(coding) << " seed " << seed << ": " << got.error().detail;
      EXPECT_EQ(got->output, expected) << to_string(coding) << " seed " << seed;
    }
  }
  expect_all_home();
}

TEST(BodyDecoderTest, AnEmptyBodyIsTruncated) {
  for (const Coding coding : kCodings) {
    const auto got = decode(coding, {});
    ASSERT_FALSE(got.has_value()) << to_string(coding);
    EXPECT_EQ(got.error().code, Errc::truncated_input) << to_string(coding);
    EXPECT_EQ(got.error().offset, 0u);
  }
  const auto identity = decode(Coding::identity, {});
  ASSERT_TRUE(identity.has_value());
  EXPECT_TRUE(identity->output.empty());
}

TEST(BodyDecoderTest, IdentityPassesEverything) {
  const Buffer input = test::random_bytes(5000);
  for (const std::size_t in : test::kSeamSizes) {
    const auto got = decode(Coding::identity, input, {in, 100});
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->output, input);
  }
}

TEST(BodyDecoderTest, SaysWhenABodyIsCutOff) {
  for (const Body& body : good_bodies(120)) {
    for (std::size_t size = 0; size < body.bytes.size(); ++size) {
      for (const std::size_t in : {std::size_t{1}, std::size_t{SIZE_MAX}}) {
        const auto got = decode(body.coding, Bytes(body.bytes).first(size), {in, SIZE_MAX});
        if (got) {
          // Legal only at the end of a frame; the legacy format has ends that cannot be told.
          const std::size_t whole = got->output.size();
          EXPECT_LE(whole, body.decoded.size());
          EXPECT_TRUE(std::equal(got->output.begin(), got->output.end(), body.decoded.begin()));
          EXPECT_TRUE(!body.checked || whole % 120 == 0) << body << " at " << size;
          EXPECT_NE(size, 0u) << body;
        } else {
          EXPECT_EQ(got.error().code, Errc::truncated_input)
              << body << " at " << size << ": " << got.error().detail;
          EXPECT_EQ(got.error().offset, size) << body << " at " << size;
        }
      }
    }
  }
}

TEST(BodyDecoderTest, OneFrameCutAnywhereIsNeverDone) {
  for (const Coding coding : kCodings) {
    const Buffer frame = oracle_encode(coding, test::text_like(300));
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const auto got = decode(coding, Bytes(frame).first(size));
      ASSERT_FALSE(got.has_value()) << to_string(coding) << " at " << size;
      EXPECT_EQ(got.error().code, Errc::truncated_input) << to_string(coding) << " at " << size;
    }
  }
}

TEST(BodyDecoderTest, RefusesOtherBytesBehindTheEnd) {
  for (const Body& body : good_bodies(500)) {
    // Behind an unframed end only the format itself can tell.
    if (!body.checked && body.coding == Coding::lz4) continue;
    for (const Buffer& tail :
         {Buffer(1), Buffer(100), test::to_buffer("x"),
          test::to_buffer("some text that is no frame"), test::bytes_of({0x28, 0xB5, 0x2F, 0}),
          test::bytes_of({0x1F, 0x8C})}) {
      for (const std::size_t in : {1, 3, 1000}) {
        const auto got = decode(body.coding, body.bytes + tail, {in, 256});
        ASSERT_FALSE(got.has_value()) << body;
        EXPECT_EQ(got.error().code, Errc::trailing_data) << body << got.error().detail;
        EXPECT_EQ(got.error().offset, body.bytes.size()) << body;
      }
    }
  }
}

TEST(BodyDecoderTest, ABrokenSecondFrameIsCountedFromTheStartOfTheBody) {
  for (const Coding coding : {Coding::lz4, Coding::zstd}) {
    const Buffer one = oracle_encode(coding, test::text_like(500));
    Buffer body = one + one;
    body[one.size() + 4] ^= std::byte{0x08};  // a reserved bit, or a version
    const auto got = decode(coding, body);
    ASSERT_FALSE(got.has_value()) << to_string(coding);
    EXPECT_EQ(got.error().code, Errc::corrupt_input) << to_string(coding);
    EXPECT_GE(*got.error().offset, one.size()) << to_string(coding);
    EXPECT_LE(*got.error().offset, one.size() + 7) << to_string(coding);
  }
}

TEST(BodyDecoderTest, NeverTakesAFlippedBitForGood) {
  for (const Body& body : good_bodies(100)) {
    for (std::size_t bit = 0; bit < body.bytes.size() * 8; ++bit) {
      Buffer flipped = body.bytes;
      flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
      const auto got = decode(body.coding, flipped, {.output_limit = 1 << 20},
                              {.max_output_bytes = 1 << 19, .max_window_bytes = 8 << 20});
      if (!got) {
        EXPECT_NE(got.error().code, Errc::internal_error) << body << bit << got.error().detail;
        EXPECT_NE(got.error().code, Errc::pool_exhausted) << body << bit;
      } else if (body.checked) {
        // A flip may turn a frame into a skippable one, or cut the body into other frames, but
        // what comes out is made of whole good frames.
        EXPECT_TRUE(body.name != "one frame" || got->output == body.decoded) << body << " " << bit;
        EXPECT_EQ(got->output.size() % 100, 0u) << body << " " << bit;
      }
    }
  }
  expect_all_home();
}

TEST(BodyDecoderTest, LeasesWhatTheHeaderAsksForAndNoMore) {
  const Buffer body = oracle_encode(Coding::zstd, test::text_like(1000));
  BodyDecoder decoder(Coding::zstd, {}, pools());
  std::byte room[64];
  ASSERT_TRUE(decoder.step(Bytes(body).first(20), room, Flush::none).has_value());
  std::size_t in_use = 0;
  for (std::size_t i = 0; i < pools().kinds().size(); ++i) {
    const WorkspaceKind& kind = pools().kinds()[i];
    if (pools().stats(i).in_use == 0) continue;
    ++in_use;
    EXPECT_EQ(kind.coding, Coding::zstd);
    EXPECT_EQ(kind.direction, Direction::decompress);
    EXPECT_LE(kind.block_bytes, 600 * kKiB) << kind.name;
  }
  EXPECT_EQ(in_use, 1u);
}

TEST(BodyDecoderTest, HoldsNothingBetweenFrames) {
  for (const Coding coding : {Coding::zstd, Coding::lz4}) {
    const Buffer frame = oracle_encode(coding, test::text_like(100));
    BodyDecoder decoder(coding, {}, pools());
    Buffer room(1000);
    auto stepped = decoder.step(frame, room, Flush::none);
    ASSERT_TRUE(stepped.has_value());
    EXPECT_EQ(stepped->state, StepState::need_input);
    expect_all_home();
    stepped = decoder.step(frame, room, Flush::finish);
    ASSERT_TRUE(stepped.has_value());
    EXPECT_EQ(stepped->state, StepState::done);
    EXPECT_EQ(decoder.frames(), 2u);
    expect_all_home();
  }
}

TEST(BodyDecoderTest, ThousandsOfEmptyFramesAreWork) {
  for (const Coding coding : kCodings) {
    if (coding == Coding::deflate || coding == Coding::br) continue;
    const Buffer empty = oracle_encode(coding, {});
    Buffer body;
    for (int i = 0; i < 10000; ++i) body.insert(body.end(), empty.begin(), empty.end());
    const auto got = decode(coding, body, {.input_bytes = 65536});
    ASSERT_TRUE(got.has_value()) << to_string(coding) << got.error().detail;
    EXPECT_TRUE(got->output.empty());
  }
}

TEST(BodyDecoderTest, AnExhaustedPoolCostsNothingAndMayBeTriedAgain) {
  for (const Coding coding : kCodings) {
    WorkspacePools small = *WorkspacePools::create(128 * kMiB, 32768);
    const Buffer input = test::text_like(3000);
    const Buffer frame = oracle_encode(coding, input);
    const bool several = coding != Coding::deflate && coding != Coding::br;
    const Buffer body = several ? frame + frame : frame;
    for (const std::size_t in : {1, 7, 1000000}) {
      std::vector<PooledBlock> held;
      const auto take_all = [&] {
        for (const WorkspaceKind& kind : small.kinds()) {
          if (kind.coding != coding || kind.direction != Direction::decompress) continue;
          for (;;) {
            auto block = small.acquire(coding, Direction::decompress, kind.block_bytes);
            if (!block) break;
            held.push_back(std::move(*block));
          }
        }
      };
      take_all();
      BodyDecoder decoder(coding, {}, small);
      Buffer out(2 * input.size() + 64);
      std::size_t taken = 0;
      std::size_t made = 0;
      std::size_t refusals = 0;
      std::uint64_t frames = 0;
      for (StepState state{}; state != StepState::done;) {
        const std::size_t piece = std::min(in, body.size() - taken);
        const auto stepped =
            decoder.step(Bytes(body).subspan(taken, piece), MutableBytes(out).subspan(made),
                         taken + piece == body.size() ? Flush::finish : Flush::none);
        if (!stepped) {
          ASSERT_EQ(stepped.error().code, Errc::pool_exhausted) << stepped.error().detail;
          EXPECT_EQ(decoder.consumed_bytes(), taken);
          // Refused as often as it is tried, and then not.
          if (++refusals % 3 == 0) held.clear();
          continue;
        }
        taken += stepped->consumed;
        made += stepped->produced;
        state = stepped->state;
        if (decoder.frames() != frames) {
          frames = decoder.frames();
          take_all();
        }
      }
      EXPECT_GE(refusals, 3u) << to_string(coding);
      EXPECT_EQ(made, several ? 2 * input.size() : input.size());
      EXPECT_TRUE(std::equal(input.begin(), input.end(), out.begin()));
      held.clear();
      expect_all_home(small);
    }
  }
}

TEST(BodyDecoderTest, WhatWasDoneBeforeAnExhaustedPoolIsNotLost) {
  WorkspacePools small = *WorkspacePools::create(100 * kMiB, 1u << 20);
  const Buffer first = test::text_like(1000);
  const Buffer second = test::text_like(600000);  // another size class
  const Buffer body = oracle_encode(Coding::zstd, first) + oracle_encode(Coding::zstd, second);
  std::vector<PooledBlock> held;
  for (;;) {
    auto block = small.acquire(Coding::zstd, Direction::decompress, kMiB);
    if (!block) break;
    held.push_back(std::move(*block));
  }
  BodyDecoder decoder(Coding::zstd, {}, small);
  Buffer out(first.size() + second.size() + 64);
  auto stepped = decoder.step(body, out, Flush::finish);
  ASSERT_TRUE(stepped.has_value()) << stepped.error().detail;
  EXPECT_EQ(stepped->produced, first.size());
  EXPECT_EQ(stepped->state, StepState::need_output);
  const std::size_t taken = stepped->consumed;
  for (int i = 0; i < 3; ++i) {
    stepped = decoder.step(Bytes(body).subspan(taken), MutableBytes(out).subspan(first.size()),
                           Flush::finish);
    ASSERT_FALSE(stepped.has_value());
    EXPECT_EQ(stepped.error().code, Errc::pool_exhausted);
  }
  held.clear();
  stepped = decoder.step(Bytes(body).subspan(taken), MutableBytes(out).subspan(first.size()),
                         Flush::finish);
  ASSERT_TRUE(stepped.has_value()) << stepped.error().detail;
  EXPECT_EQ(stepped->state, StepState::done);
  out.resize(first.size() + second.size());
  EXPECT_EQ(out, first + second);
  expect_all_home(small);
}

class MapOfDictionaries final : public DictionarySource {
 public:
  void add(const Dictionary& dictionary) { all_.emplace(dictionary.id(), dictionary); }
  const Dictionary* find(std::uint32_t id) noexcept override {
    asked = id;
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : &found->second;
  }
  std::uint32_t asked = 0;

 private:
  std::map<std::uint32_t, Dictionary> all_;
};

TEST(BodyDecoderTest, FindsDictionariesByTheFramesOwnId) {
  // zstd's format with a raw tail would need training; lz4 takes any bytes.
  const Buffer words = test::json_like(3000, 5);
  const Dictionary dictionary(words, 0xABCD1234);
  const Buffer input = test::json_like(500, 6);
  const EncoderParams params{
      .coding = Coding::lz4, .level = 1, .content_bytes = input.size(), .dictionary = &dictionary};
  auto encoder = make_encoder(params, pools());
  ASSERT_TRUE(encoder.has_value());
  const auto frame = drive(**encoder, input);
  ASSERT_TRUE(frame.has_value());
  encoder->reset();

  MapOfDictionaries known;
  known.add(dictionary);
  for (const std::size_t in : test::kSeamSizes) {
    const auto got = decode(Coding::lz4, frame->output + frame->output, {in, 100}, {}, &known);
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->output, input + input);
    EXPECT_EQ(known.asked, 0xABCD1234u);
  }
  MapOfDictionaries none;
  for (DictionarySource* source :
       {static_cast<DictionarySource*>(&none), static_cast<DictionarySource*>(nullptr)}) {
    const auto missing = decode(Coding::lz4, frame->output, {}, {}, source);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Errc::missing_dictionary);
    EXPECT_EQ(missing.error().observed, 0xABCD1234u);
  }
}

}  // namespace
}  // namespace frdpu::core
