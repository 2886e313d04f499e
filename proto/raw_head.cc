#include "proto/raw_head.h"

#include <algorithm>

#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr std::string_view kLineEnd = "\r\n";

std::unexpected<RequestError> malformed(const char* detail, std::size_t offset,
                                        std::string_view parameter = {},
                                        std::string_view value = {}) noexcept {
  auto refusal = refuse(Errc::malformed_request, detail, parameter, value);
  refusal.error().error.offset = offset;
  return refusal;
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// HTTP-version = "HTTP/" DIGIT "." DIGIT
bool is_version(std::string_view text) noexcept {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

RequestResult<void> read_request_line(std::string_view line, RawHead& head) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last) {
    return malformed("The request line is not method, target and version.", 0);
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method)) return malformed("The method is not a token.", 0);
  if (head.target.empty() || head.target.contains(' ') || head.target.contains('\t')) {
    return malformed("The request target is empty or holds white space.", first + 1);
  }
  if (!is_version(version)) {
    return malformed("The request line does not end in an HTTP version.", last + 1);
  }
  if (version == "HTTP/1.1") {
    head.version = HttpVersion::http11;
  } else if (version == "HTTP/1.0") {
    head.version = HttpVersion::http10;
  } else {
    return refuse(Errc::http_version_not_supported, "Only HTTP/1.0 and HTTP/1.1 are spoken.",
                  "version", version);
  }
  return {};
}

// Returns what is wrong with a field line as a literal, or nullptr. `name` is set where it may be
// repeated to the client.
const char* check_field_line(std::string_view line, std::string_view& name) noexcept {
  if (line.front() == ' ' || line.front() == '\t') return "A header line is folded or indented.";
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return "A header line has no colon.";
  if (colon == 0) return "A header field has no name.";
  const std::string_view before = line.substr(0, colon);
  if (is_token(before)) {
    name = before;
    return nullptr;
  }
  if (is_token(trim(before))) return "There is white space in front of a header line's colon.";
  return "A header field's name holds a character that no name may hold.";
}

}  // namespace

std::size_t leading_empty_line_bytes(std::string_view input) noexcept {
  return input.starts_with(kLineEnd) ? kLineEnd.size() : 0;
}

RequestResult<RawHead> scan_raw_head(std::string_view head) noexcept {
  RawHead result;
  std::size_t begin = 0;
  std::size_t fields_begin = 0;
  bool ended = false;
  while (begin < head.size()) {
    if (ended) return malformed("There are bytes behind the head.", begin);
    const std::size_t end = head.find('\n', begin);
    if (end == head.npos) return malformed("The head's last line has no end.", begin);
    const std::string_view with_cr = head.substr(begin, end - begin);
    if (!with_cr.ends_with('\r')) return malformed("A line ends in a bare LF.", end);
    const std::string_view line = with_cr.substr(0, with_cr.size() - 1);
    const std::size_t control = find_control(line);
    if (control != line.npos) {
      return malformed("The head holds a control character.", begin + control);
    }
    if (begin == 0) {
      if (line.empty()) return malformed("The request line is empty.", 0);
      const auto read = read_request_line(line, result);
      if (!read) return std::unexpected(read.error());
      fields_begin = end + 1;
    } else if (line.empty()) {
      ended = true;
      result.fields = head.substr(fields_begin, begin - fields_begin);
    } else {
      std::string_view name;
      if (const char* wrong = check_field_line(line, name)) return malformed(wrong, begin, name);
    }
    begin = end + 1;
  }
  if (!ended) return malformed("The head has no empty line at its end.", head.size());
  return result;
}

std::optional<Field> next_field(std::string_view& fields) noexcept {
  const std::size_t end = fields.find('\n');
  if (end == fields.npos || end == 0) return std::nullopt;
  const std::string_view line = fields.substr(0, end - 1);  // the scan saw the CR
  fields.remove_prefix(end + 1);
  const std::size_t colon = std::min(line.find(':'), line.size());
  return Field{.name = line.substr(0, colon),
               .value = trim(line.substr(std::min(colon + 1, line.size())))};
}

}  // namespace frdpu::proto
