#include "proto/response_head.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "proto/content_coding.h"
#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

struct Reason {
  std::uint16_t status;
  std::string_view phrase;
};

// Every status of API.md. Source of the phrases: RFC 9110, section 15; RFC 6585.
constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{204, "No Content"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{503, "Service Unavailable"},
    Reason{505, "HTTP Version Not Supported"},
};

// The largest integer of a structured field. Source: RFC 9651, section 3.3.1.
constexpr std::uint64_t kMaxFieldInteger = 999'999'999'999'999;

constexpr std::string_view kLineEnd = "\r\n";

// What we made ourselves.
void put_known(TextWriter& text, std::string_view name, std::string_view value) noexcept {
  if (value.empty()) return;
  text.put(name);
  text.put(": ");
  text.put(value);
  text.put(kLineEnd);
}

// What may come from somewhere else: left out where it would change the message around it.
void put_field(TextWriter& text, std::string_view name, std::string_view value) noexcept {
  if (is_field_value(value)) put_known(text, name, value);
}

void put_integer(TextWriter& text, std::uint64_t value) noexcept {
  text.put_number(std::min(value, kMaxFieldInteger));
}

void put_stats(TextWriter& text, const CompressionStats& stats) noexcept {
  text.put("Compression-Stats: coding=");
  text.put(core::to_string(stats.coding));
  if (stats.level) {
    text.put(", level=");
    put_integer(text, static_cast<std::uint64_t>(std::max(*stats.level, 0)));
  }
  text.put(", in=");
  put_integer(text, stats.in);
  text.put(", out=");
  put_integer(text, stats.out);
  text.put(kLineEnd);
}

// Milliseconds with three decimals: microseconds are what can be told apart.
void put_milliseconds(TextWriter& text, std::chrono::nanoseconds time) noexcept {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  const auto digit = [micros](std::uint64_t place) {
    return static_cast<char>('0' + micros / place % 10);
  };
  text.put_number(micros / 1000);
  const char decimals[] = {'.', digit(100), digit(10), digit(1)};
  text.put(std::string_view(decimals, sizeof decimals));
}

void put_timing(TextWriter& text, const ServerTiming& timing) noexcept {
  text.put("Server-Timing: queue;dur=");
  put_milliseconds(text, timing.queue);
  text.put(", codec;dur=");
  put_milliseconds(text, timing.codec);
  text.put(kLineEnd);
}

void put_status_line(TextWriter& text, std::uint16_t status) noexcept {
  text.put("HTTP/1.1 ");
  text.put_number(status);
  text.put(' ');
  text.put(reason_phrase(status));
  text.put(kLineEnd);
}

void put_framing(TextWriter& text, const ResponseHead& head) noexcept {
  switch (head.framing) {
    case ResponseFraming::length:
      text.put("Content-Length: ");
      text.put_number(head.content_length);
      text.put(kLineEnd);
      break;
    case ResponseFraming::chunked:
      assert(head.version == HttpVersion::http11);
      text.put("Transfer-Encoding: chunked\r\n");
      break;
    case ResponseFraming::none:
    case ResponseFraming::until_close:
      break;
  }
}

void put_connection(TextWriter& text, const ResponseHead& head) noexcept {
  if (head.close || head.framing == ResponseFraming::until_close) {
    text.put("Connection: close\r\n");
  } else if (head.version == HttpVersion::http10) {
    text.put("Connection: keep-alive\r\n");
  }
}

// The fields that tell a refused client what would be taken.
void put_refusal_fields(TextWriter& text, const ResponseHead& head) noexcept {
  if (head.allow) {
    text.put("Allow: ");
    text.put(allow_text(*head.allow).view());
    text.put(kLineEnd);
  }
  if (head.accept_encoding) put_known(text, "Accept-Encoding", accepted_codings());
  if (head.authenticate) text.put("WWW-Authenticate: Bearer realm=\"frdpu\"\r\n");
  if (head.retry_after_seconds > 0) {
    text.put("Retry-After: ");
    text.put_number(head.retry_after_seconds);
    text.put(kLineEnd);
  }
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) noexcept {
  for (const Reason& row : kReasons) {
    if (row.status == status) return row.phrase;
  }
  return "Unknown";
}

std::size_t write_response_head(core::MutableBytes out, const ResponseHead& head) noexcept {
  TextWriter text(out);
  put_status_line(text, head.status);
  put_known(text, "Date", head.date);
  put_field(text, "Content-Type", head.content_type);
  put_framing(text, head);
  if (head.content_encoding && *head.content_encoding != core::Coding::identity) {
    put_known(text, "Content-Encoding", core::to_string(*head.content_encoding));
  }
  if (head.vary) text.put("Vary: Accept-Encoding\r\n");
  if (head.nosniff) text.put("X-Content-Type-Options: nosniff\r\n");
  if (head.stats) put_stats(text, *head.stats);
  if (head.timing) put_timing(text, *head.timing);
  if (head.announce_trailers) text.put("Trailer: Compression-Stats, Server-Timing\r\n");
  put_refusal_fields(text, head);
  put_field(text, "Location", head.location);
  put_field(text, "X-Request-Id", head.request_id);
  for (const Field& field : head.extra) {
    if (is_token(field.name)) put_field(text, field.name, field.value);
  }
  put_connection(text, head);
  text.put(kLineEnd);
  return text.size_if_whole();
}

std::size_t write_chunk_line(core::MutableBytes out, std::size_t size) noexcept {
  assert(size > 0);
  TextWriter text(out);
  text.put_number(size, 16);
  text.put(kLineEnd);
  return text.size_if_whole();
}

std::size_t write_last_chunk(core::MutableBytes out, const std::optional<CompressionStats>& stats,
                             const std::optional<ServerTiming>& timing) noexcept {
  TextWriter text(out);
  text.put("0\r\n");
  if (stats) put_stats(text, *stats);
  if (timing) put_timing(text, *timing);
  text.put(kLineEnd);
  return text.size_if_whole();
}

}  // namespace frdpu::proto
