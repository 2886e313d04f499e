#include "core/pool/slab_source.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace frdpu::core {
namespace {

constexpr std::align_val_t kRecordAlignment{64};

class SystemSlabSource final : public SlabSource {
 public:
  std::byte* reserve(std::size_t bytes, bool huge_pages) noexcept override {
    void* at =
        ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    if (!huge_pages) ::madvise(at, bytes, MADV_NOHUGEPAGE);
    return static_cast<std::byte*>(at);
  }

  bool commit(std::byte* begin, std::size_t bytes) noexcept override {
    return ::mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0;
  }

  void discard(std::byte* begin, std::size_t bytes) noexcept override {
    ::madvise(begin, bytes, MADV_DONTNEED);
  }

  void unreserve(std::byte* begin, std::size_t bytes) noexcept override { ::munmap(begin, bytes); }

  void* allocate_record(std::size_t bytes) noexcept override {
    return ::operator new(bytes, kRecordAlignment, std::nothrow);
  }

  void free_record(void* record) noexcept override { ::operator delete(record, kRecordAlignment); }
};

}  // namespace

SlabSource& system_slab_source() noexcept {
  // Never destroyed: pools with static storage may end after any function-local object.
  alignas(SystemSlabSource) static std::byte storage[sizeof(SystemSlabSource)];
  static SlabSource* const source = new (storage) SystemSlabSource;
  return *source;
}

std::size_t page_bytes() noexcept {
  static const std::size_t bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace frdpu::core
