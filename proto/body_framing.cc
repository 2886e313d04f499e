#include "proto/body_framing.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr std::string_view kHost = "host";
constexpr std::string_view kContentLength = "content-length";
constexpr std::string_view kTransferEncoding = "transfer-encoding";

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// reg-name without the comma, which no host's name has and two joined Host lines do have.
constexpr CharSet kHostChars([](char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("-._~%!$&'()*+;=").contains(c);
});

constexpr bool is_address_char(char c) noexcept {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || is_digit(c) || c == ':' || c == '.';
}

}  // namespace

bool is_host(std::string_view text) noexcept {
  if (text.empty()) return true;
  std::size_t end = 0;
  if (text.front() == '[') {
    end = text.find(']');
    if (end == text.npos || end == 1) return false;
    if (!std::ranges::all_of(text.substr(1, end - 1), is_address_char)) return false;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (end == 0 || !kHostChars.contains_all_of(text.substr(0, end))) return false;
  }
  const std::string_view port = text.substr(end);
  return port.empty() || (port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

void HeadGate::on_field(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case kHost.size():
      if (!core::equals_ignoring_case(name, kHost)) return;
      host_ = value;
      if (hosts_ < 2) ++hosts_;
      return;
    case kContentLength.size():
      if (core::equals_ignoring_case(name, kContentLength)) on_content_length(value);
      return;
    case kTransferEncoding.size():
      if (core::equals_ignoring_case(name, kTransferEncoding)) on_transfer_encoding(value);
      return;
    default:
      return;
  }
}

void HeadGate::on_content_length(std::string_view value) noexcept {
  content_length_ = value;
  if (content_lengths_ < 2) ++content_lengths_;
  if (value.empty() || !std::ranges::all_of(value, is_digit)) {
    length_state_ = Number::malformed;
    return;
  }
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length_);
  if (error != std::errc{}) length_state_ = Number::too_large;
}

void HeadGate::on_transfer_encoding(std::string_view value) noexcept {
  has_transfer_encoding_ = true;
  if (!broken_transfer_encoding_) transfer_encoding_ = value;
  ListElements list(value);
  while (const auto element = list.next()) {
    const std::string_view coding = without_parameters(*element);
    const bool chunked = core::equals_ignoring_case(coding, "chunked");
    // Empty elements are legal in lists, but readers differ about them, so they are refused too.
    if (!is_token(coding) || (chunked && (chunked_seen_ || coding != *element))) {
      broken_transfer_encoding_ = true;
    }
    chunked_seen_ = chunked_seen_ || chunked;
    chunked_last_ = chunked;
    other_coding_ = other_coding_ || !chunked;
  }
}

RequestResult<void> HeadGate::check_host(HttpVersion version) const noexcept {
  if (hosts_ > 1) {
    return refuse(Errc::malformed_request, "There is more than one Host field.", "Host");
  }
  if (hosts_ == 0 && version == HttpVersion::http11) {
    return refuse(Errc::malformed_request, "HTTP/1.1 requires a Host field.", "Host");
  }
  if (!is_host(host_)) {
    return refuse(Errc::malformed_request, "The Host field does not name a host.", "Host", host_);
  }
  return {};
}

RequestResult<void> HeadGate::check_transfer_encoding(HttpVersion version) const noexcept {
  const auto wrong = [this](Errc code, const char* detail) {
    return refuse(code, detail, "Transfer-Encoding", transfer_encoding_);
  };
  if (version == HttpVersion::http10) {
    return wrong(Errc::malformed_request, "HTTP/1.0 has no Transfer-Encoding.");
  }
  if (content_lengths_ > 0) {
    return wrong(Errc::malformed_request,
                 "Transfer-Encoding and Content-Length exclude each other.");
  }
  if (broken_transfer_encoding_) {
    return wrong(Errc::malformed_request, "The Transfer-Encoding is malformed.");
  }
  if (!chunked_last_) {
    return wrong(Errc::malformed_request, "The last transfer coding of a request must be chunked.");
  }
  if (other_coding_) {
    return wrong(Errc::unsupported_transfer_coding,
                 "Only the transfer coding chunked is understood.");
  }
  return {};
}

RequestResult<BodyFraming> HeadGate::finish(HttpVersion version) const noexcept {
  if (const auto host = check_host(version); !host) return std::unexpected(host.error());
  if (has_transfer_encoding_) {
    const auto coding = check_transfer_encoding(version);
    if (!coding) return std::unexpected(coding.error());
    return BodyFraming{.kind = BodyKind::chunked};
  }
  if (content_lengths_ == 0) return BodyFraming{};
  if (content_lengths_ > 1) {
    return refuse(Errc::malformed_request, "There is more than one Content-Length field.",
                  "Content-Length");
  }
  switch (length_state_) {
    case Number::ok:
      return BodyFraming{.kind = BodyKind::length, .length = length_};
    case Number::malformed:
      return refuse(Errc::malformed_request, "The Content-Length is not a whole number.",
                    "Content-Length", content_length_);
    case Number::too_large:
      break;
  }
  return refuse(Errc::body_too_large, "The Content-Length is larger than any body can be.",
                "Content-Length", content_length_);
}

}  // namespace frdpu::proto
