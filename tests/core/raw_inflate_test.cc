#include "core/raw_inflate.h"

#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include <memory>

#include "tests/support/codec_driver.h"
#include "tests/support/zlib_oracle.h"

namespace frdpu::core {
namespace {

using test::Buffer;
using test::kRawBits;

// zlib's inflater as a Transform, so that the common driver can cut its views.
class InflateTransform final : public Transform {
 public:
  InflateTransform() {
    Workspace& workspace = **Workspace::open(region_.bytes());
    EXPECT_TRUE(inflater_.prepare(workspace));
    EXPECT_TRUE(inflater_.reset());
  }

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    auto progress = inflater_.run(input, output);
    if (!progress) return progress;
    if (flush == Flush::finish && progress->state == StepState::need_input) {
      return fail(Errc::truncated_input);
    }
    return progress;
  }

 private:
  test::AlignedRegion region_{Workspace::kHeaderBytes + ZlibInflate::arena_bytes()};
  ZlibInflate inflater_;
};

Result<test::Driven> inflate_all(Bytes input, test::Cut cut = {}) {
  const auto transform = std::make_unique<InflateTransform>();
  cut.output_limit = std::size_t{1} << 26;
  return test::drive(*transform, input, cut);
}

void expect_as_zlib(Bytes input, test::Cut cut, const std::string& what) {
  bool truncated = false;
  const auto expected = test::zlib_decode(input, kRawBits, &truncated);
  const auto got = inflate_all(input, cut);
  ASSERT_EQ(got.has_value(), expected.has_value())
      << what << ": " << (got ? "accepted" : got.error().detail);
  if (got) {
    EXPECT_EQ(got->output, expected->output) << what;
    EXPECT_EQ(got->consumed, expected->consumed) << what;
  } else {
    EXPECT_EQ(got.error().code == Errc::truncated_input, truncated)
        << what << ": " << to_string(got.error().code);
  }
}

std::vector<test::Sample> streams_of(Bytes input) {
  std::vector<test::Sample> streams;
  for (const int level : {0, 1, 6, 9}) {
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED, Z_RLE}) {
      streams.push_back({"zlib " + std::to_string(level) + "/" + std::to_string(strategy),
                         test::zlib_encode(input, level, kRawBits, strategy)});
    }
  }
  for (const int level : {1, 6, 12}) {
    libdeflate_compressor* const compressor = libdeflate_alloc_compressor(level);
    Buffer out(libdeflate_deflate_compress_bound(compressor, input.size()));
    out.resize(libdeflate_deflate_compress(compressor, input.data(), input.size(), out.data(),
                                           out.size()));
    libdeflate_free_compressor(compressor);
    streams.push_back({"libdeflate " + std::to_string(level), std::move(out)});
  }
  const auto stream = std::make_unique<isal_zstream>();
  isal_deflate_stateless_init(stream.get());
  Buffer out(input.size() + 1000);
  stream->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(input.data()));
  stream->avail_in = static_cast<std::uint32_t>(input.size());
  stream->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream->avail_out = static_cast<std::uint32_t>(out.size());
  EXPECT_EQ(isal_deflate_stateless(stream.get()), COMP_OK);
  out.resize(stream->total_out);
  streams.push_back({"isal 0", std::move(out)});
  return streams;
}

TEST(RawInflateTest, ReadsWhatEveryLibraryWrites) {
  for (const std::size_t size : {0uz, 1uz, 300uz, 5000uz, 70000uz, 300000uz}) {
    for (const test::Sample& sample : test::synthetic_samples(size)) {
      for (const test::Sample& stream : streams_of(sample.bytes)) {
        const auto got = inflate_all(stream.bytes);
        ASSERT_TRUE(got.has_value()) << sample << " " << stream << got.error().detail;
        EXPECT_EQ(got->output, sample.bytes) << sample << " " << stream.name;
        EXPECT_EQ(got->consumed, stream.bytes.size());
      }
    }
  }
}

TEST(RawInflateTest, ReadsTheCorpus) {
  for (const test::Sample& sample : test::corpus_samples(500000)) {
    for (const int level : {1, 6}) {
      const auto got = inflate_all(test::zlib_encode(sample.bytes, level, kRawBits));
      ASSERT_TRUE(got.has_value()) << sample << got.error().detail;
      EXPECT_EQ(got->output, sample.bytes) << sample;
    }
  }
}

TEST(RawInflateTest, DecodesAtEverySeam) {
  const Buffer inputs[] = {test::json_like(4000), test::mixed_bytes(4000), test::random_bytes(900),
                           test::zeros(5000)};
  for (const Buffer& input : inputs) {
    for (const test::Sample& stream : streams_of(input)) {
      for (const std::size_t in : test::kSeamSizes) {
        for (const std::size_t out : {1uz, 3uz, 31uz, 64uz, 400uz, SIZE_MAX}) {
          const auto got = inflate_all(stream.bytes, {.input_bytes = in, .output_bytes = out});
          ASSERT_TRUE(got.has_value()) << stream << in << "/" << out << got.error().detail;
          ASSERT_EQ(got->output, input) << stream.name << " " << in << "/" << out;
          ASSERT_EQ(got->consumed, stream.bytes.size());
        }
      }
    }
  }
}

TEST(RawInflateTest, KeepsTheWindowAcrossViewsOfAnySize) {
  // Matches from all over the window, so that they begin in the ring and end in the view.
  const Buffer input = test::mixed_bytes(200000, 7, 32768);
  const Buffer stream = test::zlib_encode(input, 9, kRawBits);
  for (const std::size_t out : {257uz, 1500uz, 4096uz, 32767uz, 32768uz, 32769uz, 65536uz}) {
    const auto got = inflate_all(stream, {.output_bytes = out});
    ASSERT_TRUE(got.has_value()) << out << got.error().detail;
    EXPECT_EQ(got->output, input) << out;
  }
}

TEST(RawInflateTest, LeavesWhatFollows) {
  const Buffer input = test::text_like(2000);
  for (const test::Sample& stream : streams_of(input)) {
    for (const std::size_t in : {1uz, 5uz, SIZE_MAX}) {
      Buffer more = stream.bytes;
      more.insert(more.end(), 40, std::byte{0x55});
      const auto got = inflate_all(more, {.input_bytes = in});
      ASSERT_TRUE(got.has_value()) << stream;
      EXPECT_EQ(got->consumed, stream.bytes.size()) << stream.name;
    }
  }
}

TEST(RawInflateTest, FindsEveryTruncation) {
  for (const test::Sample& stream : streams_of(test::json_like(700))) {
    for (std::size_t size = 0; size < stream.bytes.size(); ++size) {
      const auto got = inflate_all(Bytes(stream.bytes).first(size), {.input_bytes = 50});
      ASSERT_FALSE(got.has_value()) << stream.name << " cut at " << size;
      EXPECT_EQ(got.error().code, Errc::truncated_input) << stream.name << " cut at " << size;
    }
  }
}

TEST(RawInflateTest, AcceptsAndRefusesAsZlibDoes) {
  test::Random random(20240807);
  for (int round = 0; round < 400; ++round) {
    const Buffer input =
        test::synthetic_samples(40 + random.below(1500), random.next())[random.below(7)].bytes;
    const auto streams = streams_of(input);
    Buffer stream = streams[random.below(streams.size())].bytes;
    for (std::size_t flips = random.between(1, 4); flips > 0 && !stream.empty(); --flips) {
      // Most of the first bytes are code lengths: that is where it gets interesting.
      const std::size_t at = random.below(
          random.below(2) == 0 ? std::min<std::size_t>(stream.size(), 60) : stream.size());
      stream[at] ^= static_cast<std::byte>(1u << random.below(8));
    }
    const test::Cut cut{.input_bytes = random.below(2) == 0 ? SIZE_MAX : random.between(1, 40),
                        .output_bytes = random.below(2) == 0 ? SIZE_MAX : random.between(1, 700)};
    expect_as_zlib(stream, cut, "round " + std::to_string(round));
  }
}

TEST(RawInflateTest, AcceptsAndRefusesRandomBlocksAsZlibDoes) {
  // A dynamic block whose code lengths are drawn at random: complete, incomplete, oversubscribed.
  test::Random random(77);
  for (int round = 0; round < 3000; ++round) {
    Buffer stream = test::random_bytes(random.between(10, 120), random.next());
    stream[0] = (stream[0] & std::byte{0xF8}) | static_cast<std::byte>(random.below(2) | 4);
    expect_as_zlib(stream, {.input_bytes = random.below(2) == 0 ? SIZE_MAX : 1},
                   "round " + std::to_string(round));
  }
}

struct Malformed {
  const char* name;
  std::vector<int> bytes;
};

TEST(RawInflateTest, RefusesWhatBreaksTheFormat) {
  const Malformed rows[] = {
      {"block type 3", {0x07}},
      {"stored lengths disagree", {0x01, 0x01, 0x00, 0x00, 0x00, 0x55}},
      {"fixed code, distance before the start", {0x03, 0x02, 0x00}},
      {"fixed code, literal symbol 286", {0x1B, 0x03}},
      {"too many literal codes", {0xFD, 0xFF, 0xFF}},
      {"no code lengths at all", {0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
  };
  for (const Malformed& row : rows) {
    Buffer bytes;
    for (const int value : row.bytes) bytes.push_back(static_cast<std::byte>(value));
    bytes.insert(bytes.end(), 30, std::byte{0});
    const auto got = inflate_all(bytes);
    const bool zlib_takes = test::zlib_decode(bytes, kRawBits).has_value();
    EXPECT_EQ(got.has_value(), zlib_takes) << row.name;
    if (!zlib_takes) {
      ASSERT_FALSE(got.has_value());
      EXPECT_EQ(got.error().code, Errc::corrupt_input) << row.name;
      EXPECT_LE(got.error().offset.value_or(SIZE_MAX), bytes.size()) << row.name;
    }
  }
}

TEST(RawInflateTest, SaysWhereItGaveUp) {
  // A stored block of three bytes, then one of a type that does not exist.
  Buffer good = test::bytes_of({0x00, 0x03, 0x00, 0xFC, 0xFF, 1, 2, 3});
  good.push_back(std::byte{0x07});
  const auto got = inflate_all(good);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().offset, 9u);
}

// libdeflate's inflater in a region of exactly its size.
class WholeInflateTest : public testing::Test {
 protected:
  WholeInflateTest() { EXPECT_TRUE(inflater_.prepare(**Workspace::open(region_.bytes()))); }

  test::AlignedRegion region_{Workspace::kHeaderBytes + WholeInflate::arena_bytes()};
  WholeInflate inflater_;
};

TEST_F(WholeInflateTest, ReadsWhatEveryLibraryWritesAndLeavesWhatFollows) {
  for (const std::size_t size : {0uz, 1uz, 300uz, 5000uz, 64000uz}) {
    for (const test::Sample& sample : test::synthetic_samples(size)) {
      for (const test::Sample& stream : streams_of(sample.bytes)) {
        Buffer more = stream.bytes;
        more.insert(more.end(), 40, std::byte{0x55});
        Buffer out(sample.bytes.size());
        const Progress got = inflater_.run(more, out);
        ASSERT_EQ(got.state, StepState::done) << sample << " " << stream.name;
        EXPECT_EQ(got.consumed, stream.bytes.size()) << sample << " " << stream.name;
        EXPECT_EQ(got.produced, out.size()) << sample << " " << stream.name;
        EXPECT_EQ(out, sample.bytes) << sample << " " << stream.name;
      }
    }
  }
}

TEST_F(WholeInflateTest, TakesNothingWhereItCannotFinish) {
  const Buffer input = test::json_like(700);
  const auto expect_nothing = [&](Bytes stream, std::size_t room, const std::string& what) {
    Buffer out(room);
    const Progress got = inflater_.run(stream, out);
    EXPECT_EQ(got.state, StepState::need_output) << what;
    EXPECT_EQ(got.consumed + got.produced, 0u) << what;
  };
  for (const test::Sample& stream : streams_of(input)) {
    for (const std::size_t room : {0uz, 1uz, 350uz, 699uz}) {
      expect_nothing(stream.bytes, room, stream.name + " into " + std::to_string(room));
    }
    for (std::size_t size = 0; size < stream.bytes.size(); size += 7) {
      expect_nothing(Bytes(stream.bytes).first(size), 700,
                     stream.name + " cut at " + std::to_string(size));
    }
  }
}

TEST_F(WholeInflateTest, TakesWhatZlibTakes) {
  test::Random random(991);
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    Buffer stream =
        test::zlib_encode(test::text_like(40 + random.below(400), random.next()), 6, kRawBits);
    for (std::size_t flips = random.below(3); flips > 0; --flips) {
      stream[random.below(stream.size())] ^= static_cast<std::byte>(1u << random.below(8));
    }
    const auto expected = test::zlib_decode(stream, kRawBits);
    if (!expected || expected->output.size() > 4096) continue;
    ++taken;
    Buffer out(4096);
    const Progress got = inflater_.run(stream, out);
    ASSERT_EQ(got.state, StepState::done) << "round " << round;
    out.resize(got.produced);
    EXPECT_EQ(out, expected->output) << "round " << round;
    EXPECT_EQ(got.consumed, expected->consumed) << "round " << round;
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace frdpu::core
