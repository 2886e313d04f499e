#include "proto/chunk_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/support/chunk_feed.h"

namespace frdpu::proto {
namespace {

using core::Errc;
using namespace std::string_literals;

constexpr std::size_t kMaxTrailerBytes = 100;

test::ChunkedBody read(std::string_view text, std::size_t cut, std::size_t only = 0) {
  return test::read_chunked(text, kMaxTrailerBytes, cut, only);
}

struct Row {
  const char* name;
  std::string text;
  std::string data;
  std::optional<Errc> error{};
};

Row refused(const char* name, const std::string& text) {
  return {name, text, "", Errc::malformed_request};
}

const Row kRows[] = {
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"two chunks", "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "hello"},
    {"no data", "0\r\n\r\n", ""},
    {"leading zeros", "0005\r\nhello\r\n0000\r\n\r\n", "hello"},
    {"digits of either case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
     "01234567890123456789"},
    {"quoted extensions", "5;a;b=c;d=\"e;\\\" \\\t=\xe4\";g=\"\"\r\nhello\r\n0;f\r\n\r\n", "hello"},
    {"data like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"},
    {"a trailer", "5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\nEmpty:\r\n\r\n", "hello"},
    {"a trailer of just the bound", "0\r\nX: " + std::string(95, 'y') + "\r\n\r\n", ""},
    {"one byte more", "0\r\nX: " + std::string(96, 'y') + "\r\n\r\n", "", Errc::headers_too_large},
    {"many trailers", "0\r\nA: 456789\r\nB: " + std::string(80, 'y') + "\r\nC: d\r\n\r\n", "",
     Errc::headers_too_large},
    refused("nothing for a size", "\r\nhello\r\n"),
    refused("no digit", "g\r\n"),
    refused("0x", "0x5\r\nhello\r\n"),
    refused("a sign", "+5\r\nhello\r\n"),
    refused("a space in front", " 5\r\nhello\r\n"),
    refused("a space behind", "5 \r\nhello\r\n"),
    refused("a bare LF behind a size", "5\nhello\r\n"),
    refused("a bare CR behind a size", "5\rhello\r\n"),
    refused("CR CR LF", "5\r\r\nhello\r\n"),
    refused("17 digits", "10000000000000000\r\n"),
    refused("endless zeros", std::string(300, '0')),
    refused("an endless extension", "5;" + std::string(300, 'a')),
    refused("an extension without a name", "5;\r\n"),
    refused("an extension with a space", "5; a\r\n"),
    refused("an extension without a value", "5;a=\r\n"),
    refused("an extension with two values", "5;a=b=c\r\n"),
    refused("an open quote", "5;a=\"b\r\n"),
    refused("text behind a quote", "5;a=\"b\"c\r\n"),
    refused("a NUL in an extension", "5;a\0\r\n"s),
    refused("a NUL in quotes", "5;a=\"\0\"\r\n"s),
    refused("a bare LF in quotes", "5;a=\"\n\"\r\n"),
    refused("a bare LF for the last line", "0\r\n\n"),
    refused("a bare LF behind the last size", "0\n\r\n"),
    refused("a bare CR for the last line", "0\r\n\rX"),
    refused("a bare LF behind a trailer", "0\r\nX: y\n\r\n"),
    refused("a bare CR in a trailer", "0\r\nX: y\rz\r\n"),
    refused("a folded trailer", "0\r\nX: y\r\n z\r\n"),
    refused("an indented trailer", "0\r\n X: y\r\n"),
    refused("a trailer without a colon", "0\r\nX\r\n"),
    refused("a trailer without a name", "0\r\n: y\r\n"),
    refused("a space before a trailer's colon", "0\r\nX : y\r\n"),
    refused("a NUL in a trailer", "0\r\nX: \0\r\n"s),
    refused("a request for a trailer", "0\r\nGET / HTTP/1.1\r\n"),
};

TEST(ChunkReaderTest, ReadsEveryRowCutAtEveryPlace) {
  for (const Row& row : kRows) {
    const test::ChunkedBody whole = read(row.text, SIZE_MAX);
    EXPECT_EQ(whole.error, row.error) << row.name;
    if (!row.error) {
      EXPECT_EQ(whole.data, row.data) << row.name;
      EXPECT_EQ(whole.used, row.text.size()) << row.name;
    }
    for (const std::size_t cut : {1u, 2u, 3u, 5u, 8u, 16u, 31u}) {
      const test::ChunkedBody cut_up = read(row.text, cut);
      EXPECT_EQ(cut_up.error, row.error) << row.name << " in pieces of " << cut;
      EXPECT_EQ(cut_up.data, whole.data) << row.name << " in pieces of " << cut;
    }
    for (std::size_t at = 1; at < row.text.size(); ++at) {
      const test::ChunkedBody cut_once = read(row.text, SIZE_MAX, at);
      EXPECT_EQ(cut_once.error, row.error) << row.name << " cut at " << at;
      EXPECT_EQ(cut_once.data, whole.data) << row.name << " cut at " << at;
    }
  }
}

TEST(ChunkReaderTest, RefusesBrokenLineEndsBehindData) {
  for (const char* text :
       {"5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n"}) {
    EXPECT_EQ(read(text, SIZE_MAX).error, Errc::malformed_request) << text;
    EXPECT_EQ(read(text, 1).error, Errc::malformed_request) << text;
  }
}

TEST(ChunkReaderTest, LeavesWhatIsBehindTheBody) {
  const std::string body = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    EXPECT_EQ(read(body + "GET / HTTP/1.1\r\n", cut),
              (test::ChunkedBody{.data = "x", .used = body.size(), .done = true}))
        << cut;
  }
}

TEST(ChunkReaderTest, EveryBeginningOfABodyIsNoWholeOne) {
  const std::string body = "5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < body.size(); ++size) {
    ChunkReader reader(kMaxTrailerBytes);
    std::string_view rest = std::string_view(body).substr(0, size);
    while (!rest.empty()) {
      const auto data =
          static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), reader.data_left()));
      reader.took_data(data);
      rest.remove_prefix(data);
      const auto framing = reader.read_framing(rest);
      ASSERT_TRUE(framing.has_value()) << size;
      rest.remove_prefix(*framing);
    }
    EXPECT_FALSE(reader.done()) << size;
  }
}

TEST(ChunkReaderTest, TakesTheLargestSizeThereIs) {
  ChunkReader reader(kMaxTrailerBytes);
  EXPECT_EQ(reader.read_framing("ffffffffffffffff\r\nx"), 18u);
  EXPECT_EQ(reader.data_left(), UINT64_MAX);
}

TEST(ChunkReaderTest, SaysHowLongATrailerMayBe) {
  ChunkReader reader(kMaxTrailerBytes);
  const auto read = reader.read_framing("0\r\nX: " + std::string(200, 'y'));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().limit, kMaxTrailerBytes);
  EXPECT_EQ(read.error().observed, kMaxTrailerBytes + 1);
}

}  // namespace
}  // namespace frdpu::proto
