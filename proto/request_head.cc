#include "proto/request_head.h"

#include <algorithm>

#include "core/text.h"
#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr std::size_t kMaxRequestIdChars = 128;

constexpr bool is_lower_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_hex_part(std::string_view text, std::size_t at, std::size_t count) noexcept {
  return std::ranges::all_of(text.substr(at, count), is_lower_hex);
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == text.npos;
}

// version "-" trace-id "-" parent-id "-" flags: 2, 32, 16 and 2 hexadecimal digits.
bool is_traceparent(std::string_view text) noexcept {
  constexpr std::size_t kChars = 55;
  if (text.size() < kChars || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_hex_part(text, 0, 2) || !is_hex_part(text, 3, 32) || !is_hex_part(text, 36, 16) ||
      !is_hex_part(text, 53, 2)) {
    return false;
  }
  const std::string_view version = text.substr(0, 2);
  if (version == "ff" || is_zero(text.substr(3, 32)) || is_zero(text.substr(36, 16))) return false;
  // Later versions may say more behind another dash; this one may not.
  if (text.size() > kChars) return version != "00" && text[kChars] == '-' && text.size() <= 128;
  return true;
}

constexpr bool is_token68_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").contains(c);
}

}  // namespace

void FieldLines::add(std::string_view line) noexcept {
  if (count_ == kMaxLines) {
    overflowed_ = true;
    return;
  }
  lines_[count_++] = line;
}

void RequestHead::on_field(std::string_view name, std::string_view value) noexcept {
  gate_.on_field(name, value);
  const auto is = [name](std::string_view known) {
    return core::equals_ignoring_case(name, known);
  };
  switch (name.size()) {
    case 2:
      if (is("te")) on_te(value);
      return;
    case 4:
      if (is("host")) host_ = value;
      return;
    case 6:
      if (is("accept") && accept_.empty()) accept_ = value;
      if (is("expect")) on_expect(value);
      return;
    case 10:
      if (is("connection")) on_connection(value);
      return;
    case 11:
      if (is("traceparent")) traceparent_.set(value);
      return;
    case 12:
      if (is("content-type")) content_type_.set(value);
      if (is("x-request-id")) request_id_.set(value);
      return;
    case 13:
      if (is("authorization")) authorization_.set(value);
      return;
    case 15:
      if (is("accept-encoding")) accept_encoding_.add(value);
      return;
    case 16:
      if (is("content-encoding")) content_encoding_.add(value);
      return;
    default:
      return;
  }
}

void RequestHead::on_connection(std::string_view value) noexcept {
  ListElements list(value);
  while (const auto element = list.next()) {
    if (core::equals_ignoring_case(*element, "close")) {
      close_ = true;
    } else if (core::equals_ignoring_case(*element, "keep-alive")) {
      keep_alive_ = true;
    } else if (!element->empty() && !is_token(*element)) {
      malformed_connection_ = true;
      bad_connection_ = value;
    }
  }
}

void RequestHead::on_expect(std::string_view value) noexcept {
  ListElements list(value);
  while (const auto element = list.next()) {
    if (core::equals_ignoring_case(*element, "100-continue")) {
      expect_continue_ = true;
    } else if (!element->empty()) {
      unknown_expectation_ = true;
      bad_expect_ = value;
    }
  }
}

void RequestHead::on_te(std::string_view value) noexcept {
  ListElements list(value);
  while (const auto element = list.next()) {
    if (core::equals_ignoring_case(*element, "trailers")) te_trailers_ = true;
  }
}

RequestResult<BodyFraming> RequestHead::finish(HttpVersion version) noexcept {
  version_ = version;
  const auto framing = gate_.finish(version);
  if (!framing) return framing;
  framing_ = *framing;
  if (malformed_connection_) {
    return refuse(Errc::malformed_request, "The Connection field is not a list of tokens.",
                  "Connection", bad_connection_);
  }
  if (content_type_.count > 1) {
    return refuse(Errc::malformed_request, "There is more than one Content-Type field.",
                  "Content-Type");
  }
  if (content_type_.value.size() > kMaxContentTypeChars) {
    auto refusal = refuse(Errc::headers_too_large, "The Content-Type is too long.", "Content-Type");
    refusal.error().error.limit = kMaxContentTypeChars;
    refusal.error().fixed_limit = true;
    refusal.error().error.observed = content_type_.value.size();
    return refusal;
  }
  if (authorization_.count > 1) {
    return refuse(Errc::malformed_request, "There is more than one Authorization field.",
                  "Authorization");
  }
  for (const auto& [name, lines] : {std::pair{"Content-Encoding", &content_encoding_},
                                    std::pair{"Accept-Encoding", &accept_encoding_}}) {
    if (!lines->overflowed()) continue;
    auto refusal = refuse(Errc::headers_too_large, "A list field comes in too many lines.", name);
    refusal.error().error.limit = FieldLines::kMaxLines;
    refusal.error().fixed_limit = true;
    return refusal;
  }
  if (version == HttpVersion::http11 && unknown_expectation_) {
    return refuse(Errc::expectation_failed, "Only the expectation 100-continue can be met.",
                  "Expect", bad_expect_);
  }
  return framing_;
}

bool RequestHead::persistent() const noexcept {
  return !close_ && (version_ == HttpVersion::http11 || keep_alive_);
}

bool RequestHead::wants_continue() const noexcept {
  return expect_continue_ && version_ == HttpVersion::http11 && framing_.has_body();
}

std::optional<std::string_view> RequestHead::bearer_token() const noexcept {
  constexpr std::string_view kScheme = "bearer";
  const std::string_view value = authorization_.value;
  if (value.size() <= kScheme.size() || value[kScheme.size()] != ' ' ||
      !core::equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  const std::string_view token = trim(value.substr(kScheme.size()));
  if (token.empty() || !std::ranges::all_of(token, is_token68_char)) return std::nullopt;
  return token;
}

std::string_view RequestHead::request_id() const noexcept {
  const std::string_view id = request_id_.value;
  if (request_id_.count != 1 || id.size() > kMaxRequestIdChars) return {};
  const auto is_loggable = [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  return std::ranges::all_of(id, is_loggable) ? id : std::string_view{};
}

std::string_view RequestHead::traceparent() const noexcept {
  if (traceparent_.count != 1 || !is_traceparent(traceparent_.value)) return {};
  return traceparent_.value;
}

RequestResult<ReadHead> read_request_head(std::string_view head) noexcept {
  ReadHead result;
  const auto raw = scan_raw_head(head);
  if (!raw) return std::unexpected(raw.error());
  result.line = *raw;
  std::string_view fields = raw->fields;
  while (const auto field = next_field(fields)) result.fields.on_field(field->name, field->value);
  const auto framing = result.fields.finish(raw->version);
  if (!framing) return std::unexpected(framing.error());
  return result;
}

}  // namespace frdpu::proto
