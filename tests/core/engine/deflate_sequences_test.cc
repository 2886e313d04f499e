#include "core/engine/deflate_sequences.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/support/deflate_inspector.h"
#include "tests/support/zlib_oracle.h"

namespace frdpu::core::rfc1951 {
namespace {

using test::Buffer;

const std::uint8_t* as_u8(const Buffer& bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

/// A body in the making, with the sequences that a parser would find in it. Room for symbols is of
/// exact size, so that a sanitizer sees the one behind.
class Script {
 public:
  void literals(const Buffer& bytes) {
    body_.insert(body_.end(), bytes.begin(), bytes.end());
    pending_ += bytes.size();
  }
  void match(std::size_t offset, std::size_t length) {
    for (std::size_t i = 0; i < length; ++i) body_.push_back(body_[body_.size() - offset]);
    steps_.push_back({pending_, offset, length});
    pending_ = 0;
  }
  [[nodiscard]] const Buffer& body() const { return body_; }

  /// Returns: nothing when there was no room.
  [[nodiscard]] std::optional<Buffer> written(std::size_t most_sequences, std::size_t most_literals,
                                              std::size_t room) const {
    const auto blocks = std::make_unique<BlockWriter>();
    const auto sequences = std::make_unique<Sequence[]>(most_sequences);
    const auto kept = std::make_unique<std::uint8_t[]>(most_literals + kCopied);
    Buffer out(room);
    auto* const at = reinterpret_cast<std::uint8_t*>(out.data());
    const std::uint8_t* in = as_u8(body_);
    SequenceWriter writer(in, in + body_.size(), at, at + room,
                          {.sequences = sequences.get(),
                           .most_sequences = most_sequences,
                           .literals = kept.get(),
                           .most_literals = most_literals},
                          *blocks);
    for (const Step& step : steps_) {
      if (!writer.put(in, step.literals, step.offset, step.length)) return std::nullopt;
      in += step.literals + step.length;
    }
    const std::size_t size = writer.finish(in);
    if (size == 0) return std::nullopt;
    out.resize(size);
    return out;
  }

 private:
  struct Step {
    std::size_t literals;
    std::size_t offset;
    std::size_t length;
  };
  Buffer body_;
  std::vector<Step> steps_;
  std::size_t pending_ = 0;
};

void expect_reads_back(const Script& script, const std::optional<Buffer>& data) {
  ASSERT_TRUE(data.has_value());
  const auto back = test::zlib_decode(*data, test::kRawBits);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->output, script.body());
  EXPECT_EQ(back->consumed, data->size());
}

TEST(DeflateSequencesTest, WritesMatchesOfEveryLength) {
  for (std::size_t length = 3; length <= 1100; ++length) {
    Script script;
    script.literals(test::text_like(40));
    script.match(30, length);
    script.literals(test::random_bytes(3, length));
    script.match(1, length);
    script.literals(test::random_bytes(length % 7));
    expect_reads_back(script, script.written(400, 400, 4000));
    expect_reads_back(script, script.written(1, 1, 4000));
  }
}

TEST(DeflateSequencesTest, WritesEveryOffset) {
  test::Random random(3);
  const Buffer far = test::random_bytes(32768);
  Script all;
  all.literals(far);
  for (std::size_t offset = 1; offset <= 32768; offset += 1 + offset / 300) all.match(offset, 5);
  all.match(32768, 300);
  const auto data = all.written(4096, 16384, 80000);
  expect_reads_back(all, data);
  EXPECT_EQ(test::DeflateInspector(*data).inspect()->max_distance, 32768u);
}

TEST(DeflateSequencesTest, EndsABlockWhereverItsRoomIsFull) {
  test::Random random(4);
  for (int round = 0; round < 300; ++round) {
    Script script;
    script.literals(test::text_like(1 + random.below(300), random.next()));
    for (std::size_t left = random.below(60); left > 0; --left) {
      const std::size_t length =
          random.below(10) == 0 ? 3 + random.below(2000) : 3 + random.below(9);
      script.match(1 + random.below(script.body().size()), length);
      script.literals(test::text_like(random.below(4) == 0 ? random.below(90) : random.below(6),
                                      random.next()));
    }
    const std::size_t room = script.body().size() * 8 + 4000;
    for (const std::size_t sequences : {1uz, 2uz, 7uz, 100uz}) {
      for (const std::size_t literals : {1uz, 3uz, 16uz, 17uz, 1000uz}) {
        expect_reads_back(script, script.written(sequences, literals, room));
      }
    }
  }
}

TEST(DeflateSequencesTest, LengthensTheLastMatchToTheEnd) {
  Script script;
  script.literals(test::text_like(100));
  script.match(100, 20);
  script.literals({script.body().begin() + 20, script.body().begin() + 25});  // what it could have
  const auto data = script.written(10, 200, 400);
  expect_reads_back(script, data);
  Script whole;
  whole.literals(test::text_like(100));
  whole.match(100, 25);
  EXPECT_EQ(data, whole.written(10, 200, 400));
  // Not beyond the longest match.
  Script run;
  run.literals(test::zeros(1));
  run.match(1, 256);
  run.literals(test::zeros(9));
  expect_reads_back(run, run.written(10, 200, 400));
}

TEST(DeflateSequencesTest, NeedsItsBytesAndEightMore) {
  std::vector<Script> scripts(4);
  scripts[1].literals(test::random_bytes(300));
  scripts[2].literals(test::text_like(900));
  scripts[3].literals(test::text_like(500));
  scripts[3].match(77, 700);
  scripts[3].literals(test::random_bytes(90));
  for (const Script& script : scripts) {
    for (const std::size_t sequences : {1uz, 20uz}) {
      for (const std::size_t literals : {50uz, 1000uz}) {
        const auto all = script.written(sequences, literals, 3000);
        ASSERT_TRUE(all.has_value());
        for (std::size_t room = 0; room < all->size() + 20; ++room) {
          const auto data = script.written(sequences, literals, room);
          ASSERT_EQ(data.has_value(), room >= all->size() + BlockWriter::kSlackBytes) << room;
          if (data) {
            EXPECT_EQ(*data, *all);
          }
        }
      }
    }
  }
}

TEST(DeflateSequencesTest, ChoosesTheShortestKindOfBlock) {
  const auto facts = [](const Buffer& literals) {
    Script script;
    script.literals(literals);
    const auto data = script.written(1, 65536, 70000);
    expect_reads_back(script, data);
    return *test::DeflateInspector(*data).inspect();
  };
  EXPECT_EQ(facts({}).fixed_blocks, 1u);
  EXPECT_EQ(facts(test::to_buffer("hello, hello")).fixed_blocks, 1u);
  EXPECT_EQ(facts(test::text_like(2000)).dynamic_blocks, 1u);
  EXPECT_EQ(facts(test::random_bytes(2000)).stored_blocks, 1u);
  // More than a stored block may have.
  Script long_one;
  for (int i = 0; i < 5; ++i) long_one.literals(test::random_bytes(16384, 9 + i));
  const auto data = long_one.written(1, 16384, 90000);
  expect_reads_back(long_one, data);
  EXPECT_EQ(test::DeflateInspector(*data).inspect()->stored_blocks, 5u);
}

TEST(DeflateSequencesTest, WritesLiteralsOfAnyFrequencies) {
  // Each symbol as often as Fibonacci says: words that would have to be longer than the limit.
  Buffer fibonacci;
  for (std::size_t symbol = 0, now = 1, next = 1; fibonacci.size() + now < 60000; ++symbol) {
    fibonacci.insert(fibonacci.end(), now, static_cast<std::byte>(symbol * 11));
    next += now;
    now = next - now;
  }
  Buffer equal;
  for (int i = 0; i < 256 * 20; ++i) equal.push_back(static_cast<std::byte>(i * 77));
  Buffer two(3000, std::byte{'a'});
  for (std::size_t i = 0; i < two.size(); i += 3) two[i] = std::byte{255};
  Buffer runs;  // code lengths that come in runs of every length
  for (int symbol = 0; symbol < 256; ++symbol) {
    if (symbol * symbol % 23 < 9)
      runs.insert(runs.end(), std::size_t{1} << symbol % 13, std::byte(symbol));
  }
  for (const Buffer& literals : {fibonacci, equal, two, runs, test::zeros(500)}) {
    Script script;
    script.literals(literals);
    expect_reads_back(script, script.written(1, 65535, 90000));
  }
}

TEST(DeflateSequencesTest, SaysEveryRowOfCodeLengths) {
  // Which symbols there are decides about runs of zeros and of equal lengths.
  test::Random random(8);
  for (int round = 0; round < 3000; ++round) {
    Buffer literals;
    for (std::size_t symbol = 0; symbol < 256;) {
      const std::size_t run = 1 + random.below(random.below(4) == 0 ? 200 : 12);
      const std::size_t times = random.below(2) == 0 ? 0 : std::size_t{1} << random.below(6);
      for (std::size_t i = 0; i < run && symbol < 256; ++i, ++symbol) {
        literals.insert(literals.end(), times, static_cast<std::byte>(symbol));
      }
    }
    Script script;
    script.literals(literals);
    if (literals.size() > 40) {
      for (std::size_t left = random.below(8); left > 0; --left) {
        script.match(1 + random.below(literals.size()), 3 + random.below(256));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_reads_back(script, script.written(4096, 16384, 40000)));
  }
}

}  // namespace
}  // namespace frdpu::core::rfc1951
