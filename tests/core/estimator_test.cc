#include "core/estimator.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

TEST(EstimatorTest, EntropyKnowsBytesAndNoOrder) {
  EXPECT_EQ(entropy_bits_per_byte(Bytes{}), 0.0);
  EXPECT_EQ(entropy_bits_per_byte(test::zeros(1000)), 0.0);
  EXPECT_EQ(entropy_bits_per_byte(test::to_buffer("abababab")), 1.0);
  EXPECT_EQ(entropy_bits_per_byte(test::to_buffer("aabbccdd")), 2.0);
  test::Buffer all;
  for (int round = 0; round < 3; ++round) {
    for (int value = 0; value < 256; ++value) all.push_back(static_cast<std::byte>(value));
  }
  EXPECT_EQ(entropy_bits_per_byte(all), 8.0);
}

TEST(EstimatorTest, EntropyDoesNotDependOnPieces) {
  const test::Buffer data = test::json_like(10'000);
  const double whole = entropy_bits_per_byte(data);
  for (const std::size_t cut : {1, 7, 999, 9999, 10'000}) {
    std::vector<Bytes> pieces;
    for (Bytes rest = data; !rest.empty(); rest = rest.subspan(pieces.back().size())) {
      pieces.push_back(rest.first(std::min(cut, rest.size())));
    }
    EXPECT_EQ(entropy_bits_per_byte(pieces), whole) << cut;
  }
  EXPECT_EQ(entropy_bits_per_byte(std::vector<Bytes>{}), 0.0);
}

}  // namespace
}  // namespace frdpu::core
