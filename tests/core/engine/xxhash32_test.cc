#include "core/engine/xxhash32.h"

#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace frdpu::test {
namespace {

using core::Xxhash32;

TEST(Xxhash32Test, KnowsThePublishedValues) {
  EXPECT_EQ(Xxhash32::of({}), 0x02CC5D05u);
  EXPECT_EQ(Xxhash32::of(core::as_bytes("a")), 0x550D7456u);
  EXPECT_EQ(Xxhash32::of(core::as_bytes("abc")), 0x32D153FFu);
  EXPECT_EQ(Xxhash32::of(core::as_bytes("Nobody inspects the spammish repetition")), 0xE2293B2Fu);
}

TEST(Xxhash32Test, IsTheSameHoweverTheBytesAreCut) {
  const Buffer bytes = random_bytes(1000);
  for (std::size_t size = 0; size <= 100; ++size) {
    const core::Bytes input(bytes.data(), size);
    for (std::size_t cut = 1; cut <= 33; ++cut) {
      Xxhash32 hash;
      for (std::size_t at = 0; at < size; at += cut) {
        hash.update(input.subspan(at, std::min(cut, size - at)));
      }
      ASSERT_EQ(hash.digest(), Xxhash32::of(input)) << size << " bytes cut at " << cut;
    }
  }
}

TEST(Xxhash32Test, ResetStartsOver) {
  Xxhash32 hash;
  hash.update(random_bytes(77));
  hash.reset();
  hash.update(core::as_bytes("abc"));
  EXPECT_EQ(hash.digest(), 0x32D153FFu);
}

}  // namespace
}  // namespace frdpu::test
