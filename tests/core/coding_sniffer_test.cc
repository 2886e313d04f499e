#include "core/coding_sniffer.h"

#include <gtest/gtest.h>

#include "tests/support/oracles.h"

namespace frdpu::core {
namespace {

using test::Buffer;
using test::oracle_encode;
using test::skippable_frame;
using test::operator+;

TEST(CodingSnifferTest, TellsWhatThePublicLibrariesWrite) {
  for (const std::size_t size : {0, 1, 1000, 70000}) {
    const Buffer input = test::text_like(size);
    for (const Coding coding : {Coding::gzip, Coding::zstd, Coding::lz4, Coding::deflate}) {
      for (const int level : {1, 6, 9}) {
        EXPECT_EQ(sniff(oracle_encode(coding, input, level)), coding) << to_string(coding) << size;
      }
    }
    if (size != 0) {
      EXPECT_EQ(sniff(test::oracle_encode_lz4_legacy(input)), Coding::lz4);
    }
  }
}

TEST(CodingSnifferTest, ReadsTheTable) {
  struct Row {
    const char* name;
    Buffer bytes;
    std::optional<Coding> expected;
  };
  const Buffer zstd = oracle_encode(Coding::zstd, test::zeros(10));
  const Buffer lz4 = oracle_encode(Coding::lz4, test::zeros(10));
  const Row rows[] = {
      {"nothing", {}, {}},
      {"one byte", test::bytes_of({0x1F}), {}},
      {"gzip cut before its method", test::bytes_of({0x1F, 0x8B}), {}},
      {"gzip with a method that is none", test::bytes_of({0x1F, 0x8B, 7, 0}), {}},
      {"zstd cut within its magic", test::bytes_of({0x28, 0xB5, 0x2F}), {}},
      {"skippable, then zstd", skippable_frame(5) + zstd, Coding::zstd},
      {"skippable, then lz4", skippable_frame(5, 3) + lz4, Coding::lz4},
      {"two skippable, then lz4", skippable_frame(0) + skippable_frame(300, 15) + lz4, Coding::lz4},
      {"skippable alone", skippable_frame(5), Coding::zstd},
      {"skippable that goes on", test::bytes_of({0x50, 0x2A, 0x4D, 0x18, 255, 255, 255, 255, 1}),
       Coding::zstd},
      {"skippable without its size", test::bytes_of({0x5F, 0x2A, 0x4D, 0x18}), Coding::zstd},
      {"skippable, then text", skippable_frame(2) + test::to_buffer("text"), Coding::zstd},
      {"zlib, fastest", test::bytes_of({0x78, 0x01}), Coding::deflate},
      {"zlib, small window", test::bytes_of({0x18, 0x19}), Coding::deflate},
      {"zlib, wrong check", test::bytes_of({0x78, 0x02}), {}},
      {"zlib, window of 64 KiB", test::bytes_of({0x88, 0x1C}), {}},
      {"zlib, preset dictionary", test::bytes_of({0x78, 0x20}), {}},
      {"text", test::to_buffer("Hello"), {}},
      {"JSON", test::to_buffer("{\"a\":1}"), {}},
      {"brotli has no mark", oracle_encode(Coding::br, test::text_like(1000)), {}},
      {"zip", test::to_buffer("PK\x03\x04"), {}},
  };
  for (const Row& row : rows) EXPECT_EQ(sniff(row.bytes), row.expected) << row.name;
}

TEST(CodingSnifferTest, NeverReadsBehindTheEnd) {
  const Buffer bytes = skippable_frame(3) + oracle_encode(Coding::lz4, test::zeros(10));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Buffer exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(sniff(exact).has_value(), size >= 4) << size;
  }
}

}  // namespace
}  // namespace frdpu::core
