#pragma once

#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "core/coding.h"
#include "core/error.h"

/// The one interface that every coding is used through.
///
/// A codec owns no buffers: it is handed a view to read from and a view to write to, and says how
/// far it came. Its state lives in a leased workspace (`core/workspace_pool.h`); no step allocates.
///
///   life:  make_encoder / make_decoder (codec_factory.h)  ->  step()*  ->  done or an error
///
/// After `done` or an error only destruction is allowed.
namespace frdpu::core {

class Dictionary;

/// What the caller wants beyond "go on".
enum class Flush : std::uint8_t {
  none,    ///< more input follows
  flush,   ///< emit what is held, so that a decoder can read all input so far; decoders ignore it
  finish,  ///< no input follows what this step is handed; call again with the rest until `done`
};

enum class StepState : std::uint8_t {
  need_input,   ///< all input was taken; call again with more
  need_output,  ///< the output view is full, or too small to go on; call again with room
  done,         ///< encoder: the frame is complete. Decoder: the frame ended
  paused,       ///< worked as long as a step should; call again. No codec does
};

struct Progress {
  std::size_t consumed = 0;  ///< input bytes taken
  std::size_t produced = 0;  ///< output bytes written
  StepState state = StepState::need_input;
};

/// Anything that turns a stream of bytes into another: an encoder, a decoder, a chain of both.
class Transform {
 public:
  Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;
  virtual ~Transform() = default;

  /// Takes input, writes output, as far as both views allow.
  /// Requires: views that do not overlap; at least 64 bytes of output room, or the step may
  /// answer need_output with nothing done. With Flush::finish every following step must be
  /// handed the unread rest of the same input and Flush::finish again.
  /// Returns: what was taken and written. A step that neither takes nor writes and is not `done`
  /// twice in a row with room and input at hand is internal_error, never a loop.
  /// Errors: decoders: corrupt_input (with `offset` from the start of this transform's input),
  /// checksum_mismatch, truncated_input (finish came before the end), trailing_data,
  /// missing_dictionary, and the limit codes; all: pool_exhausted when a workspace was needed in
  /// the middle and none was free: nothing was taken then, and the same step may be tried again.
  /// After any other error the object can only be destroyed.
  /// Threads: one at a time. Cost: bounded by the two views; no heap allocation.
  [[nodiscard]] virtual Result<Progress> step(Bytes input, MutableBytes output,
                                              Flush flush) noexcept = 0;
};

/// Writes one frame (or member) of a coding.
class Encoder : public Transform {
 public:
  /// Input bytes that were taken to be worked on later, with those that complete a block, or at the
  /// end: even a step without input can cost as much as these. Cost: none.
  [[nodiscard]] virtual std::uint64_t held_bytes() const noexcept { return 0; }
};

/// Reads one frame (or member) of a coding. `done` comes right behind the frame's last byte: what
/// follows is not consumed.
class Decoder : public Transform {
 public:
  /// Bytes that were consumed but belong to what follows the frame. Only the legacy LZ4 format,
  /// which has no end mark, ever has any. Ownership: dies with the decoder.
  [[nodiscard]] virtual Bytes unread() const noexcept { return {}; }
};

/// What an encoder is made for.
struct EncoderParams {
  Coding coding = Coding::lz4;
  int level = 0;                   ///< must be in the coding's range
  std::uint32_t window_bytes = 0;  ///< 0: the level's own; else in range; rounded down, never up
  /// The exact size of the input where it is known. It is pledged to the frame header where the
  /// format has a place for it, and makes workspaces smaller. A different size is an error.
  std::optional<std::uint64_t> content_bytes{};
  /// The caller promises: the first step gets the whole input in one view with Flush::finish, and
  /// output room of at least `encoder_bound()`. Opens the one-shot paths.
  bool whole = false;
  const Dictionary* dictionary = nullptr;  ///< must outlive the encoder
};

}  // namespace frdpu::core
