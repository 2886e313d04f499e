#pragma once

#include <cstddef>

#include "core/codec.h"

namespace frdpu::core {

struct BrotliPlan;

/// Bytes of heap that brotli's encoder may take for this plan: what was measured, an eighth of it
/// and 16 KiB. An encoder that wants more still ends in an error, not in a crash.
/// Source: tests/bench/brotli_memory_bench.cc, which measures all of it again; brotli 1.0.9.
/// Requires: a quality from 0 to 11. Cost: a look-up.
[[nodiscard]] std::size_t brotli_heap_bytes(const BrotliPlan& plan,
                                            const EncoderParams& params) noexcept;

}  // namespace frdpu::core
