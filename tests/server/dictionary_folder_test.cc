#include "server/dictionary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/dictionary_file.h"
#include "server/dictionary_store.h"
#include "tests/support/dictionary_samples.h"

// What a start finds in --dictionary-dir.
namespace frdpu::server {
namespace {

using namespace dictionary_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DictionaryFolderTest : public WithFolder {};

TEST_F(DictionaryFolderTest, CreatedIsTheFilesTime) {
  folder_.write("old", core::as_bytes("content"));
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 999'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "old").c_str(), times, 0), 0);
  PinnedDictionaries now;
  const auto store = open();
  store->pin(now);
  EXPECT_EQ(now.find_named("old")->entry().created, "2001-09-09T01:46:40Z");
}

TEST_F(DictionaryFolderTest, OtherFilesAreLeftAloneAndLeftOversAreRemoved) {
  const auto keep = {"README md", "a b", ".hidden", ".dictionary.abc", ".x y.AAAAAA", "Ünicode"};
  for (const char* name : keep) folder_.write(name, core::as_bytes("x"));
  folder_.write("good", core::as_bytes("x"));
  folder_.write(".good.Ab3dEf", core::as_bytes("half of"));
  folder_.write(".never.a.there.000000", core::as_bytes(""));
  std::filesystem::create_directory(folder_ / "directory");
  std::filesystem::create_directory(folder_ / ".directory.abcdef");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);  // opening it would wait for ever
  const auto store = open();
  EXPECT_THAT(names_in(*store), ElementsAre("good"));
  std::vector<std::string> left(keep.begin(), keep.end());
  left.insert(left.end(), {"good", "directory", ".directory.abcdef", "pipe"});
  EXPECT_THAT(folder_.names(), ::testing::UnorderedElementsAreArray(left));
}

TEST_F(DictionaryFolderTest, LeftOversAreToldByTheirNames) {
  const struct {
    const char* name;
    bool is;
  } rows[] = {{".a.XyZ019", true},   {".a-b_c.d.aaaaaa", true},
              {"a.aaaaaa", false},   {".a.aaaaa", false},
              {".a.aaaaaaa", false}, {"..aaaaaa", false},
              {".a.aaaa-a", false},  {".a b.aaaaaa", false},
              {"..a.aaaaaa", false}, {".aaaaaaa", false},
              {"", false},           {".", false}};
  for (const auto& row : rows) EXPECT_EQ(is_left_over(row.name), row.is) << row.name;
}

TEST_F(DictionaryFolderTest, WhatCannotBeStartedWithIsOneLine) {
  const auto nowhere = DictionaryStore::open(folder_ / "nowhere", core::kMiB);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error(),
            "--dictionary-dir " + folder_ / "nowhere" + ": No such file or directory");
  folder_.write("file", core::as_bytes("x"));
  const auto file = DictionaryStore::open(folder_ / "file", core::kMiB);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error(), HasSubstr("Not a directory"));

  folder_.write("empty", {});
  EXPECT_THAT(refusal(), HasSubstr("empty: The dictionary is empty"));
  test::Buffer broken = zstd_dictionary();
  std::ranges::fill(std::span(broken).subspan(8, 100), std::byte{0xff});
  folder_.write("empty", broken);
  EXPECT_THAT(refusal(), HasSubstr("empty: The dictionary begins as one of zstd's and is broken"));
  std::filesystem::remove(folder_ / "empty");

  folder_.write("large", test::random_bytes(5000));
  EXPECT_EQ(refusal(5001), "opened");  // with the one byte of "file"
  EXPECT_THAT(refusal(5000), HasSubstr("more than --dictionary-bytes, at the latest with large"));
  EXPECT_THAT(refusal(4999), HasSubstr("more than --dictionary-bytes"));
  EXPECT_EQ(refusal(5000).find('\n'), std::string::npos);
}

TEST_F(DictionaryFolderTest, AFolderThatCannotBeWrittenIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
  EXPECT_THAT(refusal(), HasSubstr("not writable: Permission denied"));
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  folder_.write("secret", core::as_bytes("x"));
  std::filesystem::permissions(folder_ / "secret", std::filesystem::perms(0));
  EXPECT_THAT(refusal(), HasSubstr("secret: Permission denied"));
}

TEST_F(DictionaryFolderTest, TwoOfOneIdAndDifferentContentAreNotStartedWith) {
  test::Buffer one = zstd_dictionary(1);
  test::Buffer two = zstd_dictionary(2);
  std::ranges::copy(std::span(one).subspan(4, 4), two.begin() + 4);  // the id
  folder_.write("one", one);
  folder_.write("same", one);
  EXPECT_EQ(refusal(), "opened");
  folder_.write("two", two);
  EXPECT_THAT(refusal(), HasSubstr("one and two are different dictionaries with the id " +
                                   std::to_string(dictionary_id(one))));
}

}  // namespace
}  // namespace frdpu::server
