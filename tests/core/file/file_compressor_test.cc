#include "core/file/file_compressor.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "tests/core/engine/lz4_test_support.h"
#include "tests/core/pool/failing_slab_source.h"
#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

namespace fs = std::filesystem;
using test::Buffer;

class FileCompressorTest : public testing::Test {
 protected:
  FileCompressorTest() {
    std::string pattern = (fs::temp_directory_path() / "frdpu-file-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~FileCompressorTest() override { fs::remove_all(directory_); }

  [[nodiscard]] fs::path path(const char* name) const { return directory_ / name; }
  fs::path write(const char* name, Bytes bytes) const {
    std::ofstream(path(name), std::ios::binary) << as_text(bytes);
    return path(name);
  }
  /// What is in the directory: names and contents, the hidden ones too.
  [[nodiscard]] std::map<std::string, Buffer> listing() const {
    std::map<std::string, Buffer> files;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      files[entry.path().filename().string()] =
          entry.is_regular_file() ? test::read_file(entry.path()) : Buffer();
    }
    return files;
  }

  static EncoderParams params_for(Coding coding) {
    return {.coding = coding, .level = static_cast<int>(traits(coding).levels.default_value)};
  }

  fs::path directory_;
  BufferPool buffers_ = *BufferPool::create({});
  WorkspacePools workspaces_ = *WorkspacePools::create(kGiB, 8 * kMiB);
  FileCompressor files_{buffers_, workspaces_};
};

TEST_F(FileCompressorTest, RoundTripsEveryCodingAndSize) {
  for (const CodingTraits& of : all_codings()) {
    for (const std::size_t size : {0uz, 1uz, 65535uz, 65536uz, 65537uz, 1'000'000uz}) {
      SCOPED_TRACE(std::string(of.name) + " " + std::to_string(size));
      const Buffer bytes = test::mixed_bytes(size);
      const fs::path plain = write("plain", bytes);
      const auto packed =
          files_.compress(plain, path("packed"), params_for(of.coding), Existing::replace);
      ASSERT_TRUE(packed) << packed.error().detail;
      EXPECT_EQ(packed->read_bytes, size);
      EXPECT_EQ(packed->written_bytes, fs::file_size(path("packed")));
      const auto back =
          files_.decompress(path("packed"), path("back"), {}, of.coding, Existing::replace);
      ASSERT_TRUE(back) << back.error().detail;
      EXPECT_EQ(back->written_bytes, size);
      EXPECT_EQ(test::read_file(path("back")), bytes);
    }
  }
  EXPECT_EQ(buffers_.stats().in_use, 0u);
}

TEST_F(FileCompressorTest, WritesWhatOthersReadAndTellsTheCodingItself) {
  const Buffer bytes = test::json_like(300'000);
  ASSERT_TRUE(files_.compress(write("plain", bytes), path("plain.lz4"), params_for(Coding::lz4)));
  const Buffer frame = test::read_file(path("plain.lz4"));
  EXPECT_EQ(*test::liblz4_decode(frame), bytes);
  const auto header = parse_frame_header(Coding::lz4, frame, true);
  EXPECT_EQ((*header)->content_bytes, bytes.size());
  ASSERT_TRUE(files_.decompress(path("plain.lz4"), path("back"), {}));
  EXPECT_EQ(test::read_file(path("back")), bytes);
  EXPECT_EQ(files_.decompress(path("plain"), path("x"), {}).error().code, Errc::unknown_coding);
}

TEST_F(FileCompressorTest, KeepsPermissionBits) {
  const fs::path plain = write("plain", test::text_like(100));
  fs::permissions(plain, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  ASSERT_TRUE(files_.compress(plain, path("packed"), params_for(Coding::zstd)));
  EXPECT_EQ(fs::status(path("packed")).permissions(), fs::status(plain).permissions());
}

TEST_F(FileCompressorTest, LeavesThePlaceAsItWasWhateverFails) {
  const Buffer text = test::text_like(200'000);
  write("plain", text);
  ASSERT_TRUE(files_.compress(path("plain"), path("good.lz4"), params_for(Coding::lz4)));
  Buffer broken = test::read_file(path("good.lz4"));
  broken.resize(broken.size() / 2);
  write("half.lz4", broken);
  write("taken", test::to_buffer("precious"));
  fs::create_directory(path("folder"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  fs::create_symlink(path("plain"), path("link"));

  BufferPool one = *BufferPool::create({.small = {0, 1}, .medium = {0, 1}, .large = {0, 1}});
  FileCompressor starved(one, workspaces_);
  const EncoderParams lz4 = params_for(Coding::lz4);
  EncoderParams bad_level = lz4;
  bad_level.level = 77;
  const auto replace = Existing::replace;
  struct Row {
    const char* name;
    std::function<Result<FileOutcome>()> run;
    Errc code;
    std::optional<std::uint64_t> observed;
  };
  const Row rows[] = {
      {"no source", [&] { return files_.compress(path("gone"), path("new"), lz4); }, Errc::io_error,
       ENOENT},
      {"source is a folder", [&] { return files_.compress(path("folder"), path("new"), lz4); },
       Errc::io_error, EISDIR},
      {"no folder for it",
       [&] { return files_.compress(path("plain"), path("gone") / "new", lz4); }, Errc::io_error,
       ENOENT},
      {"taken", [&] { return files_.compress(path("plain"), path("taken"), lz4); }, Errc::io_error,
       EEXIST},
      {"place is a folder",
       [&] { return files_.compress(path("plain"), path("folder"), lz4, replace); }, Errc::io_error,
       EINVAL},
      {"place is a pipe",
       [&] { return files_.compress(path("plain"), path("pipe"), lz4, replace); }, Errc::io_error,
       EINVAL},
      {"itself",
       [&] { return files_.compress(path("plain"), path("plain"), lz4, replace); },
       Errc::invalid_parameter,
       {}},
      {"itself by a link",
       [&] { return files_.compress(path("plain"), path("link"), lz4, replace); },
       Errc::invalid_parameter,
       {}},
      {"no buffers",
       [&] { return starved.compress(path("plain"), path("new"), lz4); },
       Errc::pool_exhausted,
       {}},
      {"bad level",
       [&] { return files_.compress(path("plain"), path("taken"), bad_level, replace); },
       Errc::invalid_level, 77},
      {"truncated",
       [&] { return files_.decompress(path("half.lz4"), path("taken"), {}, {}, replace); },
       Errc::truncated_input,
       {}},
      {"not of that coding",
       [&] { return files_.decompress(path("plain"), path("taken"), {}, Coding::gzip, replace); },
       Errc::corrupt_input,
       {}},
      {"too long",
       [&] { return files_.decompress(path("good.lz4"), path("new"), {.max_output_bytes = 1000}); },
       Errc::output_limit_exceeded, 200'000},
  };
  const auto before = listing();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto result = row.run();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, row.code) << result.error().detail;
    if (row.observed) {
      EXPECT_EQ(result.error().observed, row.observed);
    }
    EXPECT_EQ(listing(), before);
  }
  EXPECT_EQ(buffers_.stats().in_use + one.stats().in_use, 0u);
}

TEST_F(FileCompressorTest, ReplacesALinkAndNotWhatItPointsTo) {
  write("elsewhere", test::to_buffer("precious"));
  fs::create_symlink(path("elsewhere"), path("link"));
  ASSERT_TRUE(files_.compress(write("plain", test::text_like(99)), path("link"),
                              params_for(Coding::gzip), Existing::replace));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path("link"))));
  EXPECT_EQ(test::to_text(test::read_file(path("elsewhere"))), "precious");
}

// The disk is full after each number of bytes, from none to all but one: nothing may be left.
TEST_F(FileCompressorTest, SurvivesADiskThatIsFull) {
  const fs::path plain = write("plain", test::random_bytes(300'000));
  ASSERT_TRUE(files_.compress(plain, path("whole"), params_for(Coding::zstd)));
  const rlim_t size = fs::file_size(path("whole"));
  const auto before = listing();
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (rlim_t limit = 0; limit < size + 65536; limit += limit < size - 1 ? (size - 1) / 7 : 1) {
    const rlimit full{limit, usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    const auto result = files_.compress(plain, path("packed"), params_for(Coding::zstd));
    ::setrlimit(RLIMIT_FSIZE, &usual);
    if (result) {
      EXPECT_GE(limit, size);
      EXPECT_EQ(test::read_file(path("packed")), test::read_file(path("whole")));
      break;
    }
    EXPECT_EQ(result.error().code, Errc::io_error);
    EXPECT_EQ(result.error().observed, static_cast<std::uint64_t>(EFBIG));
    ASSERT_EQ(listing(), before) << limit;
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(fs::exists(path("packed")));
}

// Changes the source once its size has been asked for: in the moment when the first buffer needs
// memory.
class Meddler final : public SlabSource {
 public:
  explicit Meddler(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  std::byte* reserve(std::size_t bytes, bool huge_pages) noexcept override {
    return system_.reserve(bytes, huge_pages);
  }
  bool commit(std::byte* begin, std::size_t bytes) noexcept override {
    if (armed) meddle_();
    return system_.commit(begin, bytes);
  }
  void discard(std::byte* begin, std::size_t bytes) noexcept override {
    system_.discard(begin, bytes);
  }
  void unreserve(std::byte* begin, std::size_t bytes) noexcept override {
    system_.unreserve(begin, bytes);
  }
  void* allocate_record(std::size_t bytes) noexcept override {
    return system_.allocate_record(bytes);
  }
  void free_record(void* record) noexcept override { system_.free_record(record); }

  bool armed = false;

 private:
  std::function<void()> meddle_;
  SlabSource& system_ = system_slab_source();
};

TEST_F(FileCompressorTest, NoticesASourceThatChanges) {
  for (const std::size_t size : {0uz, 10'000uz, 70'000uz, 99'999uz, 100'001uz, 500'000uz}) {
    for (const CodingTraits& of : all_codings()) {
      SCOPED_TRACE(std::string(of.name) + " " + std::to_string(size));
      const fs::path plain = write("plain", test::text_like(100'000));
      Meddler meddler([&] { fs::resize_file(plain, size); });
      BufferPool buffers = *BufferPool::create({}, meddler);
      meddler.armed = true;
      FileCompressor files(buffers, workspaces_);
      const auto result = files.compress(plain, path("packed"), params_for(of.coding));
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, Errc::io_error) << result.error().detail;
      EXPECT_EQ(result.error().limit, 100'000u);
      EXPECT_EQ(listing().size(), 1u);
    }
  }
}

TEST_F(FileCompressorTest, ReadsPipes) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const Buffer bytes = test::text_like(200'000);
  const std::jthread writer([&] { write("pipe", bytes); });
  ASSERT_TRUE(files_.compress(path("pipe"), path("packed"), params_for(Coding::lz4)));
  EXPECT_EQ(*test::liblz4_decode(test::read_file(path("packed"))), bytes);
}

TEST_F(FileCompressorTest, BuffersThatAreRefusedLeaveNothingBehind) {
  const fs::path plain = write("plain", test::text_like(100'000));
  for (long granted = 0;; ++granted) {
    ASSERT_LT(granted, 100) << "never passed";
    FailingSlabSource source(granted);
    Result<BufferPool> buffers = BufferPool::create({}, source);
    if (!buffers) continue;
    FileCompressor files(*buffers, workspaces_);
    const auto result = files.compress(plain, path("packed"), params_for(Coding::lz4));
    if (result && !source.refused_any()) break;
    if (result) {  // refused was a magazine only, which pools do without
      fs::remove(path("packed"));
      continue;
    }
    EXPECT_EQ(result.error().code, Errc::pool_exhausted);
    EXPECT_EQ(listing().size(), 1u);
  }
}

}  // namespace
}  // namespace frdpu::core
