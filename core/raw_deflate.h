#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>

#include <isa-l/igzip_lib.h>

#include "core/bytes.h"
#include "core/codec.h"
#include "core/engine/deflate_sequences.h"
#include "core/engine/parsers.h"

struct libdeflate_compressor;

/// What writes raw deflate data (RFC 1951), our engine and three libraries, behind one shape:
///
///   Result<Progress> run(Bytes input, MutableBytes output, Flush flush) noexcept;
///
/// with the meaning of `Transform::step`. None of them allocates; each is placed in a workspace.
/// Included by the zlib codec's own files only: it pulls the libraries' headers in.
namespace frdpu::core {

class Workspace;

/// ISA-L's levels 1 to 3: three to five times zlib's speed at the same size. Streams.
class IsalDeflate {
 public:
  /// Bytes of level buffer: room for `content_bytes` symbols, at most what 64 KiB of input needs.
  /// Larger ones gain 0.1 % of size and 2 % of time on 1 MiB. Source: measured, core/README.md.
  [[nodiscard]] static std::size_t level_buffer_bytes(int level,
                                                      std::uint64_t content_bytes) noexcept;

  /// Requires: level 1 to 3; a buffer of `level_buffer_bytes()` that outlives this object; a
  /// window that is a power of two from 512 to 32768.
  IsalDeflate(int level, std::uint32_t window_bytes, MutableBytes level_buffer) noexcept;

  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output, Flush flush) noexcept;

 private:
  isal_zstream stream_;
};

/// zlib's levels 1 to 9. Streams. Its state is kept prepared in the workspace.
class ZlibDeflate {
 public:
  /// Bytes of arena that `prepare` takes for a window. Source: zlib.h, zconf.h: the window twice,
  /// its chains, 2^15 hash heads, 2^14 pending symbols, and the state itself.
  [[nodiscard]] static std::size_t arena_bytes(std::uint32_t window_bytes) noexcept;

  /// Sets the state up in the arena, for any level.
  /// Errors: invalid_size when the arena is too small.
  [[nodiscard]] Result<void> prepare(std::uint32_t window_bytes, Workspace& arena) noexcept;

  /// Makes a prepared state ready for the next stream. Errors: internal_error.
  [[nodiscard]] Result<void> reset(int level) noexcept;

  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output, Flush flush) noexcept;

 private:
  z_stream stream_{};
  int level_ = 6;
};

/// libdeflate: the whole body in one call, always with the full 32 KiB window.
class WholeDeflate {
 public:
  /// Bytes of arena that a compressor of this level takes, asked of the library itself.
  /// Threads: any. Cost: a look-up after the first call.
  [[nodiscard]] static std::size_t arena_bytes(int level) noexcept;

  /// Sets the compressor up in the arena; it stays good for any number of bodies.
  /// Errors: invalid_size when the arena is too small.
  [[nodiscard]] Result<void> prepare(int level, Workspace& arena) noexcept;

  /// Requires: the whole input and Flush::finish. Returns: `done`, or need_output with nothing
  /// done when the output view is too small.
  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output, Flush flush) noexcept;

 private:
  libdeflate_compressor* compressor_ = nullptr;
};

/// Our engine's fast parser, with Huffman codes behind it: the whole body in one call.
class EngineDeflate {
 public:
  /// Bytes of buffer for a level and a size of body.
  [[nodiscard]] static std::size_t buffer_bytes(int level, std::uint64_t content_bytes) noexcept;

  /// Requires: a level of the fast parser, 1 (one candidate each) or 3 (the better of two); a
  /// window up to 32768; a 64-aligned buffer of `buffer_bytes()` that outlives this object. The
  /// body may have another size than `content_bytes`.
  EngineDeflate(int level, std::uint64_t content_bytes, std::uint32_t window_bytes,
                MutableBytes buffer) noexcept;

  /// Requires: the whole input and Flush::finish. Returns: `done`, or need_output with nothing done
  /// when the output view has less than 8 bytes more than what is written. The result, which is no
  /// larger than stored blocks, depends on nothing but level, window, `content_bytes` and input.
  [[nodiscard]] Result<Progress> run(Bytes input, MutableBytes output, Flush flush) noexcept;

 private:
  lz4::FastTable table_;
  std::uint32_t window_bytes_;
  rfc1951::SequenceRoom room_;
  rfc1951::BlockWriter blocks_;
};

}  // namespace frdpu::core
