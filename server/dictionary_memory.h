#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"

/// Memory of dictionaries, counted: those that are stored, those that were replaced and are still
/// in use, and those that are being received.
namespace frdpu::server {

/// How many bytes there are, and how many there may be. Threads: any.
class DictionaryMemory {
 public:
  explicit DictionaryMemory(std::uint64_t limit_bytes) noexcept : limit_bytes_(limit_bytes) {}

  /// Returns: false when so many more would exceed the limit; nothing is counted then.
  [[nodiscard]] bool take(std::uint64_t bytes) noexcept;
  void give_back(std::uint64_t bytes) noexcept { in_use_bytes_ -= bytes; }
  [[nodiscard]] std::uint64_t in_use_bytes() const noexcept { return in_use_bytes_; }

 private:
  std::uint64_t limit_bytes_;
  std::atomic<std::uint64_t> in_use_bytes_{0};
};

/// Bytes that grow as they come, and are counted as long as they are there. Move-only.
/// Ownership: shares what counts them, so that they may outlive the store. Threads: one at a time.
class CountedBytes {
 public:
  explicit CountedBytes(std::shared_ptr<DictionaryMemory> memory) noexcept
      : memory_(std::move(memory)) {}
  CountedBytes(CountedBytes&& other) noexcept
      : memory_(other.memory_),  // what was moved from is empty, and may be used again
        bytes_(std::move(other.bytes_)),
        counted_(std::exchange(other.counted_, 0)) {}
  CountedBytes& operator=(CountedBytes&&) = delete;
  ~CountedBytes() { memory_->give_back(counted_); }

  /// Appends. While it grows, up to twice the room of before is taken, but no more than `most`.
  /// Requires: they are at most `most` bytes afterwards.
  /// Errors: overloaded when too much is in use, or there is no memory; nothing was appended then.
  [[nodiscard]] core::Result<void> append(core::Bytes more, std::size_t most) noexcept;

  /// Gives room back that is not needed. Errors: as `append`; nothing has changed then.
  [[nodiscard]] core::Result<void> fit() noexcept { return move_to(bytes_.size()); }

  [[nodiscard]] core::Bytes view() const noexcept { return bytes_; }

 private:
  // Moves the bytes to memory of just this size, which is counted beside the old one meanwhile.
  [[nodiscard]] core::Result<void> move_to(std::size_t room) noexcept;

  std::shared_ptr<DictionaryMemory> memory_;
  std::vector<std::byte> bytes_;
  std::size_t counted_ = 0;
};

}  // namespace frdpu::server
