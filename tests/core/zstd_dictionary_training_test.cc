#include "core/zstd_dictionary.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zdict.h>
#include <zstd.h>

#include <numeric>
#include <vector>

#include "core/dictionary.h"
#include "tests/support/test_data.h"

namespace frdpu::core {
namespace {

// Memory that ends where a page begins that nobody may touch.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t size)
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
        mapped_((size + page_ - 1) / page_ * page_ + page_),
        memory_(static_cast<std::byte*>(
            ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        size_(size) {
    EXPECT_EQ(::mprotect(memory_ + mapped_ - page_, page_, PROT_NONE), 0);
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { ::munmap(memory_, mapped_); }

  [[nodiscard]] MutableBytes bytes() const { return {memory_ + mapped_ - page_ - size_, size_}; }

 private:
  std::size_t page_;
  std::size_t mapped_;
  std::byte* memory_;
  std::size_t size_;
};

// The library's trainer reads where it should not when there is little to read: whatever the
// samples are, a dictionary or a refusal comes out.
TEST(ZstdDictionaryTrainingTest, ReadsNothingBeyondTheSamplesHoweverFewBytesTheyHave) {
  test::Random random(7);
  std::size_t trained = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::size_t> sizes(random.between(1, 24));
    const std::size_t most = std::size_t{1} << random.between(0, 7);
    for (std::size_t& size : sizes) size = random.between(0, most);
    if (round % 7 == 0) std::ranges::sort(sizes);  // the longest are those it does not learn from
    const std::size_t sum = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    const GuardedBytes samples(sum);
    const auto content = round % 2 == 0 ? test::random_bytes(sum, random.next())
                                        : test::repeated_unit(sum, random.between(1, 30));
    std::ranges::copy(content, samples.bytes().begin());
    const GuardedBytes room(random.between(256, 2'000));
    const auto used = train_zstd_dictionary({samples.bytes(), sizes}, room.bytes());
    if (used) {
      ASSERT_LE(*used, room.bytes().size());
      EXPECT_TRUE(check_zstd_dictionary(room.bytes().first(*used)));
      ++trained;
    } else {
      EXPECT_TRUE(used.error().code == Errc::too_few_samples ||
                  used.error().code == Errc::invalid_parameter);
      ++refused;
    }
  }
  EXPECT_GT(trained, 20u);
  EXPECT_GT(refused, 20u);
}

TEST(ZstdDictionaryTrainingTest, RefusesWhatTheLibraryWouldFailOn) {
  test::Buffer room(4'096);
  const test::Buffer bytes = test::zeros(1'000);
  const auto code_of = [&](const std::vector<std::size_t>& sizes) {
    const std::size_t sum = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    const auto used = train_zstd_dictionary({Bytes(bytes).first(sum), sizes}, room);
    return used ? Errc{} : used.error().code;
  };
  EXPECT_EQ(code_of({}), Errc::too_few_samples);
  EXPECT_EQ(code_of({100}), Errc::too_few_samples);
  EXPECT_EQ(code_of(std::vector<std::size_t>(8, 1)), Errc::too_few_samples);
  EXPECT_EQ(code_of({1, 1, 1, 1, 1, 1, 100, 100}), Errc::too_few_samples);
}

TEST(ZstdDictionaryCheckTest, TellsUsableFromBroken) {
  test::Buffer trained(2'048);
  const std::vector<std::size_t> sizes(300, 100);
  const test::Buffer samples = test::json_like(30'000, 3);
  const auto used = train_zstd_dictionary({samples, sizes}, trained);
  ASSERT_TRUE(used);
  trained.resize(*used);
  EXPECT_TRUE(check_zstd_dictionary(trained));
  EXPECT_EQ(Dictionary::declared_id(trained), ZDICT_getDictID(trained.data(), trained.size()));
  for (const std::size_t size : {std::size_t{4}, std::size_t{8}, std::size_t{20}}) {
    const auto broken = check_zstd_dictionary(Bytes(trained).first(size));
    ASSERT_FALSE(broken) << size;
    EXPECT_EQ(broken.error().code, Errc::corrupt_input);
  }
  // Decoders take dictionaries that encoders cannot use: tables that leave symbols out.
  test::Random random(1);
  std::size_t for_decoders_alone = 0;
  for (int i = 0; i < 10'000; ++i) {
    test::Buffer changed = trained;
    changed[8 + random.below(150)] = static_cast<std::byte>(random.below(256));
    ZSTD_DCtx* const decoder = ZSTD_createDCtx();
    ZSTD_CCtx* const encoder = ZSTD_createCCtx();
    std::byte room[64];
    const bool decodes =
        !ZSTD_isError(ZSTD_DCtx_loadDictionary(decoder, changed.data(), changed.size()));
    ZSTD_CCtx_loadDictionary(encoder, changed.data(), changed.size());
    const bool encodes = !ZSTD_isError(ZSTD_compress2(encoder, room, sizeof room, "x", 1));
    ZSTD_freeDCtx(decoder);
    ZSTD_freeCCtx(encoder);
    ASSERT_EQ(check_zstd_dictionary(changed).has_value(), decodes && encodes) << i;
    if (decodes && !encodes) ++for_decoders_alone;
  }
  EXPECT_GT(for_decoders_alone, 0u);
  test::Buffer nameless = trained;
  std::ranges::fill(std::span(nameless).subspan(4, 4), std::byte{0});
  EXPECT_FALSE(check_zstd_dictionary(nameless));
}

}  // namespace
}  // namespace frdpu::core
