#include "core/zstd_dictionary.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <cassert>
#include <memory>

#include "core/dictionary.h"

namespace frdpu::core {
namespace {

// What a dictionary is measured with: the service's default level of zstd.
constexpr int kMeasuredLevel = 3;
constexpr int kCheckedLevel = 1;            // the tables are read the same way at every level
constexpr std::size_t kSmallestRoom = 256;  // ZDICT_DICTSIZE_MIN

struct Free {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CDict* dictionary) const noexcept { ZSTD_freeCDict(dictionary); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::unexpected<Error> no_memory() noexcept {
  return fail(Errc::internal_error, "there is no memory for a dictionary");
}

std::unexpected<Error> unusable(std::size_t code) noexcept {
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) return no_memory();
  return fail(Errc::corrupt_input, "The dictionary begins as one of zstd's and is broken.");
}

std::unexpected<Error> nothing_to_learn() noexcept {
  return fail(Errc::too_few_samples,
              "The samples are too small, too few or too alike to train a dictionary from.");
}

std::unexpected<Error> untrainable(std::size_t code) noexcept {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
      return no_memory();
    case ZSTD_error_dstSize_tooSmall:
      return fail(Errc::invalid_parameter,
                  "A dictionary of these samples does not fit the size that was asked for.");
    default:
      return nothing_to_learn();
  }
}

// libzstd learns from the first three quarters of the samples, in runs of 8 bytes, and tries what
// it learnt on the rest. It checks that all samples together have 8 bytes, and reads far beyond
// them when those three quarters have fewer (1.5.4, fastcover.c: nbDmers wraps around).
bool has_enough_bytes(const SampleList& samples) noexcept {
  constexpr std::size_t kRunBytes = 8;
  const auto learnt = samples.sizes.first(samples.sizes.size() / 4 * 3);
  std::size_t sum = 0;
  for (const std::size_t size : learnt) sum += size;
  return sum >= kRunBytes;
}

}  // namespace

Result<void> check_zstd_dictionary(Bytes content) noexcept {
  if (!Dictionary::declared_id(content)) {
    return fail(Errc::corrupt_input, "The dictionary begins as one of zstd's and has no id.");
  }
  const Owned<ZSTD_DCtx> decoder(ZSTD_createDCtx());
  const Owned<ZSTD_CCtx> encoder(ZSTD_createCCtx());
  if (!decoder || !encoder) return no_memory();
  std::size_t code = ZSTD_decompressBegin_usingDict(decoder.get(), content.data(), content.size());
  if (ZSTD_isError(code)) return unusable(code);
  code = ZSTD_compressBegin_usingDict(encoder.get(), content.data(), content.size(), kCheckedLevel);
  if (ZSTD_isError(code)) return unusable(code);
  return {};
}

Result<std::size_t> train_zstd_dictionary(const SampleList& samples, MutableBytes room) noexcept {
  assert(room.size() >= kSmallestRoom);
  if (!has_enough_bytes(samples)) return nothing_to_learn();
  const std::size_t code =
      ZDICT_trainFromBuffer(room.data(), room.size(), samples.bytes.data(), samples.sizes.data(),
                            static_cast<unsigned>(samples.sizes.size()));
  if (ZDICT_isError(code)) return untrainable(code);
  return code;
}

std::size_t zstd_frame_bound(std::size_t sample_bytes) noexcept {
  constexpr std::size_t kChecksumBytes = 4;
  return ZSTD_compressBound(sample_bytes) + kChecksumBytes;
}

Result<std::uint64_t> zstd_frame_bytes(const SampleList& samples, Bytes dictionary,
                                       MutableBytes scratch) noexcept {
  const Owned<ZSTD_CCtx> encoder(ZSTD_createCCtx());
  if (!encoder) return no_memory();
  ZSTD_CCtx_setParameter(encoder.get(), ZSTD_c_compressionLevel, kMeasuredLevel);
  ZSTD_CCtx_setParameter(encoder.get(), ZSTD_c_checksumFlag, 1);
  Owned<ZSTD_CDict> digested;
  if (!dictionary.empty()) {
    digested.reset(ZSTD_createCDict(dictionary.data(), dictionary.size(), kMeasuredLevel));
    if (!digested || ZSTD_isError(ZSTD_CCtx_refCDict(encoder.get(), digested.get()))) {
      return no_memory();
    }
  }
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (const std::size_t size : samples.sizes) {
    const Bytes sample = samples.bytes.subspan(at, size);
    at += size;
    const std::size_t frame =
        ZSTD_compress2(encoder.get(), scratch.data(), scratch.size(), sample.data(), sample.size());
    if (ZSTD_isError(frame)) return fail(Errc::internal_error, "a sample was not compressed");
    sum += frame;
  }
  return sum;
}

}  // namespace frdpu::core
