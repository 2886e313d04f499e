#include "proto/documents.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Coding;
using nlohmann::json;

// Calls a writer with room to spare, then with one byte too little.
template <class Write>
json document(Write write) {
  std::vector<std::byte> out(64 * 1024);
  const std::size_t size = write(core::MutableBytes(out));
  EXPECT_GT(size, 0u);
  EXPECT_EQ(write(core::MutableBytes(out).first(size)), size);
  EXPECT_EQ(write(core::MutableBytes(out).first(size - 1)), 0u);
  (void)write(core::MutableBytes(out));
  return json::parse(core::as_text(core::Bytes(out).first(size)), nullptr, false);
}

TEST(DocumentsTest, ListsTheCodings) {
  const std::array<std::uint64_t, 9> lz4 = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<std::uint64_t> zstd(19, 1000);
  zstd.back() = 94'000'000;
  const CodingMemory codings[] = {{Coding::lz4, lz4}, {Coding::zstd, zstd}, {Coding::br, {}}};
  const json body =
      document([&](core::MutableBytes out) { return write_codings(out, codings, 4096); });
  ASSERT_EQ(body["codings"].size(), 3u);
  EXPECT_EQ(body["codings"][0], json::parse(R"({
    "coding": "lz4", "media_type": "application/x-lz4",
    "levels": {"min": 1, "max": 9, "default": 1},
    "window_bytes": {"min": 256, "max": 65535, "default": 32768},
    "stream_bytes": {"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9}})"));
  const json& second = body["codings"][1];
  EXPECT_EQ(second["window_bytes"], json::parse(R"({"min":1024,"max":4096,"default":4096})"));
  EXPECT_EQ(second["stream_bytes"].size(), 19u);
  EXPECT_EQ(second["stream_bytes"]["19"], 94'000'000);
  EXPECT_EQ(body["codings"][2]["levels"]["min"], 0);
  EXPECT_EQ(body["codings"][2]["stream_bytes"], json::object());
}

TEST(DocumentsTest, CountsLevelsFromTheLowest) {
  const std::array<std::uint64_t, 12> bytes = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
  const CodingMemory codings[] = {{Coding::br, bytes}};
  const json body =
      document([&](core::MutableBytes out) { return write_codings(out, codings, 0); });
  EXPECT_EQ(body["codings"][0]["stream_bytes"]["0"], 10);
  EXPECT_EQ(body["codings"][0]["stream_bytes"]["11"], 21);
}

TEST(DocumentsTest, ListsTheLimits) {
  const Limit limits[] = {{"max_body_bytes", std::uint64_t{1} << 30},
                          {"max_ratio", 0.0},
                          {"queue_timeout", 0.25},
                          {"none", std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(document([&](core::MutableBytes out) { return write_limits(out, limits); }),
            json::parse(R"({"max_body_bytes":1073741824,"max_ratio":0,"queue_timeout":0.25,
                            "none":null})"));
  EXPECT_EQ(document([](core::MutableBytes out) { return write_limits(out, {}); }), json::object());
}

TEST(DocumentsTest, ListsThePools) {
  const core::PoolStats pools[] = {{.pool = "mtu",
                                    .block_bytes = 1500,
                                    .blocks = 8,
                                    .in_use = 2,
                                    .available = 6,
                                    .peak = 5,
                                    .acquisitions = 12,
                                    .releases = 10,
                                    .exhaustions = 1,
                                    .fallbacks = 3},
                                   {.pool = "64k"}};
  const json body = document([&](core::MutableBytes out) { return write_pools(out, pools); });
  ASSERT_EQ(body["pools"].size(), 2u);
  EXPECT_EQ(body["pools"][0], json::parse(R"({"pool":"mtu","block_bytes":1500,"blocks":8,
    "in_use":2,"available":6,"peak":5,"acquisitions":12,"releases":10,"exhaustions":1,
    "fallbacks":3,"utilization":0.25})"));
  EXPECT_EQ(body["pools"][1]["utilization"], 0);
}

}  // namespace
}  // namespace frdpu::proto
