#include "server/dictionary_file.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace frdpu::server {
namespace {

class DictionaryFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "frdpu_dictionary_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void put(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }

  std::string path_;
};

TEST_F(DictionaryFileTest, RawContentIsNamedByItsDigest) {
  // 32768 + 0xba7816bf mod (2^31 - 32768): the digest of "abc".
  EXPECT_EQ(dictionary_id(core::as_bytes("abc")), 32768 + 0xba7816bfu % 2147450880u);
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t id = dictionary_id(core::as_bytes(std::to_string(i)));
    EXPECT_GE(id, 32768u);
    EXPECT_LT(id, 1u << 31);
  }
}

TEST_F(DictionaryFileTest, ADeclaredIdIsKept) {
  const std::array<unsigned char, 12> header = {0x37, 0xa4, 0x30, 0xec, 0x78, 0x56, 0x34, 0x12};
  EXPECT_EQ(dictionary_id(std::as_bytes(std::span(header))), 0x12345678u);
}

TEST_F(DictionaryFileTest, IsFoundByItsIdAlsoAfterAMove) {
  put("some raw content");
  auto read = DictionaryFile::read(path_);
  ASSERT_TRUE(read) << read.error();
  DictionaryFile moved(std::move(*read));
  const std::uint32_t id = dictionary_id(core::as_bytes("some raw content"));
  ASSERT_NE(moved.find(id), nullptr);
  EXPECT_EQ(core::as_text(moved.find(id)->content()), "some raw content");
  EXPECT_EQ(moved.find(id + 1), nullptr);
}

TEST_F(DictionaryFileTest, WhatIsNoDictionaryIsRefused) {
  EXPECT_FALSE(DictionaryFile::read(path_));
  put("");
  EXPECT_EQ(DictionaryFile::read(path_).error(), path_ + " is empty");
  put("");
  std::filesystem::resize_file(path_, (16u << 20) + 1);
  EXPECT_EQ(DictionaryFile::read(path_).error(), path_ + " is larger than 16 MiB");
  std::filesystem::resize_file(path_, 16u << 20);
  EXPECT_TRUE(DictionaryFile::read(path_));
}

}  // namespace
}  // namespace frdpu::server
