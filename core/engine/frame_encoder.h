#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/codec.h"
#include "core/dictionary.h"
#include "core/engine/block_encoder.h"
#include "core/engine/lz4_frame_header.h"
#include "core/engine/xxhash32.h"

/// Writes one LZ4 frame: linked blocks of at most 64 KiB, a content checksum always, the content
/// size where it is known.
///
/// Two ways lead through it. With `EncoderParams::whole` the blocks are encoded from the caller's
/// view into the caller's view, and the workspace holds little more than a hash table sized to the
/// input. Otherwise input is gathered behind the latest `window` bytes:
///
///   gathered (window + block)                          encoded
///   +--------------------+------------------+------+   +--------------------------------+
///   | history <= window  | block so far     | free |   | what the output had no room for |
///   +--------------------+------------------+------+   +--------------------------------+
///                        block_begin   gathered_end
///
/// and a block is encoded when it is full, or at a flush. When the room ends in the middle of a
/// block, history and block move to its start.
namespace frdpu::core {

/// The most bytes that a frame of an input takes, headers included, at any pattern of steps
/// without flushes; a flush adds at most 4. Also the room that the `whole` path requires.
[[nodiscard]] std::size_t lz4_bound(std::size_t input_bytes) noexcept;

/// Bytes that `place_lz4_encoder` needs; 0 for a level outside 1..9.
[[nodiscard]] std::size_t lz4_encoder_workspace_bytes(const EncoderParams& params) noexcept;

/// Makes an encoder in a workspace.
/// Requires: a 64-aligned workspace of at least `lz4_encoder_workspace_bytes(params)`; a
/// dictionary must outlive the encoder.
/// Errors: invalid_level, invalid_window, invalid_size.
/// Ownership: the object lives in the workspace; the caller ends it with its destructor.
/// Cost: clears the level's table; with a dictionary also enters its last `window` bytes. Of that a
/// payload of up to 16 KiB finds most done, where the workspace had the same dictionary before.
[[nodiscard]] Result<Encoder*> place_lz4_encoder(const EncoderParams& params,
                                                 MutableBytes workspace) noexcept;

/// The encoder behind `place_lz4_encoder`.
class FrameEncoder final : public Encoder {
 public:
  /// How an encoder's workspace is divided. All parts are 64-aligned.
  struct Layout {
    lz4::BlockEncoderConfig config;
    bool direct = false;  ///< reads the caller's view; gathers nothing
    /// Of tables as they are behind a dictionary, kept for the next frame with it. Then the region
    /// starts with a workspace's header and what else is kept; the dictionary's bytes lie gathered,
    /// and a payload so small never moves them.
    std::size_t learned_bytes = 0;
    std::size_t table_bytes = 0;
    std::size_t gathered_bytes = 0;
    std::size_t encoded_bytes = 0;

    [[nodiscard]] std::size_t total_bytes() const noexcept;
  };
  [[nodiscard]] static Layout layout_for(const EncoderParams& params) noexcept;

  FrameEncoder(const EncoderParams& params, const Layout& layout, std::uint8_t* parts) noexcept;

  /// The same with a dictionary that was learned by an encoder in the same place.
  /// Requires: the tables are as they were then, and what was gathered.
  FrameEncoder(const EncoderParams& params, const Layout& layout, std::uint8_t* parts,
               const lz4::BlockEncoder& learned) noexcept;

  /// The encoder of blocks, with what it has learned. Requires: no step yet.
  [[nodiscard]] const lz4::BlockEncoder& learned() const noexcept { return blocks_; }

  /// Errors: invalid_size when the input is not of the size that was pledged, or when the room
  /// promised with `whole` is missing.
  Result<Progress> step(Bytes input, MutableBytes output, Flush flush) noexcept override;

  [[nodiscard]] std::uint64_t held_bytes() const noexcept override {
    return static_cast<std::uint64_t>(gathered_end_ - block_begin_);
  }

 private:
  Result<Progress> step_direct(Bytes input, MutableBytes output, Flush flush) noexcept;
  void begin_frame() noexcept;
  void learn_dictionary(Bytes content) noexcept;
  std::size_t gather(Bytes input) noexcept;
  std::size_t encode_block(MutableBytes output) noexcept;
  std::size_t write_block(const lz4::EncodeViews& views) noexcept;
  std::size_t end_frame(std::uint8_t* to) noexcept;

  Layout layout_;
  std::optional<std::uint64_t> pledged_bytes_;
  std::uint32_t dictionary_id_;
  lz4::BlockEncoder blocks_;
  Xxhash32 content_hash_;
  std::uint64_t consumed_ = 0;
  bool begun_ = false;
  bool ended_ = false;

  // The room in the workspace, and where in it the history, the block and its end are.
  std::uint8_t* gathered_;
  std::uint8_t* block_begin_;
  std::uint8_t* gathered_end_;

  // Encoded bytes that wait for output room.
  std::uint8_t* encoded_;
  std::size_t pending_from_ = 0;
  std::size_t pending_to_ = 0;
};

}  // namespace frdpu::core
