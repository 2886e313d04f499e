#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/codec.h"
#include "core/region_heap.h"

struct BrotliEncoderStateStruct;

namespace frdpu::core {

/// What brotli is told, as it follows from what the caller wants.
struct BrotliPlan {
  int quality = 4;
  int lgwin = 18;                ///< the stream's window is 2^lgwin - 16 bytes
  std::size_t gather_bytes = 0;  ///< input that is collected before brotli sees it; 0: none
  std::size_t metablock_bytes = SIZE_MAX;  ///< input after which a metablock is ended

  /// Rounds the window down to what the format can say, and to what known content needs.
  [[nodiscard]] static BrotliPlan from(const EncoderParams& params) noexcept;
};

/// The encoder of `br`. Life: create, step until done. Nothing is ever freed one by one: the heap
/// is dropped as a whole, which is why the destructor has nothing to do.
///
/// libbrotlienc ends the process when an allocation fails (BROTLI_ENCODER_EXIT_ON_OOM is how it is
/// built). So our hook never returns null to it: it jumps out of the library, which leaves no lock
/// and no global state behind, and the step ends in an error.
class BrotliEncoder final : public Encoder {
 public:
  /// Requires: a heap of `brotli_heap_bytes()`; `gather` of the plan's size; both outlive this.
  BrotliEncoder(const EncoderParams& params, const BrotliPlan& plan, MutableBytes heap,
                MutableBytes gather) noexcept;

  /// Makes the library's state. Errors: invalid_size when the heap cannot hold it.
  [[nodiscard]] Result<void> create() noexcept;

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override;

  /// The whole metablock in hand: its last byte starts the dearest part of the work.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept override;

  /// For those who measure what heaps must hold.
  [[nodiscard]] const RegionHeap& heap() const noexcept { return heap_; }

 private:
  enum class Operation : std::uint8_t { process, flush, finish };

  static void* hook_allocate(void* opaque, std::size_t bytes);
  static void hook_free(void* opaque, void* address);

  [[nodiscard]] Result<Progress> step_gathered(Bytes input, MutableBytes output,
                                               Flush flush) noexcept;
  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output,
                                     Operation operation) noexcept;
  bool call_library(Operation operation) noexcept;
  [[nodiscard]] bool has_more_output() const noexcept;
  [[nodiscard]] Result<void> check_pledge(bool ended) const noexcept;

  BrotliEncoderStateStruct* state_ = nullptr;
  RegionHeap heap_;
  BrotliPlan plan_;
  std::size_t metablock_left_;  // input that the metablock in hand may still take
  std::optional<std::uint64_t> pledged_bytes_;
  std::uint64_t content_bytes_ = 0;
  bool flush_under_way_ = false;  // asked for, and not all of it fitted the output yet

  // Input that is collected, of which brotli has not seen [gather_begin_, gather_end_) yet. Once
  // there is enough, it is submitted, and nothing is added before brotli has taken all of it.
  MutableBytes gather_;
  bool submitting_ = false;
  std::size_t gather_begin_ = 0;
  std::size_t gather_end_ = 0;

  // Views of the call under way: members, since a jump must find them unharmed.
  const std::uint8_t* next_in_ = nullptr;
  std::size_t available_in_ = 0;
  std::uint8_t* next_out_ = nullptr;
  std::size_t available_out_ = 0;
  bool jump_armed_ = false;
  std::jmp_buf jump_;
};

}  // namespace frdpu::core
