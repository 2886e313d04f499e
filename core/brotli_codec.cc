#include "core/brotli_codec.h"

#include <brotli/encode.h>

#include "core/brotli_encoder.h"
#include "core/brotli_memory.h"
#include "core/coding.h"
#include "core/workspace.h"

namespace frdpu::core {

std::size_t brotli_encoder_workspace_bytes(const EncoderParams& params) noexcept {
  if (params.level < 0 || params.level > BROTLI_MAX_QUALITY) return 0;
  const BrotliPlan plan = BrotliPlan::from(params);
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(BrotliEncoder)) +
         Workspace::room_for(brotli_heap_bytes(plan, params)) +
         Workspace::room_for(plan.gather_bytes);
}

Result<Encoder*> place_brotli_encoder(const EncoderParams& params, MutableBytes region) noexcept {
  if (params.level < 0 || params.level > BROTLI_MAX_QUALITY) return fail(Errc::invalid_level);
  if (params.window_bytes != 0 && params.window_bytes < traits(Coding::br).window_bytes.min) {
    return fail(Errc::invalid_window);
  }
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  Workspace& workspace = **opened;
  workspace.clear();
  const BrotliPlan plan = BrotliPlan::from(params);
  if (region.size() < brotli_encoder_workspace_bytes(params)) {
    return fail(Errc::invalid_size, "the workspace is too small for this brotli encoder");
  }
  void* const place = workspace.allocate(sizeof(BrotliEncoder), 64);
  auto* const gather = static_cast<std::byte*>(workspace.allocate(plan.gather_bytes, 64));
  // All that is left, so that more than was measured is there where the workspace is larger.
  const MutableBytes heap = workspace.free_bytes();
  auto* const encoder =
      ::new (place) BrotliEncoder(params, plan, heap, MutableBytes(gather, plan.gather_bytes));
  if (auto made = encoder->create(); !made) return std::unexpected(made.error());
  return encoder;
}

std::size_t brotli_bound(std::size_t input_bytes) noexcept {
  return BrotliEncoderMaxCompressedSize(input_bytes);
}

}  // namespace frdpu::core
