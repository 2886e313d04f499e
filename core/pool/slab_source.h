#pragma once

#include <cstddef>

/// Where pools get memory from. The system's source maps anonymous memory; tests put one in its
/// place that fails at the n-th call.
namespace frdpu::core {

/// Threads: any. Pools call it under their own lock, but several pools may share one source.
class SlabSource {
 public:
  SlabSource() = default;
  SlabSource(const SlabSource&) = delete;
  SlabSource& operator=(const SlabSource&) = delete;
  virtual ~SlabSource() = default;

  /// Reserves address space that costs no memory and may not be touched yet. Without
  /// `huge_pages` the first touch of a page never brings in more than that page.
  /// Returns: page-aligned, or nullptr.
  [[nodiscard]] virtual std::byte* reserve(std::size_t bytes, bool huge_pages) noexcept = 0;

  /// Makes a part of a reservation usable; it reads as zeros and costs memory once written to.
  /// Requires: page-aligned begin and size. Returns: false when the system refuses.
  [[nodiscard]] virtual bool commit(std::byte* begin, std::size_t bytes) noexcept = 0;

  /// Gives the memory of a committed part back; it stays usable and reads as zeros again.
  virtual void discard(std::byte* begin, std::size_t bytes) noexcept = 0;

  /// Ends a reservation. Requires: exactly what `reserve` returned and was asked for.
  virtual void unreserve(std::byte* begin, std::size_t bytes) noexcept = 0;

  /// Allocates a small record of the pool's own (a magazine), 64-byte aligned, or nullptr.
  [[nodiscard]] virtual void* allocate_record(std::size_t bytes) noexcept = 0;
  virtual void free_record(void* record) noexcept = 0;
};

/// Returns the source that maps anonymous memory. Static storage.
[[nodiscard]] SlabSource& system_slab_source() noexcept;

/// Size of a page, a power of two.
[[nodiscard]] std::size_t page_bytes() noexcept;

}  // namespace frdpu::core
