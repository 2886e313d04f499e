#include "proto/negotiation.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Coding;
using core::Errc;

struct Row {
  const char* name;
  std::vector<std::string> lines;
  std::optional<Coding> coding;  // nothing: 406
};

const Row kRows[] = {
    {"no field", {}, Coding::identity},
    {"empty field", {""}, Coding::identity},
    {"one", {"gzip"}, Coding::gzip},
    {"what browsers send", {"gzip, deflate, br, zstd"}, Coding::zstd},
    {"what older browsers send", {"gzip, deflate, br"}, Coding::br},
    {"what curl sends", {"deflate, gzip"}, Coding::gzip},
    {"what Go sends", {"gzip"}, Coding::gzip},
    {"weights win over order", {"zstd;q=0.2, br;q=0.3, deflate;q=0.9"}, Coding::deflate},
    {"order among equals", {"lz4;q=0.5, deflate;q=0.5"}, Coding::deflate},
    {"several lines", {"lz4", "gzip"}, Coding::gzip},
    {"star", {"*"}, Coding::zstd},
    {"star without the first", {"*, zstd;q=0"}, Coding::br},
    {"star behind a name", {"gzip, *;q=0.1"}, Coding::gzip},
    {"identity preferred", {"identity, gzip;q=0.5"}, Coding::identity},
    {"identity among equals", {"identity, gzip"}, Coding::gzip},
    {"identity alone", {"identity"}, Coding::identity},
    {"least weight of all", {"gzip;q=0.001"}, Coding::gzip},
    {"nothing known", {"compress, sdch"}, Coding::identity},
    {"all refused but identity", {"gzip;q=0, br;q=0"}, Coding::identity},
    {"malformed", {"gzip;q=high"}, Coding::identity},
    {"star refused, identity not", {"*;q=0, identity"}, Coding::identity},
    {"identity refused, another not", {"identity;q=0, gzip;q=0.1"}, Coding::gzip},
    {"identity refused, star not", {"identity;q=0, *;q=0.1"}, Coding::zstd},
    {"identity refused", {"identity;q=0"}, std::nullopt},
    {"all refused", {"*;q=0"}, std::nullopt},
    {"identity refused, rest unknown", {"compress, identity;q=0"}, std::nullopt},
    {"all refused by name and star", {"gzip;q=0, *;q=0"}, std::nullopt},
};

TEST(NegotiationTest, PicksTheCoding) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    FieldLines lines;
    for (const std::string& line : row.lines) lines.add(line);
    const auto coding = negotiate(lines);
    ASSERT_EQ(coding.has_value(), row.coding.has_value());
    if (coding) {
      EXPECT_EQ(*coding, *row.coding);
    } else {
      EXPECT_EQ(coding.error().error.code, Errc::not_acceptable);
      EXPECT_EQ(coding.error().parameter, "Accept-Encoding");
      EXPECT_EQ(coding.error().value, row.lines.front());
    }
  }
}

TEST(NegotiationTest, LabelsFilesByMediaType) {
  const ResultLabel file = label_compressed(Label::media_type, Coding::gzip, "text/plain");
  EXPECT_EQ(file.content_type, "application/gzip");
  EXPECT_EQ(file.content_encoding, std::nullopt);
  EXPECT_FALSE(file.vary);
  EXPECT_EQ(label_compressed(Label::media_type, Coding::identity, "text/plain").content_type,
            "text/plain");
  EXPECT_EQ(label_compressed(Label::media_type, Coding::identity, "").content_type,
            "application/octet-stream");
}

TEST(NegotiationTest, LabelsRepresentationsByEncoding) {
  const ResultLabel coded = label_compressed(Label::encoding, Coding::gzip, "text/plain; a=b");
  EXPECT_EQ(coded.content_type, "text/plain; a=b");
  EXPECT_EQ(coded.content_encoding, Coding::gzip);
  EXPECT_TRUE(coded.vary);
  const ResultLabel bare = label_compressed(Label::encoding, Coding::identity, "");
  EXPECT_EQ(bare.content_type, "application/octet-stream");
  EXPECT_EQ(bare.content_encoding, std::nullopt);
  EXPECT_TRUE(bare.vary);
}

struct SourceRow {
  const char* name;
  std::optional<Coding> named;
  std::vector<std::string> encoding;
  const char* type;
  std::vector<Coding> codings;
  bool sniff = false;
  const char* result_type = "application/octet-stream";
};

const SourceRow kSources[] = {
    {"nobody speaks", {}, {}, "", {}, true},
    {"a type of no coding", {}, {}, "text/plain", {}, true},
    {"named", Coding::br, {}, "", {Coding::br}},
    {"named identity", Coding::identity, {}, "", {}},
    {"encoding", {}, {"gzip"}, "", {Coding::gzip}},
    {"encoding with a type", {}, {"gzip"}, "text/plain", {Coding::gzip}, false, "text/plain"},
    {"type", {}, {}, "application/zstd", {Coding::zstd}},
    {"named and encoding agree", Coding::gzip, {"x-gzip"}, "a/b", {Coding::gzip}, false, "a/b"},
    {"named and type agree", Coding::lz4, {}, "application/x-lz4", {Coding::lz4}},
    {"list", {}, {"zstd, gzip"}, "", {Coding::zstd, Coding::gzip}},
    {"encoding and type do not conflict",
     {},
     {"gzip"},
     "application/zstd",
     {Coding::gzip},
     false,
     "application/zstd"},
    {"named agrees with encoding, type is the result's",
     Coding::gzip,
     {"gzip"},
     "application/zstd",
     {Coding::gzip},
     false,
     "application/zstd"},
    {"encoding of identity speaks not", {}, {"identity"}, "application/gzip", {Coding::gzip}},
    {"named beside identity", Coding::br, {"identity"}, "", {Coding::br}},
};

TEST(NegotiationTest, PlansTheSource) {
  for (const SourceRow& row : kSources) {
    SCOPED_TRACE(row.name);
    FieldLines lines;
    for (const std::string& line : row.encoding) lines.add(line);
    const auto plan = plan_source(row.named, lines, row.type);
    ASSERT_TRUE(plan) << plan.error().error.detail;
    const auto applied = plan->codings.applied();
    EXPECT_EQ(std::vector<Coding>(applied.begin(), applied.end()), row.codings);
    EXPECT_EQ(plan->sniff, row.sniff);
    EXPECT_EQ(decompressed_type(*plan, row.type), row.result_type);
  }
}

TEST(NegotiationTest, RefusesSourcesThatDisagree) {
  const struct {
    const char* name;
    std::optional<Coding> named;
    const char* encoding;
    const char* type;
    Errc code;
    const char* parameter;
  } rows[] = {
      {"named and encoding", Coding::gzip, "zstd", "", Errc::conflicting_coding,
       "Content-Encoding"},
      {"named and one of a list", Coding::gzip, "zstd, gzip", "", Errc::conflicting_coding,
       "Content-Encoding"},
      {"identity and encoding", Coding::identity, "gzip", "", Errc::conflicting_coding,
       "Content-Encoding"},
      {"named and type", Coding::gzip, "", "application/zstd", Errc::conflicting_coding,
       "Content-Type"},
      {"identity and type", Coding::identity, "", "application/zstd", Errc::conflicting_coding,
       "Content-Type"},
      {"unknown encoding", Coding::gzip, "xz", "", Errc::unsupported_coding, "Content-Encoding"},
      {"three encodings", {}, "gzip, gzip, gzip", "", Errc::unsupported_coding, "Content-Encoding"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    FieldLines lines;
    lines.add(row.encoding);
    const auto plan = plan_source(row.named, lines, row.type);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().error.code, row.code);
    EXPECT_EQ(plan.error().parameter, row.parameter);
  }
  EXPECT_EQ(unrecognised_source().error.code, Errc::unsupported_coding);
}

}  // namespace
}  // namespace frdpu::proto
