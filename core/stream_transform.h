#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/block_chain.h"
#include "core/codec.h"
#include "core/pool/fixed_pool.h"

namespace frdpu::core {

enum class StreamState : std::uint8_t {
  need_input,   ///< all input was taken; come again with more
  output_full,  ///< the run did as much as it was allowed, or a stage paused; come again when there
                ///< is room
  done,         ///< the last stage ended; all of its output is in the chain
};

/// Drives up to three transforms in a row over block chains: transport decoders, then an encoder.
///
///   in chain -> stage 0 -> [block] -> stage 1 -> [block] -> stage 2 -> out chain
///
/// Between two stages lies at most one block, held only while bytes are in it. The last stage
/// that can work works first, so that what was made is passed on before more is made.
/// Threads: one at a time.
class StreamTransform {
 public:
  static constexpr std::size_t kMaxStages = 3;

  /// Adds a stage behind the others.
  /// Requires: fewer than kMaxStages so far, nothing run yet.
  /// Ownership: the stage must outlive this object.
  void add(Transform& stage) noexcept;

  /// Takes what the stages can take from `in` and appends what they make to `out`, in blocks of
  /// `pool`, until the input is used up, `max_output_bytes` came out in this run or went from one
  /// stage to the next (a few bytes of input can be gigabytes in between), or the end.
  /// `input_ends`: nothing will follow what is in the chain. Once true it must stay true.
  /// Requires: blocks of at least 64 bytes, and `max_output_bytes` of at least as many.
  /// Errors: those of the stages. pool_exhausted, the pool's own or a stage's, leaves the chains as
  /// they are: what was done before is in them, and the same call may be tried again. After any
  /// other error the stages can only be destroyed.
  /// Cost: bounded by the input and `max_output_bytes`; no heap allocation.
  [[nodiscard]] Result<StreamState> run(BlockChain& in, bool input_ends, BlockChain& out,
                                        FixedPool& pool, std::size_t max_output_bytes) noexcept;

  /// Bytes taken from `in` and appended to `out` so far.
  [[nodiscard]] std::uint64_t consumed_bytes() const noexcept { return consumed_; }
  [[nodiscard]] std::uint64_t produced_bytes() const noexcept { return produced_; }

 private:
  enum class Move : std::uint8_t { none, some, output_full };

  struct Stage {
    Transform* transform = nullptr;
    bool done = false;
    bool holds_output = false;  // said need_output: has work even without input
    unsigned idle_steps = 0;
    // What it has made for the next stage.
    PooledBlock block;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  // One run's arguments.
  struct Run {
    BlockChain& in;
    bool input_ends;
    BlockChain& out;
    FixedPool& pool;
    std::size_t output_left;
    std::size_t between_left;  // bytes that stages may still hand to the next one
    PooledBlock fresh;         // taken for output, and nothing in it yet
  };

  [[nodiscard]] Result<Move> advance(std::size_t i, Run& run) noexcept;
  [[nodiscard]] Result<MutableBytes> room_for(std::size_t i, Run& run) noexcept;
  void keep(std::size_t i, Run& run, std::size_t bytes) noexcept;
  void consume(std::size_t i, Run& run, std::size_t bytes) noexcept;

  std::array<Stage, kMaxStages> stages_;
  std::size_t count_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
};

}  // namespace frdpu::core
