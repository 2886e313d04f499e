#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proto/body_framing.h"
#include "proto/raw_head.h"
#include "proto/request_error.h"

/// The header fields of a request that the service acts upon.
namespace frdpu::proto {

/// The longest Content-Type that is taken, since results may carry it. Types and subtypes end at
/// 127 characters each (RFC 6838, section 4.2); the rest is room for parameters.
inline constexpr std::size_t kMaxContentTypeChars = 512;

/// The lines of a list field that may come in several. Together they are one list.
/// Ownership: views into the head.
class FieldLines {
 public:
  /// More lines than this are refused; no client sends two.
  static constexpr std::size_t kMaxLines = 4;

  void add(std::string_view line) noexcept;
  [[nodiscard]] std::span<const std::string_view> lines() const noexcept {
    return std::span(lines_).first(count_);
  }
  /// Returns whether the field was there at all, be it empty.
  [[nodiscard]] bool present() const noexcept { return count_ > 0; }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  /// Returns the first line, or nothing: for messages.
  [[nodiscard]] std::string_view first() const noexcept { return lines_[0]; }

 private:
  std::array<std::string_view, kMaxLines> lines_{};
  std::uint8_t count_ = 0;
  bool overflowed_ = false;
};

/// Collects the fields of one head and judges them. Unknown fields are passed by.
///
/// Life cycle: `on_field` for every header field in order (never for trailer fields), then
/// `finish` once, then read; `RequestHead{}` for the next request.
/// Ownership: every view looks into the block that the head lies in, and dies with it.
class RequestHead {
 public:
  /// Takes a field, and hands it to the gate. `value` without white space around it.
  void on_field(std::string_view name, std::string_view value) noexcept;

  /// Judges the head as a whole. Returns: where the body ends; also kept for `framing()`.
  /// Errors: those of HeadGate::finish; malformed_request for a field that came twice and must
  /// not, or a malformed Connection; expectation_failed; headers_too_large for a list field in too
  /// many lines and for a Content-Type of too many characters.
  [[nodiscard]] RequestResult<BodyFraming> finish(HttpVersion version) noexcept;

  [[nodiscard]] HttpVersion version() const noexcept { return version_; }
  [[nodiscard]] const BodyFraming& framing() const noexcept { return framing_; }

  /// Returns the Content-Length as it was sent; empty where there is none.
  [[nodiscard]] std::string_view content_length() const noexcept { return gate_.content_length(); }
  /// Takes another length. Requires: a body with a Content-Length.
  void set_content_length(std::uint64_t length) noexcept { framing_.length = length; }

  /// Returns whether the connection may carry another request. Source: RFC 9112, section 9.3.
  [[nodiscard]] bool persistent() const noexcept;

  /// Returns whether the client waits for `100 Continue` before it sends its body.
  /// HTTP/1.0 clients never do. Source: RFC 9110, section 10.1.1.
  [[nodiscard]] bool wants_continue() const noexcept;

  /// Returns whether the client wants trailers (`TE: trailers`).
  [[nodiscard]] bool accepts_trailers() const noexcept { return te_trailers_; }

  [[nodiscard]] std::string_view host() const noexcept { return host_; }
  [[nodiscard]] std::string_view content_type() const noexcept { return content_type_.value; }
  [[nodiscard]] std::string_view accept() const noexcept { return accept_; }
  [[nodiscard]] const FieldLines& content_encoding() const noexcept { return content_encoding_; }
  [[nodiscard]] const FieldLines& accept_encoding() const noexcept { return accept_encoding_; }

  [[nodiscard]] bool has_authorization() const noexcept { return authorization_.count > 0; }

  /// Returns the token of `Authorization: Bearer TOKEN`, or nothing. Never log it.
  /// Source: RFC 6750, section 2.1.
  [[nodiscard]] std::optional<std::string_view> bearer_token() const noexcept;

  /// Returns the X-Request-Id, or nothing where it is absent, over 128 characters long, or holds
  /// what a log line could not carry: it is for echo and log alone.
  [[nodiscard]] std::string_view request_id() const noexcept;

  /// Returns the traceparent, or nothing where it is absent or malformed.
  /// Source: W3C Trace Context, section 3.2.
  [[nodiscard]] std::string_view traceparent() const noexcept;

 private:
  // A field that may come once.
  struct Single {
    std::string_view value{};
    std::uint8_t count = 0;
    void set(std::string_view text) noexcept {
      value = text;
      if (count < 2) ++count;
    }
  };

  void on_connection(std::string_view value) noexcept;
  void on_expect(std::string_view value) noexcept;
  void on_te(std::string_view value) noexcept;

  HeadGate gate_{};
  BodyFraming framing_{};
  std::string_view host_{};
  std::string_view accept_{};
  std::string_view bad_connection_{};
  std::string_view bad_expect_{};
  Single content_type_{};
  Single authorization_{};
  Single request_id_{};
  Single traceparent_{};
  FieldLines content_encoding_{};
  FieldLines accept_encoding_{};
  HttpVersion version_ = HttpVersion::http11;
  bool close_ = false;
  bool keep_alive_ = false;
  bool te_trailers_ = false;
  bool expect_continue_ = false;
  bool unknown_expectation_ = false;
  bool malformed_connection_ = false;
};

/// What a whole head says.
struct ReadHead {
  RawHead line{};
  RequestHead fields{};
};

/// Reads a head from its bytes: `scan_raw_head`, each field, `finish`. The whole of what is done
/// about a head, for callers that need no other parser.
/// Requires, Errors, Cost: as for `scan_raw_head` and `RequestHead::finish`.
[[nodiscard]] RequestResult<ReadHead> read_request_head(std::string_view head) noexcept;

}  // namespace frdpu::proto
