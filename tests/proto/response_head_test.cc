#include "proto/response_head.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "proto/http_date.h"
#include "proto/problem.h"
#include "proto/request_head.h"

namespace frdpu::proto {
namespace {

using core::Coding;
using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string written(const ResponseHead& head) {
  std::array<std::byte, 4096> out;
  const std::size_t size = write_response_head(out, head);
  return std::string(core::as_text(core::Bytes(out).first(size)));
}

struct Row {
  const char* name;
  ResponseHead head;
  std::string text;  // between the status line's end and the empty line
};

const Field kExtra[] = {{"traceparent", "00-1"}, {"bad name", "x"}, {"Bad-Value", "a\nb"}};

const Row kRows[] = {
    {"nothing but a length", {}, "Content-Length: 0\r\n"},
    {"length", {.content_length = 39}, "Content-Length: 39\r\n"},
    {"chunked", {.framing = ResponseFraming::chunked}, "Transfer-Encoding: chunked\r\n"},
    {"no body", {.framing = ResponseFraming::none}, ""},
    {"close", {.close = true, .framing = ResponseFraming::none}, "Connection: close\r\n"},
    {"1.0 keeps alive",
     {.version = HttpVersion::http10, .framing = ResponseFraming::none},
     "Connection: keep-alive\r\n"},
    {"1.0 closes",
     {.version = HttpVersion::http10, .close = true, .framing = ResponseFraming::none},
     "Connection: close\r\n"},
    {"until close",
     {.version = HttpVersion::http10, .framing = ResponseFraming::until_close},
     "Connection: close\r\n"},
    {"date and type",
     {.framing = ResponseFraming::none, .date = kDate, .content_type = "text/plain; a=b"},
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; a=b\r\n"},
    {"encoding",
     {.framing = ResponseFraming::none, .content_encoding = Coding::br, .vary = true},
     "Content-Encoding: br\r\nVary: Accept-Encoding\r\n"},
    {"identity is no encoding",
     {.framing = ResponseFraming::none, .content_encoding = Coding::identity, .vary = true},
     "Vary: Accept-Encoding\r\n"},
    {"nosniff",
     {.framing = ResponseFraming::none, .nosniff = true},
     "X-Content-Type-Options: nosniff\r\n"},
    {"stats",
     {.framing = ResponseFraming::none, .stats = CompressionStats{Coding::zstd, 3, 600, 39}},
     "Compression-Stats: coding=zstd, level=3, in=600, out=39\r\n"},
    {"stats of brotli 0",
     {.framing = ResponseFraming::none, .stats = CompressionStats{Coding::br, 0, 1, 2}},
     "Compression-Stats: coding=br, level=0, in=1, out=2\r\n"},
    {"stats without a level",
     {.framing = ResponseFraming::none, .stats = CompressionStats{Coding::gzip, {}, 1, 2}},
     "Compression-Stats: coding=gzip, in=1, out=2\r\n"},
    {"stats beyond what the field can say",
     {.framing = ResponseFraming::none,
      .stats = CompressionStats{Coding::gzip, {}, ~std::uint64_t{0}, 999999999999999}},
     "Compression-Stats: coding=gzip, in=999999999999999, out=999999999999999\r\n"},
    {"timing",
     {.framing = ResponseFraming::none, .timing = ServerTiming{12345ns, 1234567890ns}},
     "Server-Timing: queue;dur=0.012, codec;dur=1234.567\r\n"},
    {"timing of nothing",
     {.framing = ResponseFraming::none, .timing = ServerTiming{-5ns, 0ns}},
     "Server-Timing: queue;dur=0.000, codec;dur=0.000\r\n"},
    {"trailers",
     {.framing = ResponseFraming::chunked, .announce_trailers = true},
     "Transfer-Encoding: chunked\r\nTrailer: Compression-Stats, Server-Timing\r\n"},
    {"retry", {.framing = ResponseFraming::none, .retry_after_seconds = 5}, "Retry-After: 5\r\n"},
    {"allow",
     {.framing = ResponseFraming::none, .allow = MethodSet{Method::head, Method::get}},
     "Allow: GET, HEAD\r\n"},
    {"allow nothing", {.framing = ResponseFraming::none, .allow = MethodSet{}}, "Allow: \r\n"},
    {"what is taken",
     {.framing = ResponseFraming::none, .accept_encoding = true},
     "Accept-Encoding: zstd, br, gzip, deflate, lz4, identity\r\n"},
    {"who are you",
     {.framing = ResponseFraming::none, .authenticate = true},
     "WWW-Authenticate: Bearer realm=\"frdpu\"\r\n"},
    {"location",
     {.framing = ResponseFraming::none, .location = "/v1/dictionaries/a"},
     "Location: /v1/dictionaries/a\r\n"},
    {"request id",
     {.framing = ResponseFraming::none, .request_id = "r-1"},
     "X-Request-Id: r-1\r\n"},
    {"extra", {.framing = ResponseFraming::none, .extra = kExtra}, "traceparent: 00-1\r\n"},
    {"injection",
     {.framing = ResponseFraming::none,
      .content_type = "a/b\r\nSet-Cookie: x",
      .location = "/a\rb",
      .request_id = "a\nb"},
     ""},
    {"nul and del",
     {.framing = ResponseFraming::none,
      .content_type = std::string_view("a\0b", 3),
      .request_id = "\x7f"},
     ""},
    {"obs-text passes",
     {.framing = ResponseFraming::none, .content_type = "a/b; c=\xff"},
     "Content-Type: a/b; c=\xff\r\n"},
};

TEST(ResponseHeadTest, WritesTheFields) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(written(row.head), "HTTP/1.1 200 OK\r\n" + row.text + "\r\n");
  }
}

TEST(ResponseHeadTest, WritesTheStatus) {
  EXPECT_TRUE(written({.status = 422}).starts_with("HTTP/1.1 422 Unprocessable Content\r\n"));
  EXPECT_TRUE(written({.status = 418}).starts_with("HTTP/1.1 418 Unknown\r\n"));
  for (const ProblemInfo& info : all_problems()) {
    EXPECT_NE(reason_phrase(info.status), "Unknown") << info.status;
  }
}

TEST(ResponseHeadTest, IsReadableByItsOwnRules) {
  // The field lines of a response keep to the grammar of a request's.
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const std::string text = written(row.head);
    const std::string request = "GET / HTTP/1.1\r\n" + text.substr(text.find("\r\n") + 2);
    EXPECT_TRUE(scan_raw_head(request));
  }
}

TEST(ResponseHeadTest, FitsItsBound) {
  const std::string type(kMaxContentTypeChars, 't');
  const std::string id(128, 'i');
  const std::string location = "/v1/dictionaries/" + std::string(64, 'n');
  ResponseHead head{
      .status = 431,
      .version = HttpVersion::http10,
      .content_length = ~std::uint64_t{0},
      .date = kDate,
      .content_type = type,
      .content_encoding = Coding::deflate,
      .vary = true,
      .nosniff = true,
      .stats = CompressionStats{Coding::identity, 2147483647, ~std::uint64_t{0}, ~std::uint64_t{0}},
      .timing = ServerTiming{std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max()},
      .announce_trailers = true,
      .retry_after_seconds = 4294967295,
      .allow = MethodSet{Method::get, Method::head, Method::post, Method::put, Method::del,
                         Method::options, Method::connect},
      .accept_encoding = true,
      .authenticate = true,
      .location = location,
      .request_id = id};
  std::array<std::byte, kMaxResponseHeadBytes> out;
  EXPECT_GT(write_response_head(out, head), 0u);
}

TEST(ResponseHeadTest, WritesNothingRatherThanHalf) {
  const ResponseHead head{.content_type = "a/b", .stats = CompressionStats{}, .request_id = "x"};
  std::array<std::byte, 256> out;
  const std::size_t size = write_response_head(out, head);
  for (std::size_t room = 0; room <= size; ++room) {
    EXPECT_EQ(write_response_head(std::span(out).first(room), head), room == size ? size : 0);
  }
}

std::string chunk_line(std::size_t size) {
  std::array<std::byte, kMaxChunkLineBytes> out;
  return std::string(core::as_text(core::Bytes(out).first(write_chunk_line(out, size))));
}

TEST(ResponseHeadTest, WritesChunkLines) {
  EXPECT_EQ(chunk_line(1), "1\r\n");
  EXPECT_EQ(chunk_line(65536), "10000\r\n");
  EXPECT_EQ(chunk_line(0xABCDEF), "abcdef\r\n");
  EXPECT_EQ(chunk_line(~std::size_t{0}), "ffffffffffffffff\r\n");
  std::array<std::byte, 3> small;
  EXPECT_EQ(write_chunk_line(small, 16), 0u);
}

TEST(ResponseHeadTest, EndsChunkedBodies) {
  std::array<std::byte, kMaxLastChunkBytes> out;
  const auto text = [&out](std::size_t size) {
    return std::string(core::as_text(core::Bytes(out).first(size)));
  };
  EXPECT_EQ(text(write_last_chunk(out)), "0\r\n\r\n");
  EXPECT_EQ(
      text(write_last_chunk(out, CompressionStats{Coding::lz4, 1, 2, 3}, ServerTiming{1ms, 2ms})),
      "0\r\nCompression-Stats: coding=lz4, level=1, in=2, out=3\r\n"
      "Server-Timing: queue;dur=1.000, codec;dur=2.000\r\n\r\n");
  EXPECT_GT(
      write_last_chunk(
          out, CompressionStats{Coding::identity, 2147483647, ~std::uint64_t{0}, ~std::uint64_t{0}},
          ServerTiming{std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max()}),
      0u);
  std::array<std::byte, 4> small;
  EXPECT_EQ(write_last_chunk(small), 0u);
}

}  // namespace
}  // namespace frdpu::proto
