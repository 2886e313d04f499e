#pragma once

#include <dlfcn.h>

#include <boost/lockfree/stack.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "core/pool/fixed_pool.h"

/// What pools_bench compares: five ways to one block of memory, each called by its own name, so
/// that no library stands in for another's malloc. Each has
///   Handle take();        gives memory
///   void drop(Handle);    takes it back
///   std::byte* at(const Handle&);                        where the memory is
///   std::byte* raw(Handle); Handle own(std::byte*);      through a queue to another thread
///   void start(); bool exact(const Done&);               statistics, where it has any
namespace frdpu::bench {

/// What a run did, to hold statistics against. `peak` is the least and the most it can have been.
struct Done {
  std::uint64_t pairs = 0;
  std::size_t least_peak = 0;
  std::size_t most_peak = 0;
};

/// malloc-like rivals hand out plain pointers and keep no statistics.
struct PlainHandles {
  using Handle = std::byte*;
  static std::byte* at(Handle handle) { return handle; }
  static std::byte* raw(Handle handle) { return handle; }
  static Handle own(std::byte* memory) { return memory; }
  static void start() {}
  static bool exact(const Done&) { return true; }
};

class Glibc : public PlainHandles {
 public:
  explicit Glibc(std::size_t bytes) : bytes_(bytes) {}
  Handle take() const { return static_cast<std::byte*>(std::malloc(bytes_)); }
  static void drop(Handle memory) { std::free(memory); }

 private:
  std::size_t bytes_;
};

/// A malloc and a free out of a shared library, loaded for itself alone.
class Loaded : public PlainHandles {
 public:
  Loaded(std::size_t bytes, const char* library, const char* take, const char* drop)
      : bytes_(bytes) {
    void* const opened = ::dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (opened == nullptr) {
      std::fprintf(stderr, "pools_bench: %s\n", ::dlerror());
      std::exit(1);
    }
    take_ = reinterpret_cast<void* (*)(std::size_t)>(::dlsym(opened, take));
    drop_ = reinterpret_cast<void (*)(void*)>(::dlsym(opened, drop));
    if (take_ == nullptr || drop_ == nullptr) std::exit(1);
  }
  Handle take() const { return static_cast<std::byte*>(take_(bytes_)); }
  void drop(Handle memory) const { drop_(memory); }

 private:
  std::size_t bytes_;
  void* (*take_)(std::size_t);
  void (*drop_)(void*);
};

struct Mimalloc : Loaded {
  explicit Mimalloc(std::size_t bytes)
      : Loaded(bytes, "libmimalloc.so.2", "mi_malloc", "mi_free") {}
};

struct Jemalloc : Loaded {
  // Debian builds it without a prefix; by handle its functions are found nevertheless.
  explicit Jemalloc(std::size_t bytes) : Loaded(bytes, "libjemalloc.so.2", "malloc", "free") {}
};

/// The usual answer to "a pool without locks": a free list that all threads share.
class BoostStack : public PlainHandles {
 public:
  static constexpr std::size_t kBlocks = 2048;

  explicit BoostStack(std::size_t bytes) : memory_(new std::byte[bytes * kBlocks]) {
    for (std::size_t i = 0; i < kBlocks; ++i) free_.push(memory_.get() + i * bytes);
  }
  Handle take() {
    std::byte* memory = nullptr;
    if (!free_.pop(memory)) std::abort();
    return memory;
  }
  void drop(Handle memory) {
    if (!free_.push(memory)) std::abort();
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  boost::lockfree::stack<std::byte*, boost::lockfree::capacity<kBlocks>> free_;
};

class Us {
 public:
  using Handle = core::PooledBlock;
  explicit Us(std::size_t bytes)
      : pool_(*core::FixedPool::create(
            {.name = "bench", .block_bytes = bytes, .max_blocks = BoostStack::kBlocks})) {}
  Handle take() { return *pool_.acquire(); }
  static void drop(Handle) {}
  static std::byte* at(const Handle& handle) { return handle.data(); }
  static std::byte* raw(Handle handle) { return handle.detach(); }
  static Handle own(std::byte* memory) { return core::PooledBlock::attach(memory); }

  void start() { pool_.reset_stats(); }
  bool exact(const Done& done) const {
    const core::PoolStats stats = pool_.stats();
    return stats.acquisitions == done.pairs && stats.releases == done.pairs && stats.in_use == 0 &&
           stats.available == stats.blocks && stats.exhaustions == 0 && stats.fallbacks == 0 &&
           stats.peak >= done.least_peak && stats.peak <= done.most_peak;
  }

 private:
  core::FixedPool pool_;
};

}  // namespace frdpu::bench
