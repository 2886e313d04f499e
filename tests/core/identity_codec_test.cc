#include "core/identity_codec.h"

#include <gtest/gtest.h>

#include "tests/support/codec_driver.h"

namespace frdpu::core {
namespace {

using test::AlignedRegion;
using test::Buffer;
using test::drive;
using test::Placed;

TEST(IdentityCodecTest, CopiesAtEverySeam) {
  const EncoderParams params{.coding = Coding::identity};
  const FrameHeader header{};
  for (const std::size_t size : {0, 1, 63, 1000}) {
    const Buffer input = test::random_bytes(size);
    for (const std::size_t in : test::kSeamSizes) {
      for (const std::size_t out : test::kSeamSizes) {
        const AlignedRegion one(identity_encoder_workspace_bytes(params));
        const Placed<Encoder> encoder(*place_identity_encoder(params, one.bytes()));
        const auto encoded = drive(*encoder, input, {in, out});
        ASSERT_TRUE(encoded.has_value());
        EXPECT_EQ(encoded->output, input);

        const AlignedRegion other(identity_decoder_workspace_bytes(header));
        const Placed<Decoder> decoder(*place_identity_decoder(header, nullptr, other.bytes()));
        const auto decoded = drive(*decoder, input, {in, out});
        ASSERT_TRUE(decoded.has_value());
        EXPECT_EQ(decoded->output, input);
        EXPECT_EQ(decoded->consumed, input.size());
      }
    }
  }
  EXPECT_EQ(identity_bound(1000), 1000u);
}

TEST(IdentityCodecTest, HoldsTheCallerToThePledgedSize) {
  const Buffer input = test::random_bytes(100);
  for (const std::uint64_t pledged : {99, 100, 101}) {
    const EncoderParams params{.coding = Coding::identity, .content_bytes = pledged};
    const AlignedRegion region(identity_encoder_workspace_bytes(params));
    const Placed<Encoder> encoder(*place_identity_encoder(params, region.bytes()));
    const auto encoded = drive(*encoder, input, {.input_bytes = 30});
    EXPECT_EQ(encoded.has_value(), pledged == 100);
    if (!encoded) {
      EXPECT_EQ(encoded.error().code, Errc::invalid_size);
    }
  }
}

TEST(IdentityCodecTest, RefusesWorkspacesThatAreTooSmall) {
  const AlignedRegion region(128);
  EXPECT_EQ(place_identity_encoder({.coding = Coding::identity}, region.bytes()).error().code,
            Errc::invalid_size);
  EXPECT_EQ(place_identity_decoder({}, nullptr, region.bytes()).error().code, Errc::invalid_size);
}

}  // namespace
}  // namespace frdpu::core
