#include <brotli/decode.h>

#include <algorithm>
#include <bit>

#include "core/brotli_codec.h"
#include "core/region_heap.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

constexpr std::uint64_t kMinWindowBytes = 1024;
constexpr std::uint64_t kMaxWindowBytes = std::uint64_t{1} << 24;

// What the decoder allocates. Source: brotli 1.0.9, dec/decode.c, dec/state.c.
// The window's buffer: kRingBufferWriteAheadSlack behind it, 42 bytes there, 542 from 1.1 on.
constexpr std::size_t kRingSlackBytes = 542;
// A group of up to 256 codes: per code a pointer, and tables of 376 entries more than symbols.
constexpr std::size_t group_bytes(std::size_t symbols) noexcept {
  return 256 * ((symbols + 376) * 4 + sizeof(void*));
}
constexpr std::size_t kLiteralSymbols = 256;
constexpr std::size_t kCommandSymbols = 704;
constexpr std::size_t kDistanceSymbols = 520;  // 16 + 120 direct + 24 << 4
// The state (5 KiB), trees of block types and lengths, context modes and maps.
constexpr std::size_t kStateBytes = 8 * kKiB;
constexpr std::size_t kBlockTreeBytes = 3 * (632 + 396) * 4;
constexpr std::size_t kContextBytes = 256 + 256 * 64 + 256 * 4;
constexpr std::size_t kHeapBytes = group_bytes(kLiteralSymbols) + group_bytes(kCommandSymbols) +
                                   group_bytes(kDistanceSymbols) + kStateBytes + kBlockTreeBytes +
                                   kContextBytes + 32 * RegionHeap::kHeaderBytes;

std::size_t ring_bytes(const FrameHeader& header) noexcept {
  const std::uint64_t window =
      std::clamp(std::bit_ceil(header.window_bytes.value_or(kMaxWindowBytes)), kMinWindowBytes,
                 kMaxWindowBytes);
  return static_cast<std::size_t>(window) + kRingSlackBytes;
}

class BrotliDecoder final : public Decoder {
 public:
  BrotliDecoder(MutableBytes heap, MutableBytes ring) noexcept : heap_(heap), ring_(ring) {}

  Result<void> create() noexcept {
    state_ = BrotliDecoderCreateInstance(&hook_allocate, &hook_free, this);
    if (state_ == nullptr) return fail(Errc::invalid_size, "no room for a brotli decoder");
    // Otherwise the window's buffer starts small and is moved when it grows: 1.5 times the memory.
    BrotliDecoderSetParameter(state_, BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION, 1);
    return {};
  }

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    std::size_t available_in = input.size();
    auto* next_out = reinterpret_cast<std::uint8_t*>(output.data());
    std::size_t available_out = output.size();
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        state_, &available_in, &next_in, &available_out, &next_out, nullptr);
    Progress progress{input.size() - available_in, output.size() - available_out,
                      StepState::need_output};
    consumed_ += progress.consumed;
    switch (result) {
      case BROTLI_DECODER_RESULT_SUCCESS:
        progress.state = StepState::done;
        return progress;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return progress;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        if (flush == Flush::finish) return refuse(Errc::truncated_input, "the stream does not end");
        progress.state = StepState::need_input;
        return progress;
      case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    return refuse_by_library();
  }

 private:
  static void* hook_allocate(void* opaque, std::size_t bytes) noexcept {
    auto* const self = static_cast<BrotliDecoder*>(opaque);
    // The window's buffer stays to the end, everything else comes and goes with each metablock.
    // A place of its own keeps the rest in one piece. Nothing else of that size is so odd.
    if (!self->ring_taken_ && bytes <= self->ring_.size() &&
        bytes > self->ring_.size() - kRingSlackBytes && bytes % 4 != 0) {
      self->ring_taken_ = true;
      return self->ring_.data();
    }
    return self->heap_.allocate(bytes);
  }

  static void hook_free(void* opaque, void* address) noexcept {
    auto* const self = static_cast<BrotliDecoder*>(opaque);
    if (address == self->ring_.data()) {
      self->ring_taken_ = false;
    } else {
      self->heap_.deallocate(address);
    }
  }

  std::unexpected<Error> refuse(Errc code, const char* detail) const noexcept {
    return std::unexpected(Error{.code = code, .detail = detail, .offset = consumed_});
  }

  std::unexpected<Error> refuse_by_library() const noexcept {
    const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state_);
    if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
        code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
      return refuse(Errc::internal_error, "brotli needed more memory than its workspace has");
    }
    if (code < BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
      return refuse(Errc::internal_error, "brotli broke off");
    }
    return refuse(Errc::corrupt_input, "bytes that break the brotli format");
  }

  BrotliDecoderState* state_ = nullptr;
  RegionHeap heap_;
  MutableBytes ring_;
  bool ring_taken_ = false;
  std::uint64_t consumed_ = 0;
};

}  // namespace

std::size_t brotli_decoder_workspace_bytes(const FrameHeader& header) noexcept {
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(BrotliDecoder)) +
         Workspace::room_for(ring_bytes(header)) + Workspace::room_for(kHeapBytes);
}

Result<Decoder*> place_brotli_decoder(const FrameHeader& header, const Dictionary* dictionary,
                                      MutableBytes region) noexcept {
  static_cast<void>(dictionary);  // RFC 7932 has its own, built in
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  Workspace& workspace = **opened;
  workspace.clear();
  const auto take = [&](std::size_t bytes) {
    auto* const at = static_cast<std::byte*>(workspace.allocate(bytes, 64));
    return at == nullptr ? MutableBytes{} : MutableBytes(at, bytes);
  };
  const MutableBytes heap = take(kHeapBytes);
  const MutableBytes ring = take(ring_bytes(header));
  if (heap.empty() || ring.empty()) return fail(Errc::invalid_size, "no room for a brotli decoder");
  auto* const decoder = workspace.emplace<BrotliDecoder>(heap, ring);
  if (decoder == nullptr) return fail(Errc::invalid_size, "no room for a brotli decoder");
  if (auto made = decoder->create(); !made) return std::unexpected(made.error());
  return decoder;
}

}  // namespace frdpu::core
