#pragma once

#include <gtest/gtest.h>
#define LZ4F_STATIC_LINKING_ONLY  // the dictionary API
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "core/dictionary.h"
#include "core/engine/frame_decoder.h"
#include "core/engine/frame_encoder.h"
#include "tests/support/test_data.h"

/// Drives the LZ4 frame codecs as tests want it: any cuts, exact memory, liblz4 beside them.
namespace frdpu::test {

/// A 64-aligned workspace of exactly the asked size, filled with junk: codecs must not rely on
/// what they find. Heap memory, so that ASan sees what goes past its end.
class TestWorkspace {
 public:
  explicit TestWorkspace(std::size_t bytes) : bytes_(bytes) {
    data_ = static_cast<std::byte*>(::operator new(std::max<std::size_t>(bytes, 1), kAlign));
    std::memset(data_, 0xA5, bytes);
  }
  TestWorkspace(const TestWorkspace&) = delete;
  TestWorkspace& operator=(const TestWorkspace&) = delete;
  ~TestWorkspace() { ::operator delete(data_, kAlign); }
  core::MutableBytes bytes() const { return {data_, bytes_}; }

 private:
  static constexpr std::align_val_t kAlign{64};
  std::byte* data_;
  std::size_t bytes_;
};

/// Owner of a codec placed in a workspace.
template <class T>
struct Placed {
  T* object = nullptr;
  Placed() = default;
  explicit Placed(T* placed) : object(placed) {}
  Placed(Placed&& other) noexcept : object(std::exchange(other.object, nullptr)) {}
  Placed& operator=(Placed&&) = delete;
  ~Placed() {
    if (object != nullptr) object->~T();
  }
};

inline core::EncoderParams lz4_params(int level, std::uint32_t window = 65535) {
  core::EncoderParams params;
  params.level = level;
  params.window_bytes = window;
  return params;
}

/// Runs a transform over input cut into pieces of `in_cut`, with output views of `out_cut`, each
/// in memory of exactly that size. `done` must come; what is not consumed is reported.
struct RunResult {
  core::Result<Buffer> output;
  std::size_t consumed = 0;
};
inline RunResult run_transform(core::Transform& transform, core::Bytes input, std::size_t in_cut,
                               std::size_t out_cut, core::Flush between = core::Flush::none) {
  Buffer out;
  Buffer room(out_cut);
  std::size_t at = 0;
  std::size_t idle = 0;
  for (;;) {
    const std::size_t size = std::min(in_cut, input.size() - at);
    const bool last = at + size == input.size();
    const Buffer view = to_buffer(input.subspan(at, size));
    const auto step = transform.step(view, room, last ? core::Flush::finish : between);
    if (!step) return {std::unexpected<core::Error>(step.error()), at};
    EXPECT_LE(step->consumed, view.size());
    EXPECT_LE(step->produced, room.size());
    at += step->consumed;
    const auto end = room.begin() + static_cast<std::ptrdiff_t>(step->produced);
    out.insert(out.end(), room.begin(), end);
    std::fill(room.begin(), end, std::byte{0x5A});  // what a step wrote is gone for the next
    if (step->state == core::StepState::done) return {std::move(out), at};
    idle = step->consumed == 0 && step->produced == 0 ? idle + 1 : 0;
    if (idle > 2) {
      ADD_FAILURE() << "a transform turns in place at input byte " << at;
      return {core::fail(core::Errc::internal_error, "no progress"), at};
    }
  }
}

inline Buffer encode_lz4(core::EncoderParams params, core::Bytes input, std::size_t in_cut,
                         std::size_t out_cut, core::Flush between = core::Flush::none) {
  const TestWorkspace workspace(core::lz4_encoder_workspace_bytes(params));
  const auto placed = core::place_lz4_encoder(params, workspace.bytes());
  if (!placed) {
    ADD_FAILURE() << placed.error().detail;
    return {};
  }
  const Placed<core::Encoder> encoder(*placed);
  auto result = run_transform(*encoder.object, input, in_cut, out_cut, between);
  if (!result.output) {
    ADD_FAILURE() << result.output.error().detail;
    return {};
  }
  EXPECT_EQ(result.consumed, input.size());
  return std::move(*result.output);
}

/// Streams the whole input through large views.
inline Buffer encode_lz4(const core::EncoderParams& params, core::Bytes input) {
  return encode_lz4(params, input, SIZE_MAX, 1 << 16);
}

/// The one-shot path, into memory of exactly the bound.
inline Buffer encode_lz4_whole(core::EncoderParams params, core::Bytes input) {
  params.whole = true;
  params.content_bytes = input.size();
  return encode_lz4(params, input, SIZE_MAX, core::lz4_bound(input.size()));
}

/// Decodes one frame that starts the input. `consumed` tells where it ended.
inline RunResult decode_lz4(core::Bytes input, std::size_t in_cut = SIZE_MAX,
                            std::size_t out_cut = 1 << 16,
                            const core::Dictionary* dictionary = nullptr) {
  const auto header = core::parse_lz4_frame_header(input, true);
  if (!header) return {std::unexpected<core::Error>(header.error())};
  std::size_t bytes = (*header)->workspace_bytes;
  if (dictionary != nullptr) bytes = std::max<std::size_t>(bytes, 140000);
  const TestWorkspace workspace(bytes);
  const auto placed = core::place_lz4_decoder(**header, dictionary, workspace.bytes());
  if (!placed) return {std::unexpected<core::Error>(placed.error())};
  const Placed<core::Decoder> decoder(*placed);
  RunResult result = run_transform(*decoder.object, input, in_cut, out_cut);
  result.consumed -= decoder.object->unread().size();
  return result;
}

/// liblz4 as judge: decodes a frame, or says nothing when it refuses.
inline std::optional<Buffer> liblz4_decode(core::Bytes frame, core::Bytes dictionary = {}) {
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  Buffer out;
  Buffer room(1 << 18);
  std::size_t at = 0;
  std::size_t hint = 1;
  while (hint != 0) {
    std::size_t produced = room.size();
    std::size_t taken = frame.size() - at;
    hint =
        dictionary.empty()
            ? LZ4F_decompress(context, room.data(), &produced, frame.data() + at, &taken, nullptr)
            : LZ4F_decompress_usingDict(context, room.data(), &produced, frame.data() + at, &taken,
                                        dictionary.data(), dictionary.size(), nullptr);
    if (LZ4F_isError(hint) || (hint != 0 && taken == 0 && produced == 0)) break;
    at += taken;
    out.insert(out.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(produced));
  }
  LZ4F_freeDecompressionContext(context);
  if (hint != 0 || at != frame.size()) return std::nullopt;
  return out;
}

/// liblz4 as the other side: what a frame from elsewhere looks like.
struct Lz4fOptions {
  LZ4F_blockSizeID_t block_size = LZ4F_max64KB;
  bool independent = false;
  bool block_checksum = false;
  bool content_checksum = true;
  bool content_size = false;
  int level = 0;
  std::uint32_t dictionary_id = 0;
};
inline Buffer liblz4_encode(core::Bytes input, const Lz4fOptions& options = {},
                            core::Bytes dictionary = {}) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = options.block_size;
  preferences.frameInfo.blockMode = options.independent ? LZ4F_blockIndependent : LZ4F_blockLinked;
  preferences.frameInfo.blockChecksumFlag =
      options.block_checksum ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum;
  preferences.frameInfo.contentChecksumFlag =
      options.content_checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
  preferences.frameInfo.contentSize = options.content_size ? input.size() : 0;
  preferences.frameInfo.dictID = options.dictionary_id;
  preferences.compressionLevel = options.level;
  preferences.autoFlush = 1;
  LZ4F_cctx* context = nullptr;
  LZ4F_createCompressionContext(&context, LZ4F_VERSION);
  LZ4F_CDict* prepared =
      dictionary.empty() ? nullptr : LZ4F_createCDict(dictionary.data(), dictionary.size());
  Buffer out(LZ4F_compressBound(input.size(), &preferences) + 64);
  std::size_t size =
      LZ4F_compressBegin_usingCDict(context, out.data(), out.size(), prepared, &preferences);
  size += LZ4F_compressUpdate(context, out.data() + size, out.size() - size, input.data(),
                              input.size(), nullptr);
  size += LZ4F_compressEnd(context, out.data() + size, out.size() - size, nullptr);
  LZ4F_freeCDict(prepared);
  LZ4F_freeCompressionContext(context);
  out.resize(size);
  return out;
}

/// True when both hold the same; prints no megabytes where they do not.
inline ::testing::AssertionResult same_bytes(core::Bytes a, core::Bytes b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_a == a.end() && in_b == b.end()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "sizes " << a.size() << " and " << b.size()
                                       << ", first difference at " << in_a - a.begin();
}

}  // namespace frdpu::test
