#include "proto/query.h"

#include <gtest/gtest.h>

#include <string>

namespace frdpu::proto {
namespace {

using core::Coding;
using core::Errc;

struct GoodCompress {
  const char* name;
  const char* query;
  Choice choice = Choice::named;
  Coding coding = Coding::lz4;
  int level = 1;
  std::uint32_t window = 0;
  const char* dictionary = "";
  Prefer prefer = Prefer::balanced;
  Label label = Label::media_type;
};

const GoodCompress kGoodCompress[] = {
    {"nothing", ""},
    {"empty pieces", "&&level=2&", Choice::named, Coding::lz4, 2},
    {"coding", "coding=zstd", Choice::named, Coding::zstd, 3},
    {"case of the name", "coding=GZip", Choice::named, Coding::gzip, 6},
    {"alias", "coding=x-gzip", Choice::named, Coding::gzip, 6},
    {"identity", "coding=identity", Choice::named, Coding::identity, 0},
    {"lowest level", "coding=br&level=0", Choice::named, Coding::br, 0},
    {"highest level", "level=19&coding=zstd", Choice::named, Coding::zstd, 19},
    {"leading zeros", "level=009", Choice::named, Coding::lz4, 9},
    {"escaped name and value", "%6Cevel=%39", Choice::named, Coding::lz4, 9},
    {"escaped coding", "coding=%7astd", Choice::named, Coding::zstd, 3},
    {"least window", "window=256", Choice::named, Coding::lz4, 1, 256},
    {"most window of lz4", "window=65535", Choice::named, Coding::lz4, 1, 65535},
    {"most window of zstd", "coding=zstd&window=8388608", Choice::named, Coding::zstd, 3, 8388608},
    {"brotli is not capped", "coding=br&window=16777216", Choice::named, Coding::br, 4, 16777216},
    {"dictionary", "coding=zstd&dictionary=logs", Choice::named, Coding::zstd, 3, 0, "logs"},
    {"dictionary by id", "dictionary=4294967295", Choice::named, Coding::lz4, 1, 0, "4294967295"},
    {"auto", "coding=auto", Choice::automatic},
    {"case of auto", "coding=AUTO", Choice::automatic},
    {"prefer", "prefer=size&coding=auto", Choice::automatic, Coding::lz4, 0, 0, "", Prefer::size},
    {"prefer balanced", "coding=auto&prefer=balanced", Choice::automatic},
    {"label", "label=media-type"},
    {"negotiated", "label=encoding", Choice::negotiated, Coding::lz4, 0, 0, "", Prefer::balanced,
     Label::encoding},
    {"label with a coding", "label=encoding&coding=br&level=5", Choice::named, Coding::br, 5, 0, "",
     Prefer::balanced, Label::encoding},
    {"label with auto", "label=encoding&coding=auto&prefer=speed", Choice::automatic, Coding::lz4,
     0, 0, "", Prefer::speed, Label::encoding},
};

TEST(CompressQueryTest, ReadsWhatIsRight) {
  for (const GoodCompress& row : kGoodCompress) {
    SCOPED_TRACE(row.name);
    const auto query = parse_compress_query(row.query, {});
    ASSERT_TRUE(query) << query.error().error.detail;
    EXPECT_EQ(query->choice, row.choice);
    EXPECT_EQ(query->prefer, row.prefer);
    EXPECT_EQ(query->label, row.label);
    if (row.choice != Choice::named) continue;
    EXPECT_EQ(query->target.coding, row.coding);
    EXPECT_EQ(query->target.level, row.level);
    EXPECT_EQ(query->target.window_bytes, row.window);
    EXPECT_EQ(query->target.dictionary.view(), row.dictionary);
  }
}

struct BadQuery {
  const char* name;
  std::string query;
  Errc code;
  std::string parameter;
  std::string value = "";
  std::uint64_t limit = 0;  // 0: none
  std::uint64_t observed = 0;
};

void expect_refused(const RequestError& error, const BadQuery& row) {
  EXPECT_EQ(error.error.code, row.code);
  EXPECT_EQ(error.parameter, row.parameter);
  EXPECT_EQ(error.value, row.value);
  EXPECT_EQ(error.error.limit.value_or(0), row.limit);
  EXPECT_EQ(error.error.observed.value_or(0), row.observed);
  EXPECT_STRNE(error.error.detail, "");
}

const BadQuery kBadCompress[] = {
    {"typo", "lvl=3", Errc::unknown_parameter, "lvl", "3"},
    {"case of a name", "Level=3", Errc::unknown_parameter, "Level", "3"},
    {"of another operation", "to=zstd", Errc::unknown_parameter, "to", "zstd"},
    {"no name", "=3", Errc::unknown_parameter, "", "3"},
    {"broken escape in a name", "%6=3", Errc::unknown_parameter, "%6", "3"},
    {"broken escape of a name's length", "leve%6l=3", Errc::unknown_parameter, "leve%6l", "3"},
    {"name cut short", "leve=3", Errc::unknown_parameter, "leve", "3"},
    {"name and an escape more", "level%6c=3", Errc::unknown_parameter, "level%6c", "3"},
    {"semicolon is no separator", "level=3;coding=zstd", Errc::invalid_level, "level",
     "3;coding=zstd"},
    {"repeated", "level=3&level=3", Errc::invalid_parameter, "level", "3"},
    {"repeated under escapes", "level=3&leve%6c=4", Errc::invalid_parameter, "level", "4"},
    {"broken escape in a value", "coding=%zz", Errc::invalid_parameter, "coding", "%zz"},

    {"unknown coding", "coding=lzma", Errc::unknown_coding, "coding", "lzma"},
    {"empty coding", "coding=", Errc::unknown_coding, "coding"},
    {"coding without value", "coding", Errc::unknown_coding, "coding"},
    {"space in the coding", "coding=zstd%20", Errc::unknown_coding, "coding", "zstd%20"},
    {"star", "coding=*", Errc::unknown_coding, "coding", "*"},
    {"endless coding", "coding=" + std::string(4000, 'z'), Errc::unknown_coding, "coding",
     std::string(4000, 'z')},

    {"level too low", "level=0", Errc::invalid_level, "level", "0", 1},
    {"level too high", "level=10", Errc::invalid_level, "level", "10", 9, 10},
    {"level of another coding", "coding=gzip&level=19", Errc::invalid_level, "level", "19", 9, 19},
    {"zstd level 20", "coding=zstd&level=20", Errc::invalid_level, "level", "20", 19, 20},
    {"negative level", "coding=zstd&level=-1", Errc::invalid_level, "level", "-1"},
    {"signed level", "level=+1", Errc::invalid_level, "level", "+1"},
    {"level with a fraction", "level=1.0", Errc::invalid_level, "level", "1.0"},
    {"hexadecimal level", "level=0x1", Errc::invalid_level, "level", "0x1"},
    {"level as a word", "level=fast", Errc::invalid_level, "level", "fast"},
    {"empty level", "level=", Errc::invalid_level, "level"},
    {"level wraps 32 bits", "level=4294967297", Errc::invalid_level, "level", "4294967297", 9,
     4294967297},
    {"level wraps 64 bits", "level=18446744073709551617", Errc::invalid_level, "level",
     "18446744073709551617", 9},
    {"endless level", "level=" + std::string(100, '1'), Errc::invalid_level, "level",
     std::string(100, '1')},

    {"window too small", "window=255", Errc::invalid_window, "window", "255", 256, 255},
    {"window of 64 KiB in lz4", "window=65536", Errc::invalid_window, "window", "65536", 65535,
     65536},
    {"window of gzip", "coding=gzip&window=32769", Errc::invalid_window, "window", "32769", 32768,
     32769},
    {"window of zero", "coding=zstd&window=0", Errc::invalid_window, "window", "0", 1024},
    {"window over the cap", "coding=zstd&window=8388609", Errc::invalid_window, "window", "8388609",
     8388608, 8388609},
    {"window of brotli", "coding=br&window=16777217", Errc::invalid_window, "window", "16777217",
     16777216, 16777217},
    {"window with a unit", "window=32k", Errc::invalid_window, "window", "32k"},

    {"label", "label=file", Errc::invalid_parameter, "label", "file"},
    {"case of the label", "label=Encoding", Errc::invalid_parameter, "label", "Encoding"},
    {"empty label", "label=", Errc::invalid_parameter, "label"},
    {"endless label", "label=" + std::string(65, 'e'), Errc::invalid_parameter, "label",
     std::string(65, 'e')},
    {"prefer", "coding=auto&prefer=cheap", Errc::invalid_parameter, "prefer", "cheap"},
    {"prefer without auto", "prefer=speed", Errc::invalid_parameter, "prefer", "speed"},
    {"prefer with a name", "coding=zstd&prefer=speed", Errc::invalid_parameter, "prefer", "speed"},
    {"prefer with negotiation", "label=encoding&prefer=speed", Errc::invalid_parameter, "prefer",
     "speed"},

    {"level with auto", "coding=auto&level=3", Errc::invalid_parameter, "level", "3"},
    {"window with auto", "coding=auto&window=1024", Errc::invalid_parameter, "window", "1024"},
    {"dictionary with auto", "coding=auto&dictionary=a", Errc::invalid_parameter, "dictionary",
     "a"},
    {"level with identity", "coding=identity&level=0", Errc::invalid_parameter, "level", "0"},
    {"window with identity", "coding=identity&window=0", Errc::invalid_parameter, "window", "0"},
    {"dictionary with identity", "coding=identity&dictionary=a", Errc::invalid_parameter,
     "dictionary", "a"},
    {"dictionary with gzip", "coding=gzip&dictionary=a", Errc::invalid_parameter, "dictionary",
     "a"},
    {"dictionary with br", "coding=br&dictionary=a", Errc::invalid_parameter, "dictionary", "a"},
    {"level with negotiation", "label=encoding&level=3", Errc::invalid_parameter, "level", "3"},
    {"window with negotiation", "label=encoding&window=512", Errc::invalid_parameter, "window",
     "512"},
    {"dictionary with negotiation", "label=encoding&dictionary=a", Errc::invalid_parameter,
     "dictionary", "a"},

    {"split with br", "coding=br&split=65536", Errc::invalid_parameter, "split", "65536"},
    {"split with deflate", "coding=deflate&split=65536", Errc::invalid_parameter, "split", "65536"},
    {"split with identity", "coding=identity&split=65536", Errc::invalid_parameter, "split",
     "65536"},
    {"split with auto", "coding=auto&split=65536", Errc::invalid_parameter, "split", "65536"},
    {"split too small", "split=65535", Errc::invalid_parameter, "split", "65535", 65536, 65535},
    {"split too large", "split=4194305", Errc::invalid_parameter, "split", "4194305", 4194304,
     4194305},
    {"split of zero", "split=0", Errc::invalid_parameter, "split", "0", 65536},
    {"split with a unit", "split=1m", Errc::invalid_parameter, "split", "1m"},

    {"dictionary that climbs", "dictionary=..%2F..%2Fetc", Errc::unknown_dictionary, "dictionary",
     "..%2F..%2Fetc"},
    {"empty dictionary", "dictionary=", Errc::unknown_dictionary, "dictionary"},
    {"endless dictionary", "dictionary=" + std::string(65, 'd'), Errc::unknown_dictionary,
     "dictionary", std::string(65, 'd')},
};

TEST(CompressQueryTest, RefusesWhatIsWrong) {
  for (const BadQuery& row : kBadCompress) {
    SCOPED_TRACE(row.name);
    const auto query = parse_compress_query(row.query, {});
    ASSERT_FALSE(query);
    expect_refused(query.error(), row);
  }
}

TEST(CompressQueryTest, SaysWhoseRangeItWas) {
  const auto level = parse_compress_query("coding=gzip&level=12", {}).error();
  EXPECT_EQ(level.subject, "gzip");
  ASSERT_TRUE(level.bounds);
  EXPECT_EQ(level.bounds->min, 1u);
  EXPECT_EQ(level.bounds->max, 9u);
  EXPECT_EQ(level.flag, "");
  const auto window = parse_compress_query("coding=zstd&window=99999999", {}).error();
  EXPECT_EQ(window.flag, "--max-window-bytes");
}

TEST(CompressQueryTest, FollowsTheOperator) {
  const QueryRules automatic{.default_choice = Choice::automatic};
  EXPECT_EQ(parse_compress_query("", automatic)->choice, Choice::automatic);
  EXPECT_EQ(parse_compress_query("prefer=size", automatic)->prefer, Prefer::size);
  EXPECT_EQ(parse_compress_query("level=1", automatic).error().error.code, Errc::invalid_parameter);
  EXPECT_EQ(parse_compress_query("coding=gzip", automatic)->choice, Choice::named);

  const QueryRules brotli{.default_coding = Coding::br};
  EXPECT_EQ(parse_compress_query("level=11", brotli)->target.coding, Coding::br);
  EXPECT_EQ(parse_compress_query("label=encoding", brotli)->choice, Choice::negotiated);

  const QueryRules wide{.max_window_bytes = 128u << 20};
  EXPECT_EQ(parse_compress_query("coding=zstd&window=134217728", wide)->target.window_bytes,
            134217728u);
}

TEST(CompressQueryTest, WindowRangeFollowsTheCap) {
  EXPECT_EQ(window_range(Coding::zstd, 1u << 20).max, 1u << 20);
  EXPECT_EQ(window_range(Coding::zstd, 1u << 20).default_value, 1u << 20);
  EXPECT_EQ(window_range(Coding::zstd, 0xFFFFFFFF).max, 1u << 27);
  EXPECT_EQ(window_range(Coding::zstd, 0).max, 1024u);
  EXPECT_EQ(window_range(Coding::br, 1024).max, 1u << 24);
  EXPECT_EQ(window_range(Coding::lz4, 1024).max, 65535u);
}

TEST(CompressQueryTest, SplitsWhatMayFollowItself) {
  EXPECT_EQ(parse_compress_query("", {})->split_bytes, 0u);
  for (const std::string coding : {"lz4", "zstd", "gzip", "x-gzip"}) {
    const auto query = parse_compress_query("split=65536&coding=" + coding, {});
    ASSERT_TRUE(query) << coding;
    EXPECT_EQ(query->split_bytes, 65536u);
  }
  EXPECT_EQ(parse_compress_query("split=4194304", {})->split_bytes, 4194304u);
  EXPECT_EQ(parse_batch_compress_query("split=65536", {}).error().error.code,
            Errc::unknown_parameter);
}

TEST(CompressQueryTest, BatchHasNoLabel) {
  EXPECT_TRUE(parse_batch_compress_query("coding=zstd&label=media-type", {}));
  const auto query = parse_batch_compress_query("label=encoding", {});
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().error.code, Errc::invalid_parameter);
  EXPECT_EQ(query.error().parameter, "label");
}

TEST(DecompressQueryTest, ReadsItsOneParameter) {
  EXPECT_EQ(parse_decompress_query("")->coding, std::nullopt);
  EXPECT_EQ(parse_decompress_query("coding=Br")->coding, Coding::br);
  EXPECT_EQ(parse_decompress_query("coding=identity")->coding, Coding::identity);
}

TEST(DecompressQueryTest, RefusesWhatIsWrong) {
  const BadQuery rows[] = {
      {"auto", "coding=auto", Errc::unknown_coding, "coding", "auto"},
      {"unknown", "coding=xz", Errc::unknown_coding, "coding", "xz"},
      {"list", "coding=gzip,br", Errc::unknown_coding, "coding", "gzip,br"},
      {"level", "level=3", Errc::unknown_parameter, "level", "3"},
      {"twice", "coding=gzip&coding=gzip", Errc::invalid_parameter, "coding", "gzip"},
  };
  for (const BadQuery& row : rows) {
    SCOPED_TRACE(row.name);
    const auto query = parse_decompress_query(row.query);
    ASSERT_FALSE(query);
    expect_refused(query.error(), row);
  }
}

TEST(TranscodeQueryTest, ReadsBothEnds) {
  const auto query =
      parse_transcode_query("to=zstd&from=gzip&level=7&window=1024&dictionary=a", {});
  ASSERT_TRUE(query);
  EXPECT_EQ(query->from, Coding::gzip);
  EXPECT_EQ(query->target.coding, Coding::zstd);
  EXPECT_EQ(query->target.level, 7);
  EXPECT_EQ(query->target.window_bytes, 1024u);
  EXPECT_EQ(query->target.dictionary.view(), "a");
  EXPECT_EQ(parse_transcode_query("to=identity", {})->from, std::nullopt);
}

TEST(TranscodeQueryTest, RefusesWhatIsWrong) {
  const BadQuery rows[] = {
      {"no target", "", Errc::invalid_parameter, "to"},
      {"no target but a source", "from=gzip", Errc::invalid_parameter, "to"},
      {"auto as target", "to=auto", Errc::unknown_coding, "to", "auto"},
      {"auto as source", "to=gzip&from=auto", Errc::unknown_coding, "from", "auto"},
      {"unknown target", "to=zip", Errc::unknown_coding, "to", "zip"},
      {"empty target", "to=", Errc::unknown_coding, "to"},
      {"unknown source", "to=br&from=zip", Errc::unknown_coding, "from", "zip"},
      {"coding", "to=br&coding=gzip", Errc::unknown_parameter, "coding", "gzip"},
      {"level of the target", "to=br&level=12", Errc::invalid_level, "level", "12", 11, 12},
      {"level of identity", "to=identity&level=1", Errc::invalid_parameter, "level", "1"},
      {"dictionary", "to=deflate&dictionary=a", Errc::invalid_parameter, "dictionary", "a"},
  };
  for (const BadQuery& row : rows) {
    SCOPED_TRACE(row.name);
    const auto query = parse_transcode_query(row.query, {});
    ASSERT_FALSE(query);
    expect_refused(query.error(), row);
  }
}

TEST(TrainQueryTest, ReadsTheSize) {
  EXPECT_EQ(parse_train_query("")->size_bytes, 112640u);
  EXPECT_EQ(parse_train_query("size=256")->size_bytes, 256u);
  const BadQuery rows[] = {
      {"too small", "size=255", Errc::invalid_parameter, "size", "255", 256, 255},
      {"too large", "size=2097153", Errc::invalid_parameter, "size", "2097153", 2097152, 2097153},
      {"a unit", "size=16k", Errc::invalid_parameter, "size", "16k"},
      {"unknown", "bytes=4096", Errc::unknown_parameter, "bytes", "4096"},
  };
  for (const BadQuery& row : rows) {
    SCOPED_TRACE(row.name);
    const auto query = parse_train_query(row.query);
    ASSERT_FALSE(query);
    expect_refused(query.error(), row);
  }
}

TEST(EstimateQueryTest, TakesNoParameters) {
  EXPECT_TRUE(parse_estimate_query(""));
  EXPECT_TRUE(parse_no_query("&"));
  EXPECT_EQ(parse_estimate_query("coding=zstd").error().error.code, Errc::unknown_parameter);
  EXPECT_EQ(parse_no_query("t=1").error().parameter, "t");
}

}  // namespace
}  // namespace frdpu::proto
