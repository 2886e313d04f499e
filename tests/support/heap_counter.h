#pragma once

#include <cstddef>
#include <cstdint>

/// Counts calls of malloc and its kin, those of the codec libraries included. The test binary
/// replaces the functions itself (tests/core/heap_counter_test.cc).
namespace frdpu::test {

/// False under sanitizers, which bring an allocator of their own.
[[nodiscard]] bool heap_calls_are_counted() noexcept;

/// Allocations by the calling thread so far. Requires: heap_calls_are_counted().
[[nodiscard]] std::uint64_t heap_calls() noexcept;

/// Bytes of the largest allocation that the calling thread has asked for since the last call.
[[nodiscard]] std::size_t heap_largest_request() noexcept;

/// Allocations less releases by the calling thread so far: equal before and after where nothing
/// leaks. Requires: heap_calls_are_counted().
[[nodiscard]] std::int64_t heap_balance() noexcept;

/// Refuses every allocation of the calling thread but the next `granted`, as long as it lives.
/// Requires: heap_calls_are_counted(); one at a time; no assertion of a test library meanwhile.
class HeapRefusal {
 public:
  explicit HeapRefusal(std::uint64_t granted) noexcept;
  HeapRefusal(const HeapRefusal&) = delete;
  HeapRefusal& operator=(const HeapRefusal&) = delete;
  ~HeapRefusal();
  [[nodiscard]] bool refused_any() const noexcept;
};

}  // namespace frdpu::test
