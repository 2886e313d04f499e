#pragma once

#include <cstdint>
#include <string_view>

#include "proto/raw_head.h"
#include "proto/request_error.h"

/// Where a request's body starts and ends, or why nobody can know.
namespace frdpu::proto {

/// How the end of a body is found.
enum class BodyKind : std::uint8_t { none, length, chunked };

struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  ///< of BodyKind::length; may be 0

  /// Returns whether bytes follow the head.
  [[nodiscard]] bool has_body() const noexcept {
    return kind == BodyKind::chunked || (kind == BodyKind::length && length > 0);
  }
};

/// The gate behind the parser: refuses what would let two readers of the same bytes see two
/// different requests. It judges Host, Content-Length and Transfer-Encoding.
///
/// Life cycle: fed with every field of one head in order, then asked once; `HeadGate{}` for the
/// next. It must not be fed with trailer fields. What the parser has folded or forgiven before is
/// not to be seen any more here: `scan_raw_head` is for that.
/// Ownership: keeps views into the field values.
class HeadGate {
 public:
  /// Takes a field. `value` without white space around it. Cost: a comparison for other fields.
  void on_field(std::string_view name, std::string_view value) noexcept;

  /// Decides. All errors close the connection.
  /// Errors: malformed_request: no Host or a malformed one in HTTP/1.1, two of them in any
  /// version; Content-Length twice, as a list, or not of digits; any Transfer-Encoding in
  /// HTTP/1.0; one beside a Content-Length; one whose last coding is not chunked, or that has it
  /// twice, or with parameters. unsupported_transfer_coding: other codings in front of chunked.
  /// body_too_large: a Content-Length above 2^64 - 1.
  /// Source: RFC 9112, sections 3.2, 6.1, 6.3 and 7; API.md, "HTTP itself".
  [[nodiscard]] RequestResult<BodyFraming> finish(HttpVersion version) const noexcept;

  /// Returns the latest Content-Length as it was sent; empty where there was none.
  [[nodiscard]] std::string_view content_length() const noexcept { return content_length_; }

 private:
  void on_content_length(std::string_view value) noexcept;
  void on_transfer_encoding(std::string_view value) noexcept;
  [[nodiscard]] RequestResult<void> check_host(HttpVersion version) const noexcept;
  [[nodiscard]] RequestResult<void> check_transfer_encoding(HttpVersion version) const noexcept;

  enum class Number : std::uint8_t { ok, malformed, too_large };

  std::string_view host_{};
  std::string_view content_length_{};
  std::string_view transfer_encoding_{};  // the line that broke a rule, or the last one
  std::uint64_t length_ = 0;
  Number length_state_ = Number::ok;
  std::uint8_t hosts_ = 0;            // lines seen; stops at 2
  std::uint8_t content_lengths_ = 0;  // likewise
  bool has_transfer_encoding_ = false;
  bool broken_transfer_encoding_ = false;
  bool chunked_seen_ = false;
  bool chunked_last_ = false;
  bool other_coding_ = false;
};

/// Returns whether a text may be a Host field's value: `uri-host [ ":" port ]`, or empty.
[[nodiscard]] bool is_host(std::string_view text) noexcept;

}  // namespace frdpu::proto
