#pragma once

#include <gtest/gtest.h>

#include <cstddef>

#include "core/body_decoder.h"
#include "tests/support/codec_driver.h"

/// Whole bodies through BodyDecoder, with one set of pools for all tests.
namespace frdpu::core::body_test {

inline constexpr Coding kCodings[] = {Coding::lz4, Coding::zstd, Coding::gzip, Coding::deflate};

inline WorkspacePools& pools() {
  static WorkspacePools made = *WorkspacePools::create(kGiB, 8u << 20);
  return made;
}

inline void expect_all_home(const WorkspacePools& of = pools()) {
  for (std::size_t i = 0; i < of.kinds().size(); ++i) {
    EXPECT_EQ(of.stats(i).in_use, 0u) << of.kinds()[i].name;
  }
}

inline Result<test::Driven> decode(Coding coding, Bytes body, test::Cut cut = {},
                                   DecodeLimits limits = {},
                                   DictionarySource* dictionaries = nullptr) {
  BodyDecoder decoder(coding, limits, pools(), dictionaries);
  auto driven = test::drive(decoder, body, cut);
  if (driven) {
    EXPECT_EQ(decoder.consumed_bytes(), body.size());
    EXPECT_EQ(decoder.produced_bytes(), driven->output.size());
  } else if (driven.error().code != Errc::pool_exhausted) {
    // All memory is home though the decoder is still there, and it stays broken.
    expect_all_home();
    std::byte room[64];
    const auto again = decoder.step(body, room, Flush::finish);
    EXPECT_EQ(again.has_value() ? Errc{} : again.error().code, Errc::internal_error);
  }
  return driven;
}

}  // namespace frdpu::core::body_test
