#pragma once

#include <cstdint>

/// Counts calls of malloc and its kin, those of the codec libraries included. The test binary
/// replaces the functions itself (tests/core/heap_counter_test.cc).
namespace frdpu::test {

/// False under sanitizers, which bring an allocator of their own.
[[nodiscard]] bool heap_calls_are_counted() noexcept;

/// Allocations by the calling thread so far. Requires: heap_calls_are_counted().
[[nodiscard]] std::uint64_t heap_calls() noexcept;

}  // namespace frdpu::test
