#pragma once

#include <optional>

#include "core/bytes.h"
#include "core/coding.h"

namespace frdpu::core {

/// Tells a coding from a body's first bytes: gzip, zstd, lz4 (legacy too) and the zlib format.
///
/// Skippable frames belong to zstd and lz4 alike: they are stepped over as far as `first` reaches,
/// and are taken for zstd's where it does not reach a frame. brotli and raw deflate have no mark
/// and are never told; zlib's is two bytes with a check of 5 bits and so the weakest: once in
/// some hundred texts that start with the letter x a stranger is taken for one.
/// Returns: nothing when no mark is there, or not enough of it.
/// Threads: any. Cost: a look at a few bytes, one more for each skippable frame.
[[nodiscard]] std::optional<Coding> sniff(Bytes first) noexcept;

}  // namespace frdpu::core
