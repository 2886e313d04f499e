#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/codec.h"

/// What a request does with its body where that is more than one codec's work: a batch, a probe, an
/// estimate, a dictionary that is stored.
namespace frdpu::server {

/// Bytes that went into a codec, and that came out; and how many of them the counters know.
struct CodecBytes {
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  std::uint64_t reported_input = 0;
  std::uint64_t reported_output = 0;
};

/// The last stage of such a request: takes the whole body behind transport decoding, and writes the
/// body of the answer. Steps as every transform does; Flush::finish says that the body is whole.
/// Threads: one at a time, an I/O loop's for cheap steps and a worker's for the rest.
class Operation : public core::Transform {
 public:
  /// Estimate of what so much more of the body costs. Cost: none.
  [[nodiscard]] virtual std::chrono::nanoseconds cost_estimate(
      std::uint64_t bytes) const noexcept = 0;

  /// Says until when a step may go on; one that would take longer then pauses. Without a say it
  /// has all the time.
  virtual void work_until(std::chrono::steady_clock::time_point) noexcept {}

  /// Status of the answer. Requires: done.
  [[nodiscard]] virtual std::uint16_t status() const noexcept { return 200; }

  /// What codecs were given and made so far, by coding; empty where their work is no part of the
  /// answer. Ownership: the view dies with this object.
  [[nodiscard]] virtual std::span<CodecBytes> codec_bytes() noexcept { return {}; }
};

/// Bytes that are written as there is room for them.
class PendingOutput {
 public:
  /// Ownership: the bytes must stay until all of them were taken. Requires: nothing is pending.
  void set(core::Bytes bytes) noexcept { left_ = bytes; }

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

  /// Returns: how many bytes were written.
  [[nodiscard]] std::size_t write_to(core::MutableBytes room) noexcept {
    const std::size_t bytes = std::min(left_.size(), room.size());
    if (bytes != 0) std::memcpy(room.data(), left_.data(), bytes);
    left_ = left_.subspan(bytes);
    return bytes;
  }

 private:
  core::Bytes left_;
};

}  // namespace frdpu::server
