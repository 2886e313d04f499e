#include "tests/support/heap_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#if defined(FRDPU_SANITIZED)

namespace frdpu::test {
bool heap_calls_are_counted() noexcept {
  return false;
}
std::uint64_t heap_calls() noexcept {
  return 0;
}
std::size_t heap_largest_request() noexcept {
  return 0;
}
std::int64_t heap_balance() noexcept {
  return 0;
}
HeapRefusal::HeapRefusal(std::uint64_t) noexcept {}
HeapRefusal::~HeapRefusal() = default;
bool HeapRefusal::refused_any() const noexcept {
  return false;
}
}  // namespace frdpu::test

#else

namespace {
constexpr std::uint64_t kAll = ~std::uint64_t{0};
thread_local std::uint64_t calls = 0;
thread_local std::uint64_t releases = 0;
thread_local std::uint64_t refusals = 0;
thread_local std::uint64_t granted_until = kAll;
thread_local std::size_t largest = 0;

// Counts what is granted. Returns: false for an allocation to refuse.
bool grant(std::size_t bytes) noexcept {
  largest = std::max(largest, bytes);
  if (calls >= granted_until) {
    ++refusals;
    errno = ENOMEM;
    return false;
  }
  ++calls;
  return true;
}
}  // namespace

namespace frdpu::test {
bool heap_calls_are_counted() noexcept {
  return true;
}
std::uint64_t heap_calls() noexcept {
  return calls;
}
std::size_t heap_largest_request() noexcept {
  return std::exchange(largest, 0);
}
std::int64_t heap_balance() noexcept {
  return static_cast<std::int64_t>(calls - releases);
}
HeapRefusal::HeapRefusal(std::uint64_t granted) noexcept {
  refusals = 0;
  granted_until = calls + granted;
}
HeapRefusal::~HeapRefusal() {
  granted_until = kAll;
}
bool HeapRefusal::refused_any() const noexcept {
  return refusals > 0;
}
}  // namespace frdpu::test

// The executable's definitions win over libc's, for every library in the process.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t items, std::size_t bytes_each);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* memory);

void* malloc(std::size_t bytes) {
  return grant(bytes) ? __libc_malloc(bytes) : nullptr;
}
void* calloc(std::size_t items, std::size_t bytes_each) {
  return grant(items * bytes_each) ? __libc_calloc(items, bytes_each) : nullptr;
}
void* realloc(void* old, std::size_t bytes) {
  if (!grant(bytes)) return nullptr;
  releases += old != nullptr ? 1 : 0;
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  return grant(bytes) ? __libc_memalign(alignment, bytes) : nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return memalign(alignment, bytes);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t bytes) {
  *to = memalign(alignment, bytes);
  return *to == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  releases += memory != nullptr ? 1 : 0;
  __libc_free(memory);
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

TEST(HeapCounterTest, KnowsTheLargestRequest) {
  static_cast<void>(heap_largest_request());
  for (const std::size_t bytes : {100uz, 5000uz, 300uz}) {
    keep = std::malloc(bytes);
    std::free(keep);
  }
  EXPECT_EQ(heap_largest_request(), 5000u);
  EXPECT_EQ(heap_largest_request(), 0u);
}

TEST(HeapCounterTest, RefusesFromTheNthOn) {
  const std::int64_t before = heap_balance();
  void* first = nullptr;
  void* second = nullptr;
  bool refused = false;
  {
    const HeapRefusal refusal(1);
    keep = first = std::malloc(10);
    keep = second = ::operator new(10, std::nothrow);
    refused = refusal.refused_any();
  }
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  EXPECT_TRUE(refused);
  std::free(first);
  keep = std::malloc(10);
  EXPECT_NE(keep, nullptr);
  std::free(keep);
  EXPECT_EQ(heap_balance(), before);
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
