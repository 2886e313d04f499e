#include "tests/support/heap_counter.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(FRDPU_SANITIZED)

namespace frdpu::test {
bool heap_calls_are_counted() noexcept {
  return false;
}
std::uint64_t heap_calls() noexcept {
  return 0;
}
}  // namespace frdpu::test

#else

namespace {
thread_local std::uint64_t calls = 0;
}  // namespace

namespace frdpu::test {
bool heap_calls_are_counted() noexcept {
  return true;
}
std::uint64_t heap_calls() noexcept {
  return calls;
}
}  // namespace frdpu::test

// The executable's definitions win over libc's, for every library in the process. `free` stays:
// the memory is the C library's own.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t items, std::size_t bytes_each);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  ++calls;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t items, std::size_t bytes_each) {
  ++calls;
  return __libc_calloc(items, bytes_each);
}
void* realloc(void* old, std::size_t bytes) {
  ++calls;
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t bytes) {
  ++calls;
  *to = __libc_memalign(alignment, bytes);
  return *to == nullptr ? ENOMEM : 0;
}
}  // extern "C"

namespace frdpu::test {
namespace {

void* volatile keep;  // so that no allocation is optimised away

TEST(HeapCounterTest, CountsEveryWayToTheHeap) {
  const std::uint64_t before = heap_calls();
  keep = std::malloc(10);
  std::free(keep);
  keep = std::calloc(2, 10);
  keep = std::realloc(keep, 100);
  std::free(keep);
  keep = std::aligned_alloc(64, 128);
  std::free(keep);
  void* aligned = nullptr;
  ASSERT_EQ(posix_memalign(&aligned, 64, 128), 0);
  keep = aligned;
  std::free(keep);
  EXPECT_EQ(heap_calls() - before, 5u);
  keep = ::operator new(10);
  ::operator delete(keep);
  keep = ::operator new (64, std::align_val_t{64});
  ::operator delete (keep, std::align_val_t{64});
  EXPECT_EQ(heap_calls() - before, 7u);
}

TEST(HeapCounterTest, CountsNothingWhereNothingIsAllocated) {
  const std::uint64_t before = heap_calls();
  int on_stack[100] = {};
  keep = on_stack;
  EXPECT_EQ(heap_calls(), before);
}

}  // namespace
}  // namespace frdpu::test

#endif
