#include <libdeflate.h>

#include <array>
#include <cstdlib>

#include "core/raw_deflate.h"
#include "core/raw_inflate.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

// libdeflate 1.14 knows only one allocator for the whole process. Ours takes from the arena that
// this thread has put up for the time of one call, and is malloc to everybody else.
struct AllocationTarget {
  Workspace* arena = nullptr;
  std::size_t* measured_bytes = nullptr;  // set: only asks for the size
};
thread_local AllocationTarget current_target;

void* target_alloc(std::size_t bytes) {
  if (current_target.measured_bytes != nullptr) {
    *current_target.measured_bytes = bytes;
    return nullptr;
  }
  if (current_target.arena != nullptr) return current_target.arena->allocate(bytes, 64);
  return std::malloc(bytes);
}

// What is in an arena is never freed; what comes here was made by somebody else.
void install_hooks() noexcept {
  static const bool installed = [] {
    libdeflate_set_memory_allocator(&target_alloc, &std::free);
    return true;
  }();
  static_cast<void>(installed);
}

// Calls one of the library's functions that allocate.
template <class Make>
auto make_in(AllocationTarget target, Make make) noexcept {
  install_hooks();
  current_target = target;
  auto* const made = make();
  current_target = {};
  return made;
}

template <class Make>
std::size_t measure(Make make) noexcept {
  std::size_t bytes = 0;
  static_cast<void>(make_in({.measured_bytes = &bytes}, make));
  return bytes;
}

}  // namespace

std::size_t WholeDeflate::arena_bytes(int level) noexcept {
  static const auto table = [] {
    std::array<std::size_t, 10> bytes{};
    for (int i = 1; i <= 9; ++i) {
      bytes[static_cast<std::size_t>(i)] = measure([i] { return libdeflate_alloc_compressor(i); });
    }
    return bytes;
  }();
  return level < 1 || level > 9 ? 0 : Workspace::room_for(table[static_cast<std::size_t>(level)]);
}

Result<void> WholeDeflate::prepare(int level, Workspace& arena) noexcept {
  compressor_ = make_in({.arena = &arena}, [level] { return libdeflate_alloc_compressor(level); });
  if (compressor_ == nullptr) {
    return fail(Errc::invalid_size, "the workspace is too small for libdeflate");
  }
  return {};
}

Result<Progress> WholeDeflate::run(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (flush != Flush::finish) return fail(Errc::internal_error, "a whole body comes in one step");
  const std::size_t produced = libdeflate_deflate_compress(compressor_, input.data(), input.size(),
                                                           output.data(), output.size());
  if (produced == 0) return Progress{.state = StepState::need_output};
  return Progress{input.size(), produced, StepState::done};
}

std::size_t WholeInflate::arena_bytes() noexcept {
  static const std::size_t bytes = measure(&libdeflate_alloc_decompressor);
  return Workspace::room_for(bytes);
}

Result<void> WholeInflate::prepare(Workspace& arena) noexcept {
  decompressor_ = make_in({.arena = &arena}, &libdeflate_alloc_decompressor);
  if (decompressor_ == nullptr) {
    return fail(Errc::invalid_size, "the workspace is too small for libdeflate");
  }
  return {};
}

Progress WholeInflate::run(Bytes input, MutableBytes output) noexcept {
  Progress progress{.state = StepState::done};
  const libdeflate_result result =
      libdeflate_deflate_decompress_ex(decompressor_, input.data(), input.size(), output.data(),
                                       output.size(), &progress.consumed, &progress.produced);
  return result == LIBDEFLATE_SUCCESS ? progress : Progress{.state = StepState::need_output};
}

}  // namespace frdpu::core
