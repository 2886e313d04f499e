#pragma once

#include <gtest/gtest.h>
#include <zdict.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/dictionary_store.h"
#include "tests/support/test_data.h"

/// Dictionaries and what they are made from, for the tests of the service's dictionaries.
namespace frdpu::server::dictionary_test {

/// Records as clients send them: the same keys, other values.
inline std::vector<test::Buffer> samples(std::size_t count, std::uint64_t seed = 1) {
  test::Random random(seed);
  std::vector<test::Buffer> made;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = "{\"id\":" + std::to_string(random.below(1'000'000));
    text += ",\"name\":\"user-" + std::to_string(random.below(500)) + "\",\"active\":";
    text += random.below(2) == 0 ? "true" : "false";
    text += ",\"address\":{\"street\":\"Long Street\",\"number\":";
    text += std::to_string(random.below(200)) + ",\"city\":\"Town of " +
            std::to_string(random.below(50)) + "\"},\"tags\":[\"alpha\",\"beta\",\"gamma\"]}";
    made.push_back(test::to_buffer(text));
  }
  return made;
}

/// A dictionary in zstd's format, by the library itself.
inline test::Buffer zstd_dictionary(std::uint64_t seed = 1, std::size_t size = 4096) {
  test::Buffer all;
  std::vector<std::size_t> sizes;
  for (const test::Buffer& sample : samples(400, seed)) {
    all.insert(all.end(), sample.begin(), sample.end());
    sizes.push_back(sample.size());
  }
  test::Buffer made(size);
  const std::size_t used = ZDICT_trainFromBuffer(made.data(), made.size(), all.data(), sizes.data(),
                                                 static_cast<unsigned>(sizes.size()));
  EXPECT_FALSE(ZDICT_isError(used)) << ZDICT_getErrorName(used);
  made.resize(ZDICT_isError(used) ? 0 : used);
  return made;
}

/// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = ::testing::TempDir() + "frdpu_dictionaries_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

  void write(const std::string& name, core::Bytes content) const {
    std::ofstream file(*this / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(*this / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      found.push_back(entry.path().filename().string());
    }
    std::ranges::sort(found);
    return found;
  }

 private:
  std::string path_;
};

inline core::Result<DictionaryStore::Put> put(DictionaryStore& store, std::string_view name,
                                              core::Bytes content) {
  CountedBytes bytes = store.new_bytes();
  const auto appended = bytes.append(content, content.size());
  if (!appended) return std::unexpected(appended.error());
  return store.put(name, std::move(bytes));
}
inline core::Result<DictionaryStore::Put> put(DictionaryStore& store, std::string_view name,
                                              std::string_view content) {
  return put(store, name, core::as_bytes(content));
}

/// A folder of its own, and what a store makes of it.
class WithFolder : public ::testing::Test {
 protected:
  std::unique_ptr<DictionaryStore> open(std::uint64_t limit_bytes = core::kMiB) {
    auto opened = DictionaryStore::open(folder_.path(), limit_bytes);
    EXPECT_TRUE(opened) << opened.error();
    return opened ? std::move(*opened) : nullptr;
  }
  std::string refusal(std::uint64_t limit_bytes = core::kMiB) {
    const auto opened = DictionaryStore::open(folder_.path(), limit_bytes);
    return opened ? "opened" : opened.error();
  }
  static std::vector<std::string> names_in(const DictionaryStore& store) {
    PinnedDictionaries now;
    store.pin(now);
    std::vector<std::string> names;
    for (const auto& stored : now.all()) names.push_back(stored->entry().name);
    return names;
  }

  TemporaryFolder folder_;
};

}  // namespace frdpu::server::dictionary_test
