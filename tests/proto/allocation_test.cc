// The request path of proto takes nothing from the heap: counted by replacing operator new.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>
#include <string_view>

#include "proto/batch_frames.h"
#include "proto/http_date.h"
#include "proto/negotiation.h"
#include "proto/problem.h"
#include "proto/query.h"
#include "proto/request_head.h"
#include "proto/response_head.h"
#include "proto/routes.h"

namespace {
thread_local std::size_t allocations = 0;
}

// Not inlined, or g++ sees a malloc that a delete gives back.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace frdpu::proto {
namespace {

constexpr std::string_view kHead =
    "POST /v1/compress?label=encoding HTTP/1.1\r\n"
    "Host: compress.example:8080\r\n"
    "User-Agent: a-client/with-a-name-that-is-longer-than-any-small-string\r\n"
    "Accept-Encoding: gzip;q=0.5, deflate, br;q=0.9, zstd;q=0.9, *;q=0.1\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "Content-Encoding: gzip\r\n"
    "Content-Length: 600\r\n"
    "X-Request-Id: 0123456789-0123456789-0123456789-0123456789\r\n"
    "Connection: keep-alive\r\n\r\n";

// All that is asked of proto for one request that is answered.
std::size_t answer(core::MutableBytes out) {
  const auto read = read_request_head(kHead);
  if (!read) return 0;
  const RequestHead& fields = read->fields;
  const auto match = match_route(Listener::service, read->line.method, read->line.target);
  if (!match) return 0;
  const auto query = parse_compress_query(match->query, {});
  const auto transport = parse_content_encoding(fields.content_encoding());
  const auto coding = negotiate(fields.accept_encoding());
  if (!query || !transport || !coding) return 0;
  const ResultLabel label = label_compressed(query->label, *coding, fields.content_type());
  const HttpDate date = format_http_date(std::chrono::sys_seconds{});
  return write_response_head(out, {.content_length = 39,
                                   .date = date.view(),
                                   .content_type = label.content_type,
                                   .content_encoding = label.content_encoding,
                                   .vary = label.vary,
                                   .stats = CompressionStats{*coding, 3, 600, 39},
                                   .timing = ServerTiming{},
                                   .request_id = fields.request_id()});
}

// And for one that is refused.
std::size_t refuse_one(core::MutableBytes out) {
  const auto query = parse_compress_query("coding=zstd&level=1234567890", {});
  return query ? 0 : write_problem(out, query.error());
}

TEST(AllocationTest, CountsWhatIsTaken) {
  const std::size_t before = allocations;
  ::operator delete(::operator new(100));
  EXPECT_EQ(allocations, before + 1);
}

TEST(AllocationTest, RequestPathTakesNothingFromTheHeap) {
  std::array<std::byte, 2 * kMaxResponseHeadBytes> out;
  const std::size_t before = allocations;
  const std::size_t answered = answer(out);
  const std::size_t refused = refuse_one(out);
  std::array<std::byte, 12> frames{};
  frames[0] = std::byte{8};
  FrameReader reader;
  std::size_t taken = 0;
  for (int i = 0; i < 3; ++i) {
    const auto step = reader.step(core::Bytes(frames).subspan(taken));
    if (step) taken += step->consumed;
  }
  const std::size_t after = allocations;
  EXPECT_EQ(after, before);
  EXPECT_GT(answered, 200u);
  EXPECT_GT(refused, 100u);
  EXPECT_EQ(taken, frames.size());
}

}  // namespace
}  // namespace frdpu::proto
