#include "proto/content_coding.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Coding;
using core::Errc;

FieldLines lines_of(const std::vector<std::string>& lines) {
  FieldLines result;
  for (const std::string& line : lines) result.add(line);
  return result;
}

TEST(ContentCodingTest, ReadsLists) {
  const struct {
    const char* name;
    std::vector<std::string> lines;
    std::vector<Coding> codings;
  } rows[] = {
      {"absent", {}, {}},
      {"empty", {""}, {}},
      {"one", {"gzip"}, {Coding::gzip}},
      {"alias", {"X-GZIP"}, {Coding::gzip}},
      {"two", {"gzip, br"}, {Coding::gzip, Coding::br}},
      {"two lines", {"zstd", "lz4"}, {Coding::zstd, Coding::lz4}},
      {"the same twice", {"gzip,gzip"}, {Coding::gzip, Coding::gzip}},
      {"identity", {"identity"}, {}},
      {"identity between", {"identity, gzip, identity, deflate"}, {Coding::gzip, Coding::deflate}},
      {"empty elements", {", gzip,,"}, {Coding::gzip}},
      {"white space", {"\tgzip ,\tbr "}, {Coding::gzip, Coding::br}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto codings = parse_content_encoding(lines_of(row.lines));
    ASSERT_TRUE(codings) << codings.error().error.detail;
    EXPECT_EQ(std::vector<Coding>(codings->applied().begin(), codings->applied().end()),
              row.codings);
  }
}

TEST(ContentCodingTest, RefusesWhatIsNotTaken) {
  const struct {
    const char* name;
    std::vector<std::string> lines;
    const char* value;
    std::uint64_t limit = 0;
  } rows[] = {
      {"unknown", {"compress"}, "compress"},
      {"unknown behind a known one", {"gzip, xz"}, "xz"},
      {"no list", {"gzip br"}, "gzip br"},
      {"parameter", {"gzip;q=1"}, "gzip;q=1"},
      {"auto", {"auto"}, "auto"},
      {"star", {"*"}, "*"},
      {"three", {"gzip, br, zstd"}, "gzip, br, zstd", 2},
      {"three lines", {"gzip", "br", "gzip"}, "gzip", 2},
      {"three with identity", {"gzip, identity, br, lz4"}, "gzip, identity, br, lz4", 2},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const FieldLines lines = lines_of(row.lines);
    const auto codings = parse_content_encoding(lines);
    ASSERT_FALSE(codings);
    EXPECT_EQ(codings.error().error.code, Errc::unsupported_coding);
    EXPECT_EQ(codings.error().parameter, "Content-Encoding");
    EXPECT_EQ(codings.error().value, row.value);
    EXPECT_EQ(codings.error().error.limit.value_or(0), row.limit);
  }
}

TEST(ContentCodingTest, KnowsTheMediaTypes) {
  EXPECT_EQ(coding_from_content_type("application/gzip"), Coding::gzip);
  EXPECT_EQ(coding_from_content_type("Application/ZSTD ; x=y"), Coding::zstd);
  EXPECT_EQ(coding_from_content_type("application/x-brotli"), Coding::br);
  EXPECT_EQ(coding_from_content_type("application/zlib"), Coding::deflate);
  EXPECT_EQ(coding_from_content_type("application/x-lz4"), Coding::lz4);
  EXPECT_EQ(coding_from_content_type("application/x-gzip"), std::nullopt);
  EXPECT_EQ(coding_from_content_type("text/plain; a=application/gzip"), std::nullopt);
  EXPECT_EQ(coding_from_content_type(""), std::nullopt);
}

TEST(ContentCodingTest, NamesWhatIsTaken) {
  EXPECT_EQ(accepted_codings(), "zstd, br, gzip, deflate, lz4, identity");
}

TEST(ContentCodingTest, HoldsNoIdentity) {
  EXPECT_TRUE(ContentCodings(Coding::identity).empty());
  EXPECT_EQ(ContentCodings(Coding::br).size(), 1u);
}

}  // namespace
}  // namespace frdpu::proto
