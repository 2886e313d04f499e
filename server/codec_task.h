#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/block_chain.h"
#include "core/body_decoder.h"
#include "core/codec_factory.h"
#include "core/pool/object_pool.h"
#include "core/stream_transform.h"
#include "server/operation.h"
#include "server/split_encoder.h"
#include "server/worker_pool.h"

namespace frdpu::server {

class MetricsShard;
class Service;

/// The codec work of one request: up to two decoders, then at most one encoder or operation, driven
/// in slices over block chains. A slice is bounded work, run on the I/O thread when it is small and
/// on the worker pool when it is not, so that nobody's 1,400 bytes wait for somebody's brotli 11.
///
/// Life: `open`, then slices until `done` or an error, then `close`. While a slice runs on a worker
/// everything here belongs to it. Workspaces are taken within slices, when there is something to do
/// for them, and go home with the last: bodies that wait for their turn hold none, and the next one
/// finds what is still in the cache.
/// Threads: one at a time. Cost: no allocation.
class CodecTask final : public Job {
 public:
  /// What is to be done with the body.
  struct Plan {
    std::array<core::Coding, 2> decode{};  ///< in the order in which they are undone
    std::size_t decoders = 0;
    /// With an operation: what it encodes with, for the costs.
    std::optional<core::EncoderParams> encode{};
    /// Comes behind the decoders, in place of an encoder. Ownership: outlives the task's work.
    Operation* operation = nullptr;
    /// The first slice gets the whole body in one block: opens the one-shot paths.
    bool whole = false;
    /// Where not 0: encoded in pieces of so many bytes, by several workers. Without decoders.
    std::size_t split_bytes = 0;
    core::DictionarySource* dictionaries = nullptr;
  };

  enum class State : std::uint8_t {
    need_input,   ///< all input was taken
    need_output,  ///< the slice's share of output was written, more may follow at once
    need_memory,  ///< a pool was empty; the same slice can be tried again
    done,
    failed,  ///< `error()` says why
  };

  explicit CodecTask(Service& service) noexcept : service_(service) {}

  /// Errors: pool_exhausted (pieces only): try again later.
  [[nodiscard]] core::Result<void> open(const Plan& plan) noexcept;
  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// Takes a stream's encoder before its first slice: for a body that is not sent without it.
  /// Errors: pool_exhausted: try again later.
  [[nodiscard]] core::Result<void> reserve() noexcept;

  /// Gives all memory back. Requires: no slice is running.
  void close() noexcept;

  /// Runs one slice.
  void run() noexcept override;

  /// Estimate of what the input at hand and so much more behind it cost, from codings, levels, and
  /// what the slices before took.
  [[nodiscard]] std::chrono::nanoseconds cost_estimate(
      std::uint64_t following_bytes) const noexcept;

  /// The same for so much input, before there is a task.
  [[nodiscard]] static std::chrono::nanoseconds cost_estimate(const Plan& plan,
                                                              std::uint64_t bytes) noexcept;

  /// Moves what came into `input`, if there is room for more before the next slice. `ends`: nothing
  /// comes behind it.
  void take_input(core::BlockChain& from, bool ends) noexcept;
  /// Whether `input` is worth a slice, though more may follow.
  [[nodiscard]] bool has_input() const noexcept;

  /// Blocks of input that several workers take in one slice; 0 where one works alone.
  [[nodiscard]] std::size_t round_blocks() const noexcept;

  /// Output of a slice at most, and as much between its stages; but see `slice_output_bytes`.
  static constexpr std::size_t kSliceOutputBytes = 4 * core::k64kBlockBytes;

  core::BlockChain input;    ///< what the next slice reads
  core::BlockChain output;   ///< what slices have written
  bool input_ended = false;  ///< nothing comes behind `input`
  /// The same for the next slice, where all it does is decode.
  std::size_t slice_output_bytes = kSliceOutputBytes;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const core::Error& error() const noexcept { return error_; }

  /// Bytes that the main codec was given, after transport decoding, and what the last one wrote.
  [[nodiscard]] std::uint64_t input_bytes() const noexcept;
  [[nodiscard]] std::uint64_t output_bytes() const noexcept;
  /// Whether any of the body was worked on.
  [[nodiscard]] bool has_begun() const noexcept;
  /// Bytes of the answer so far: the codec's output, and what an operation puts around it.
  [[nodiscard]] std::uint64_t answer_bytes() const noexcept;
  /// When the latest slice started.
  [[nodiscard]] std::chrono::steady_clock::time_point started() const noexcept { return started_; }

  [[nodiscard]] std::chrono::nanoseconds codec_time() const noexcept { return codec_time_; }

  /// Whether it has worked long enough for others to go first; then its next turn begins.
  [[nodiscard]] bool ends_turn() noexcept;

  /// Adds what was done since the last call to the counters. Threads: the shard's owner.
  void report(MetricsShard& metrics) noexcept;

  /// Where not null: called behind `run`, on the worker; the owner's way back to its own thread.
  void (*on_worker_done)(CodecTask& task) noexcept = nullptr;
  void* owner = nullptr;

 private:
  // What the counters know already.
  struct Reported {
    std::uint64_t input = 0;
    std::uint64_t output = 0;
    std::chrono::nanoseconds time{};
    std::array<std::uint64_t, 2> decoder_input{};
    std::array<std::uint64_t, 2> decoder_output{};
  };

  [[nodiscard]] bool is_one_step() const noexcept {
    return plan_.whole && plan_.decoders == 0 && plan_.operation == nullptr;
  }
  // The coding identity: what came is the result, blocks and all.
  [[nodiscard]] bool passes_on() const noexcept {
    return plan_.encode && plan_.encode->coding == core::Coding::identity && plan_.decoders == 0 &&
           plan_.operation == nullptr;
  }
  [[nodiscard]] bool wants_input() const noexcept;
  [[nodiscard]] core::Result<core::Leased<core::Encoder>> take_encoder() noexcept;
  [[nodiscard]] core::Result<core::StreamState> run_stages() noexcept;
  void run_slice() noexcept;
  void pass_on() noexcept;
  void encode_whole() noexcept;
  void fail(const core::Error& error) noexcept;
  void report_decoders(MetricsShard& metrics) noexcept;
  void report_operation(MetricsShard& metrics) noexcept;

  Service& service_;
  Plan plan_{};
  std::array<std::optional<core::BodyDecoder>, 2> decoders_;
  core::Leased<core::Encoder> encoder_;
  core::PooledObject<SplitEncoder> split_;
  std::optional<core::StreamTransform> transform_;
  State state_ = State::need_input;
  core::Error error_{};
  std::chrono::nanoseconds codec_time_{};
  std::chrono::nanoseconds turn_start_{};  // by `codec_time_`
  std::chrono::steady_clock::time_point started_{};
  std::uint64_t whole_input_bytes_ = 0;  // without a transform
  std::uint64_t whole_output_bytes_ = 0;
  Reported reported_{};
  bool open_ = false;
};

}  // namespace frdpu::server
