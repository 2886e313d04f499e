#include "proto/chunk_reader.h"

#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr const char* kNoCrLf = "A line of the chunked body does not end in CR LF.";

// Returns 16 for what is no digit.
constexpr unsigned hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

}  // namespace

core::Result<std::size_t> ChunkReader::read_framing(std::string_view input) noexcept {
  std::size_t used = 0;
  while (used < input.size() && data_left_ == 0 && state_ != State::done) {
    if (const char* wrong = read(input[used])) return core::fail(Errc::malformed_request, wrong);
    ++used;
    if (state_ > State::data_lf && state_ < State::end_lf && line_bytes_ > max_trailer_bytes_) {
      return std::unexpected(core::Error{.code = Errc::headers_too_large,
                                         .detail = "The body's trailer is too long",
                                         .limit = max_trailer_bytes_,
                                         .observed = line_bytes_});
    }
  }
  return used;
}

// Each returns what is wrong as a literal, or nullptr.
const char* ChunkReader::read(char c) noexcept {
  switch (state_) {
    case State::size:
    case State::size_more:
      return read_size(c);
    case State::size_lf:
      if (c != '\n') return kNoCrLf;
      data_left_ = size_;
      state_ = size_ > 0 ? State::data_cr : State::trailer;
      size_ = line_bytes_ = 0;
      return nullptr;
    case State::data_cr:
      if (c != '\r') return "There is no line end behind a chunk's data.";
      state_ = State::data_lf;
      return nullptr;
    case State::data_lf:
      if (c != '\n') return kNoCrLf;
      state_ = State::size;
      return nullptr;
    case State::trailer:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
      ++line_bytes_;
      return read_trailer(c);
    case State::end_lf:
      if (c != '\n') return kNoCrLf;
      state_ = State::done;
      return nullptr;
    case State::done:
      return nullptr;
    default:
      return read_extension(c);
  }
}

const char* ChunkReader::read_size(char c) noexcept {
  if (++line_bytes_ > kMaxSizeLineBytes) return "A chunk's size line is too long.";
  if (const unsigned digit = hex_digit(c); digit < 16) {
    if (size_ >> 60 != 0) return "A chunk's size is larger than 2^64 - 1.";
    size_ = size_ << 4 | digit;
    state_ = State::size_more;
    return nullptr;
  }
  if (state_ == State::size) return "A chunk's size is missing or no hexadecimal number.";
  if (c == '\r') {
    state_ = State::size_lf;
  } else if (c == ';') {
    state_ = State::extension;
  } else {
    return "There is neither a line end nor an extension behind a chunk's size.";
  }
  return nullptr;
}

const char* ChunkReader::read_extension(char c) noexcept {
  if (++line_bytes_ > kMaxSizeLineBytes) return "A chunk's size line is too long.";
  constexpr const char* kMalformed = "A chunk's extension is malformed.";
  const bool may_end = state_ == State::extension_name || state_ == State::extension_token ||
                       state_ == State::extension_end;
  if (may_end && c == '\r') {
    state_ = State::size_lf;
    return nullptr;
  }
  if (may_end && c == ';') {
    state_ = State::extension;
    return nullptr;
  }
  switch (state_) {
    case State::extension:
      if (!is_token_char(c)) return kMalformed;
      state_ = State::extension_name;
      return nullptr;
    case State::extension_name:
      if (c == '=') {
        state_ = State::extension_value;
        return nullptr;
      }
      return is_token_char(c) ? nullptr : kMalformed;
    case State::extension_value:
      state_ = c == '"' ? State::extension_quoted : State::extension_token;
      return c == '"' || is_token_char(c) ? nullptr : kMalformed;
    case State::extension_token:
      return is_token_char(c) ? nullptr : kMalformed;
    case State::extension_quoted:
      if (c == '"') {
        state_ = State::extension_end;
      } else if (c == '\\') {
        state_ = State::extension_escape;
      }
      return is_field_value_char(c) ? nullptr : kMalformed;
    case State::extension_escape:
      state_ = State::extension_quoted;
      return is_field_value_char(c) ? nullptr : kMalformed;
    default:
      return kMalformed;
  }
}

const char* ChunkReader::read_trailer(char c) noexcept {
  switch (state_) {
    case State::trailer:
      if (c == '\r') {
        state_ = State::end_lf;
        return nullptr;
      }
      if (c == ' ' || c == '\t') return "A trailer line is folded or indented.";
      if (c == ':') return "A trailer field has no name.";
      if (!is_token_char(c)) return "A trailer line is malformed.";
      state_ = State::trailer_name;
      return nullptr;
    case State::trailer_name:
      if (c == ':') {
        state_ = State::trailer_value;
        return nullptr;
      }
      return is_token_char(c) ? nullptr : "A trailer field's name is malformed or has no colon.";
    case State::trailer_value:
      if (c == '\r') {
        state_ = State::trailer_lf;
        return nullptr;
      }
      if (c == '\n') return kNoCrLf;
      return is_field_value_char(c) ? nullptr : "A trailer field holds a control character.";
    default:
      if (c != '\n') return kNoCrLf;
      state_ = State::trailer;
      return nullptr;
  }
}

}  // namespace frdpu::proto
