#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/block_chain.h"
#include "core/body_decoder.h"
#include "core/codec_factory.h"
#include "proto/batch_frames.h"
#include "proto/request_error.h"
#include "server/operation.h"

namespace frdpu::server {

/// Many small payloads in one body, each encoded to, or decoded from, a frame of its own
/// (`proto/batch_frames.h`). As many items come out as went in, in order; one that fails is a
/// problem document in its place, and the others are as if it were not there.
///
///   an item at hand as a whole:  view --codec--> room of the answer, its length in front
///   cut, or longer than a block: view -> gathered, a block --codec--> kept until it is whole
///
/// Threads: one at a time. Cost: that of the codec and of its reset for each item; no allocation.
class BatchCoder final : public Operation {
 public:
  /// An item may have as many bytes, in front of the codec and behind it: its result is kept until
  /// its length is known.
  static constexpr std::size_t kMaxItemBytes = 4 * core::kMiB;

  struct Plan {
    /// Where there are some, items are encoded so. Size and `whole` are set for each.
    std::optional<core::EncoderParams> encode{};
    /// Otherwise they are decoded: from this coding, or from what their first bytes say.
    std::optional<core::Coding> source{};
    core::DecodeLimits limits{};  ///< for all items together
    core::DictionarySource* dictionaries = nullptr;
  };

  /// `pool`: of 64 KiB blocks. Ownership: pools and dictionaries outlive this object.
  BatchCoder(const Plan& plan, core::WorkspacePools& workspaces, core::FixedPool& pool) noexcept;

  void work_until(std::chrono::steady_clock::time_point end) noexcept override { end_ = end; }

  /// Pauses between items and within long ones.
  /// Errors: malformed_frames; pool_exhausted: nothing was taken, try again.
  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;

  /// Returns: what decoding costs; of encoding only what an item costs beyond its bytes.
  [[nodiscard]] static std::chrono::nanoseconds cost_of(std::uint64_t bytes, bool decodes) noexcept;
  [[nodiscard]] std::chrono::nanoseconds cost_estimate(
      std::uint64_t bytes) const noexcept override {
    return cost_of(bytes, !plan_.encode);
  }

  [[nodiscard]] std::span<CodecBytes> codec_bytes() noexcept override { return codec_bytes_; }

  /// The coding of the latest item; before the first what the plan says.
  [[nodiscard]] core::Coding coding() const noexcept { return coding_; }

 private:
  enum class Item : std::uint8_t {
    open,    ///< more of it is to be worked on
    coded,   ///< its result is in the answer, or in `result_`
    failed,  ///< `failure_` says why
  };

  // What one step still has to work with.
  struct Views {
    core::Bytes input;
    core::MutableBytes output;
  };

  // Those that take a view move its front to what they did not take.
  [[nodiscard]] core::Result<core::StepState> run(Views& views, bool input_ends) noexcept;
  void begin_item(std::uint32_t bytes) noexcept;
  [[nodiscard]] core::Result<void> take_data(core::Bytes& data, Views& views) noexcept;
  [[nodiscard]] core::Result<void> work_on_gathered(bool last) noexcept;
  [[nodiscard]] core::Result<void> end_item(Views& views) noexcept;

  [[nodiscard]] core::Result<void> code_whole(core::Bytes& item, Views& views) noexcept;
  [[nodiscard]] core::Result<void> code_part(core::Bytes& part, bool last) noexcept;
  [[nodiscard]] core::Result<void> open_codec(core::Bytes first, bool whole) noexcept;
  [[nodiscard]] proto::RequestResult<core::DecodeLimits> limits_left() const noexcept;
  void close_codec() noexcept;
  void abandon_codec() noexcept;

  // Whether the step has lasted long enough. What returns then says so as if memory were missing:
  // what is under way goes on with the next step.
  [[nodiscard]] bool is_late() noexcept;
  [[nodiscard]] core::Result<core::PooledBlock> acquire() noexcept;
  [[nodiscard]] core::Result<core::MutableBytes> result_room() noexcept;
  void finish_item(std::uint64_t result_bytes) noexcept;
  void fail_item(const proto::RequestError& error) noexcept;
  [[nodiscard]] core::Result<void> keep_failure() noexcept;
  [[nodiscard]] bool write_result(Views& views) noexcept;

  Plan plan_;
  core::WorkspacePools& workspaces_;
  core::FixedPool& pool_;
  proto::FrameReader reader_;
  core::Coding coding_;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
  bool paused_ = false;

  // The item under way.
  Item item_ = Item::coded;
  std::uint32_t item_bytes_ = 0;
  core::BlockChain gathered_;  // of it, not worked on yet: a block at most
  core::Leased<core::Encoder> encoder_;
  std::optional<core::BodyDecoder> decoder_;
  core::Transform* codec_ = nullptr;  // the one of them that is open
  proto::RequestError failure_{};

  // A result that found no room in the answer, or is not whole yet.
  core::BlockChain result_;
  std::array<std::byte, proto::kFailedItemHeaderBytes> header_{};
  PendingOutput header_left_;
  bool result_is_whole_ = false;

  std::array<CodecBytes, core::kCodingCount> codec_bytes_{};
  // Of all decoders so far.
  std::uint64_t encoded_bytes_ = 0;
  std::uint64_t decoded_bytes_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace frdpu::server
