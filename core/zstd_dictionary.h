#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/bytes.h"
#include "core/error.h"

/// Dictionaries in zstd's format (RFC 8878, 5) by libzstd: checked, trained, measured.
///
/// Unlike the codecs these calls take memory from the heap, through libzstd, and give it back
/// before they return: they are for the few calls that make dictionaries, not for the data path.
/// Threads: any; but one training at a time, since libzstd's trainer has a global of its own.
namespace frdpu::core {

/// Checks that bytes which begin as zstd's format does can be used by encoders and decoders.
/// Errors: corrupt_input: broken entropy tables, too short, or an id of 0, which no frame can name;
/// internal_error when there is no memory.
[[nodiscard]] Result<void> check_zstd_dictionary(Bytes content) noexcept;

/// Samples that lie one behind the other.
struct SampleList {
  Bytes bytes;
  std::span<const std::size_t> sizes;  ///< of each, in order; together those of `bytes`
};

/// Trains a dictionary with libzstd's own defaults (fast cover), in one thread. The same samples
/// and room give the same dictionary, with the same version of the library.
/// Requires: room of at least 256 bytes.
/// Returns: how much of the room the dictionary takes.
/// Errors: too_few_samples, also where they are too small to learn from; invalid_parameter when
/// the tables alone need more room; internal_error when there is no memory.
/// Cost: on one core some 150 ns a byte of samples; memory: dictionary_training.h of the server.
[[nodiscard]] Result<std::size_t> train_zstd_dictionary(const SampleList& samples,
                                                        MutableBytes room) noexcept;

/// The largest result of one sample of so many bytes: what `zstd_frame_bytes` wants as scratch.
[[nodiscard]] std::size_t zstd_frame_bound(std::size_t sample_bytes) noexcept;

/// Compresses every sample at level 3 to a frame of its own, as the service writes them (with size,
/// checksum and the dictionary's id). An empty dictionary is none.
/// Requires: scratch of `zstd_frame_bound` of the largest sample.
/// Returns: the bytes of all frames together. Errors: internal_error.
[[nodiscard]] Result<std::uint64_t> zstd_frame_bytes(const SampleList& samples, Bytes dictionary,
                                                     MutableBytes scratch) noexcept;

}  // namespace frdpu::core
