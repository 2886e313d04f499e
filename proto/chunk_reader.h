#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"

namespace frdpu::proto {

/// Finds the data in a chunked body and the body's end, strictly: what two readers could read
/// differently is refused, not repaired. Chunk extensions and trailer fields are checked and
/// dropped. Nothing is kept of the bytes, so that they may come in pieces cut anywhere.
///
///   *( size *( ";" name [ "=" value ] ) CRLF   data CRLF )     size: hex digits, at least one not
///   0 1*"0" *( ";" name [ "=" value ] ) CRLF   *( name ":" value CRLF )   CRLF
///
/// Life: `read_framing`, and where it stops at data, `took_data` as the data is taken, until
/// `done`. After an error the reader can only be destroyed.
/// Threads: one at a time. Cost: a switch for each byte of framing, none for data; no allocation.
/// Source: RFC 9112, section 7.1; stricter: no white space around the parts of an extension.
class ChunkReader {
 public:
  /// The longest line with a chunk's size: 16 digits and some extensions, which hardly anybody
  /// sends. Ours: the RFC asks for a bound and names none.
  static constexpr std::size_t kMaxSizeLineBytes = 256;

  /// `max_trailer_bytes`: of all trailer lines together, their line ends counted.
  explicit ChunkReader(std::size_t max_trailer_bytes) noexcept
      : max_trailer_bytes_(max_trailer_bytes) {}

  /// Reads framing from the front of `input`, up to a chunk's data, the end of the body, or the end
  /// of the input. Requires: `data_left() == 0` and not `done()`.
  /// Returns: how many bytes were framing.
  /// Errors: malformed_request; headers_too_large, with limit and observed, for the trailer.
  [[nodiscard]] core::Result<std::size_t> read_framing(std::string_view input) noexcept;

  /// How many of the bytes that follow are data of the current chunk.
  [[nodiscard]] std::uint64_t data_left() const noexcept { return data_left_; }

  /// Notes that `bytes` of them were taken. Requires: at most `data_left()`.
  void took_data(std::uint64_t bytes) noexcept { data_left_ -= bytes; }

  /// True behind the empty line that ends the body.
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size,              // no digit yet
    size_more,         // behind a digit
    extension,         // behind ";"
    extension_name,    //
    extension_value,   // behind "="
    extension_token,   //
    extension_quoted,  //
    extension_escape,  // behind a backslash in quotes
    extension_end,     // behind the closing quote
    size_lf,           // behind the CR of a size line
    data_cr,           // behind a chunk's data, or in front of it while data_left_ > 0
    data_lf,           //
    trailer,           // at the start of a line of the trailer
    trailer_name,      //
    trailer_value,     //
    trailer_lf,        //
    end_lf,            // behind the CR of the empty line
    done,
  };

  [[nodiscard]] const char* read(char c) noexcept;
  [[nodiscard]] const char* read_size(char c) noexcept;
  [[nodiscard]] const char* read_extension(char c) noexcept;
  [[nodiscard]] const char* read_trailer(char c) noexcept;

  State state_ = State::size;
  std::uint64_t size_ = 0;  // of the chunk whose line is being read
  std::uint64_t data_left_ = 0;
  std::size_t line_bytes_ = 0;  // of a size line, or of the whole trailer
  std::size_t max_trailer_bytes_;
};

}  // namespace frdpu::proto
