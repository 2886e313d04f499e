#include "proto/accept_encoding.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Coding;

// What a field says of one coding; -1: nothing.
int quality_of(const std::string& line, Coding coding) {
  AcceptEncoding accepted;
  accepted.add_line(line);
  const auto quality = accepted.quality(coding);
  return quality ? *quality : -1;
}

struct Row {
  const char* name;
  const char* line;
  Coding coding;
  int quality;
};

const Row kRows[] = {
    {"plain", "gzip", Coding::gzip, 1000},
    {"not named", "gzip", Coding::br, -1},
    {"case", "GZIP", Coding::gzip, 1000},
    {"alias", "x-gzip;q=0.4", Coding::gzip, 400},
    {"weight", "gzip;q=0.5", Coding::gzip, 500},
    {"three decimals", "gzip;q=0.123", Coding::gzip, 123},
    {"zero", "gzip;q=0", Coding::gzip, 0},
    {"zero with decimals", "gzip;q=0.000", Coding::gzip, 0},
    {"one with decimals", "gzip;q=1.000", Coding::gzip, 1000},
    {"dot without decimals", "gzip;q=1.", Coding::gzip, 1000},
    {"upper-case q", "gzip;Q=0.5", Coding::gzip, 500},
    {"white space", " gzip \t;\t q=0.5 ", Coding::gzip, 500},
    {"second in the list", "br;q=1, gzip;q=0.2", Coding::gzip, 200},
    {"empty elements", ",,gzip,,", Coding::gzip, 1000},
    {"star", "*", Coding::br, 1000},
    {"star twice", "*;q=0.1, *;q=0.9", Coding::br, 100},
    {"star for the rest", "gzip;q=0.9, *;q=0.1", Coding::br, 100},
    {"name before star", "*;q=0.1, gzip;q=0.9", Coding::gzip, 900},
    {"star is for identity too", "*;q=0", Coding::identity, 0},
    {"identity before star", "*;q=0, identity;q=0.5", Coding::identity, 500},
    {"identity is not implied", "gzip", Coding::identity, -1},
    {"twice", "gzip;q=0.9, gzip;q=0.3", Coding::gzip, 300},
    {"refused once", "gzip;q=0, gzip", Coding::gzip, 0},
    {"alias refused", "gzip, x-gzip;q=0", Coding::gzip, 0},
    {"unknown among known", "sdch, gzip, compress;q=0.1", Coding::gzip, 1000},

    {"empty", "", Coding::gzip, -1},
    {"q above one", "gzip;q=1.1", Coding::gzip, -1},
    {"q of two", "gzip;q=2", Coding::gzip, -1},
    {"four decimals", "gzip;q=0.1234", Coding::gzip, -1},
    {"no leading digit", "gzip;q=.5", Coding::gzip, -1},
    {"negative q", "gzip;q=-1", Coding::gzip, -1},
    {"q of letters", "gzip;q=abc", Coding::gzip, -1},
    {"empty q", "gzip;q=", Coding::gzip, -1},
    {"no q", "gzip;", Coding::gzip, -1},
    {"space around the equals sign", "gzip;q = 0.5", Coding::gzip, -1},
    {"other parameter", "gzip;level=9", Coding::gzip, -1},
    {"parameter behind the weight", "gzip;q=0.5;level=9", Coding::gzip, -1},
    {"space for a comma", "gzip br", Coding::gzip, -1},
    {"quotes", "\"gzip\"", Coding::gzip, -1},
    {"malformed refusal is none", "gzip, gzip;q=0.0000", Coding::gzip, 1000},
    {"what follows a malformed one", "gzip;q=x, br", Coding::br, 1000},
    {"comma in the weight", "gzip;q=0,5", Coding::gzip, 0},
};

TEST(AcceptEncodingTest, ReadsQualities) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(quality_of(row.line, row.coding), row.quality);
  }
}

TEST(AcceptEncodingTest, JoinsItsLines) {
  FieldLines lines;
  lines.add("gzip;q=0.5");
  lines.add("br, *;q=0");
  const AcceptEncoding accepted = parse_accept_encoding(lines);
  EXPECT_EQ(accepted.quality(Coding::gzip), 500);
  EXPECT_EQ(accepted.quality(Coding::br), 1000);
  EXPECT_EQ(accepted.quality(Coding::identity), 0);
}

TEST(AcceptEncodingTest, AcceptsIdentityUnlessRefused) {
  const struct {
    const char* line;
    bool identity;
  } rows[] = {{"", true},
              {"gzip", true},
              {"identity;q=0", false},
              {"*;q=0", false},
              {"*;q=0, identity;q=0.001", true},
              {"gzip, *;q=0.5", true}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line);
    AcceptEncoding accepted;
    accepted.add_line(row.line);
    EXPECT_EQ(accepted.accepts(Coding::identity), row.identity);
  }
  EXPECT_FALSE(AcceptEncoding{}.accepts(Coding::gzip));
}

TEST(AcceptEncodingTest, ReadsEveryQvalue) {
  for (unsigned thousandths = 0; thousandths <= 1000; ++thousandths) {
    const std::string digits = std::to_string(1000 + thousandths % 1000).substr(1);
    const std::string text = (thousandths == 1000 ? "1." : "0.") + digits;
    EXPECT_EQ(parse_quality(text), thousandths) << text;
  }
  for (const char* bad : {"", "2", "1.001", "0.0001", "00", "0,5", "0.5.", "1x", "0x", "0.-1"}) {
    EXPECT_EQ(parse_quality(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace frdpu::proto
