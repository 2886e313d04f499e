#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

#include "core/pool/slab_source.h"

namespace frdpu::core {

/// The system's memory, but the n-th request, and every one after it, is refused.
/// Counts what is out, so that a test can see that all of it comes back.
class FailingSlabSource final : public SlabSource {
 public:
  static constexpr long kNever = std::numeric_limits<long>::max();

  explicit FailingSlabSource(long requests_granted = kNever) : left_(requests_granted) {}
  ~FailingSlabSource() override = default;

  std::byte* reserve(std::size_t bytes, bool huge_pages) noexcept override {
    std::byte* const begin = granted() ? system_.reserve(bytes, huge_pages) : nullptr;
    if (begin != nullptr) ++out_;
    return begin;
  }
  bool commit(std::byte* begin, std::size_t bytes) noexcept override {
    return granted() && system_.commit(begin, bytes);
  }
  void discard(std::byte* begin, std::size_t bytes) noexcept override {
    discarded_ += bytes;
    system_.discard(begin, bytes);
  }
  void unreserve(std::byte* begin, std::size_t bytes) noexcept override {
    --out_;
    system_.unreserve(begin, bytes);
  }
  void* allocate_record(std::size_t bytes) noexcept override {
    void* const record = granted() ? system_.allocate_record(bytes) : nullptr;
    if (record != nullptr) ++out_;
    return record;
  }
  void free_record(void* record) noexcept override {
    --out_;
    system_.free_record(record);
  }

  void grant(long requests) { left_ = requests; }
  [[nodiscard]] bool refused_any() const { return left_ < 0; }
  [[nodiscard]] long out() const { return out_; }
  [[nodiscard]] std::size_t discarded() const { return discarded_; }

 private:
  bool granted() noexcept { return left_-- > 0; }

  SlabSource& system_ = system_slab_source();
  std::atomic<long> left_;
  std::atomic<long> out_{0};
  std::atomic<std::size_t> discarded_{0};
};

}  // namespace frdpu::core
