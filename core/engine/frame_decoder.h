#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/codec.h"
#include "core/dictionary.h"
#include "core/engine/block_decoder.h"
#include "core/engine/lz4_frame_header.h"
#include "core/engine/xxhash32.h"

/// Reads one LZ4 frame, standard or legacy.
///
/// Blocks are decoded straight into the caller's output view. Only when a step ends in the middle
/// of a frame are the latest 64 KiB kept, in the workspace, for matches that reach back further
/// than the next view. So memory is 128 KiB whatever the block size, less when the header declares
/// less content, and a frame that fits one output view is never copied.
namespace frdpu::core {

/// Bytes that `place_lz4_decoder` needs for a frame. Never more than about 129 KiB.
[[nodiscard]] std::size_t lz4_decoder_workspace_bytes(const FrameHeader& header) noexcept;

/// Makes a decoder for the frame whose header was parsed; it is then fed the frame from its very
/// first byte, header included. Skippable frames are not for it.
/// Requires: a 64-aligned workspace of at least `lz4_decoder_workspace_bytes(header)`.
/// `dictionary` may be null, and must outlive the decoder.
/// Errors: missing_dictionary (the header names one and it was not given), invalid_size,
/// invalid_parameter (a skippable frame).
/// Ownership: the object lives in the workspace; the caller ends it with its destructor.
[[nodiscard]] Result<Decoder*> place_lz4_decoder(const FrameHeader& header,
                                                 const Dictionary* dictionary,
                                                 MutableBytes workspace) noexcept;

/// The decoder behind `place_lz4_decoder`.
/// Invariants: output never exceeds the declared content size; a block never decodes to more than
/// the header's block size; what is written was checked, but for the checksums at the end.
class FrameDecoder final : public Decoder {
 public:
  /// `kept` is the room for history.
  FrameDecoder(const FrameHeader& header, Bytes dictionary, MutableBytes kept) noexcept;

  Result<Progress> step(Bytes input, MutableBytes output, Flush flush) noexcept override;

  /// After a legacy frame: the bytes read as a block size that turned out to belong to what
  /// follows.
  Bytes unread() const noexcept override;

 private:
  enum class Phase : std::uint8_t {
    header,
    block_size,
    raw_block,
    encoded_block,
    block_checksum,
    content_checksum,
    done
  };

  /// One step's views and where in them the frame decoder is.
  struct Cursor;

  Result<StepState> advance(Cursor& cursor) noexcept;
  bool collect(Cursor& cursor, std::size_t wanted) noexcept;
  Result<StepState> begin_block(Cursor& cursor) noexcept;
  Result<StepState> copy_raw(Cursor& cursor) noexcept;
  Result<StepState> decode_block(Cursor& cursor) noexcept;
  StepState end_block() noexcept;
  Result<StepState> end_content(Cursor& cursor) noexcept;
  void account(const Cursor& cursor, const std::uint8_t* in_from,
               const std::uint8_t* out_from) noexcept;
  void keep_history(const Cursor& cursor) noexcept;
  Error error(Errc code, const char* detail, const Cursor& cursor) const noexcept;

  // The header's word.
  std::size_t header_bytes_;
  std::size_t block_limit_;
  std::optional<std::uint64_t> declared_bytes_;
  bool legacy_;
  lz4::FrameFlags flags_{};

  // Where the frame stands.
  Phase phase_ = Phase::header;
  std::uint8_t held_[lz4::kMaxFrameHeaderBytes];  // a field that may come in pieces
  std::size_t held_bytes_ = 0;
  std::size_t raw_left_ = 0;
  std::uint64_t consumed_ = 0;  // before this step
  std::uint64_t produced_ = 0;  // by the whole frame
  lz4::BlockDecoder block_;
  Xxhash32 block_hash_;
  Xxhash32 content_hash_;

  // History: what matches may refer to before the current view.
  Bytes dictionary_;
  const std::uint8_t* history_end_;
  std::size_t history_bytes_;
  std::uint8_t* kept_;
  std::size_t kept_capacity_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace frdpu::core
