#pragma once

#include <zlib.h>

#include <cstddef>

#include "core/bytes.h"
#include "core/codec.h"

struct libdeflate_decompressor;

/// Raw deflate data (RFC 1951) read by two libraries: libdeflate where the whole stream and room
/// for its output are at hand, at twice zlib's speed; zlib for all the rest. Neither allocates;
/// both are placed in a workspace and stay prepared there. Included by the zlib codec's own files
/// only: it pulls zlib's header in.
namespace frdpu::core {

class Workspace;

/// zlib's decoder. Streams, between views of any size.
class ZlibInflate {
 public:
  /// Bytes of arena that `prepare` takes. Source: zlib.h, "at most 7 KiB" of state (7,160 B in
  /// 1.2.13), and the window.
  [[nodiscard]] static std::size_t arena_bytes() noexcept;

  /// Sets the state up in the arena, the window too, which zlib would ask for in the middle of a
  /// stream. Errors: invalid_size when the arena is too small.
  [[nodiscard]] Result<void> prepare(Workspace& arena) noexcept;

  /// Ready for the next stream. Errors: internal_error.
  [[nodiscard]] Result<void> reset() noexcept;

  /// As `Transform::step`. Returns: `done` right behind the last byte of the stream.
  /// Errors: corrupt_input, `offset` counting from the start of this view.
  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output) noexcept;

 private:
  z_stream stream_{};
};

/// libdeflate's decoder: a whole stream in one call, or nothing.
class WholeInflate {
 public:
  /// Bytes of arena that `prepare` takes, asked of the library itself.
  /// Threads: any. Cost: a look-up after the first call.
  [[nodiscard]] static std::size_t arena_bytes() noexcept;

  /// Sets the decoder up in the arena; it stays good for any number of streams.
  /// Errors: invalid_size when the arena is too small.
  [[nodiscard]] Result<void> prepare(Workspace& arena) noexcept;

  /// Decodes the stream that the input begins with, all of it.
  /// Returns: `done`, or `need_output` with nothing taken: the room is too small or the data is
  /// damaged, and a decoder that streams can say which. It takes all that zlib takes, and a code of
  /// code lengths with a single word besides: the content must be checked against a checksum.
  [[nodiscard]] Progress run(Bytes input, MutableBytes output) noexcept;

 private:
  libdeflate_decompressor* decompressor_ = nullptr;
};

}  // namespace frdpu::core
