// Preloaded into the service by tests/server/allocation_test.py: counts every call that takes
// memory from the heap, in a file that the test maps too. Only counts; glibc does the work.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

std::atomic<std::uint64_t> before_mapped;
std::atomic<std::atomic<std::uint64_t>*> counter{&before_mapped};

void count() noexcept {
  counter.load(std::memory_order_relaxed)->fetch_add(1);
}

__attribute__((constructor)) void map_counter() {
  const char* path = std::getenv("FRDPU_TEST_ALLOCATIONS");
  if (!path) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (page != MAP_FAILED) counter = static_cast<std::atomic<std::uint64_t>*>(page);
  ::unsetenv("FRDPU_TEST_ALLOCATIONS");  // no setting of the service
}

}  // namespace

// operator new ends in malloc or aligned_alloc, so that it is counted too.
extern "C" {
void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t items, std::size_t bytes) {
  count();
  return __libc_calloc(items, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  count();
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** into, std::size_t alignment, std::size_t bytes) {
  count();
  void* memory = __libc_memalign(alignment, bytes);
  if (!memory) return ENOMEM;
  *into = memory;
  return 0;
}
}
