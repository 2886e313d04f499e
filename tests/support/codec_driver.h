#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>

#include "core/codec.h"
#include "core/error.h"
#include "core/workspace.h"
#include "tests/support/test_data.h"

/// Drives encoders, decoders and chains of them over cut input and output, the way callers do.
namespace frdpu::test {

/// A 64-aligned region of exactly the given size, so that a sanitizer sees the byte behind it.
class AlignedRegion {
 public:
  explicit AlignedRegion(std::size_t bytes)
      : bytes_(bytes),
        memory_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64}))) {
    core::Workspace::format({memory_.get(), bytes_});
  }

  [[nodiscard]] core::MutableBytes bytes() const { return {memory_.get(), bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> memory_;
};

/// Destroys an object that was placed in a workspace; its memory belongs to someone else.
struct DestroyPlaced {
  void operator()(core::Transform* placed) const { placed->~Transform(); }
};
template <class T>
using Placed = std::unique_ptr<T, DestroyPlaced>;

/// How input and output are cut, and what flush to ask for between the pieces.
struct Cut {
  std::size_t input_bytes = SIZE_MAX;
  std::size_t output_bytes = SIZE_MAX;
  core::Flush between = core::Flush::none;
  std::size_t output_limit = std::size_t{1} << 28;  ///< more output than this is a runaway
};

/// What came out, and how much input was taken for it.
struct Driven {
  Buffer output;
  std::size_t consumed = 0;
};

/// Runs a transform over the whole input until it is done.
/// Returns internal_error for broken manners: no progress, or more taken than was handed over.
inline core::Result<Driven> drive(core::Transform& transform, core::Bytes input, Cut cut = {}) {
  using core::Flush;
  using core::StepState;
  Driven driven;
  Buffer room(std::min<std::size_t>(cut.output_bytes, 1 << 16));
  std::size_t piece_begin = 0;
  std::size_t idle = 0;
  for (;;) {
    const std::size_t piece_end = cut.input_bytes >= input.size() - piece_begin
                                      ? input.size()
                                      : piece_begin + cut.input_bytes;
    const bool last = piece_end == input.size();
    const core::Bytes piece = input.subspan(driven.consumed, piece_end - driven.consumed);
    auto stepped = transform.step(piece, room, last ? Flush::finish : cut.between);
    if (!stepped) return std::unexpected(stepped.error());
    if (stepped->consumed > piece.size() || stepped->produced > room.size()) {
      return core::fail(core::Errc::internal_error, "test: took more than it was handed");
    }
    driven.consumed += stepped->consumed;
    driven.output.insert(driven.output.end(), room.begin(),
                         room.begin() + static_cast<std::ptrdiff_t>(stepped->produced));
    if (stepped->state == StepState::done) return driven;
    idle = stepped->consumed + stepped->produced == 0 ? idle + 1 : 0;
    if (idle > 2 || driven.output.size() > cut.output_limit) {
      return core::fail(core::Errc::internal_error, "test: runs and gets nowhere");
    }
    if (stepped->state == StepState::need_input) {
      if (driven.consumed != piece_end) {
        return core::fail(core::Errc::internal_error, "test: wants input and left some");
      }
      if (last) return core::fail(core::Errc::internal_error, "test: wants input after the end");
      piece_begin = piece_end;
      idle = 0;
    }
  }
}

}  // namespace frdpu::test
