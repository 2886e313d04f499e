// A request head and what follows it: the scan, the fields, the gate. What is let through is
// checked against a second, naive reading of the same bytes. What is kept of it must be what
// reading says, with whatever follows the head in place of its Content-Length, too.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/field_syntax.h"
#include "proto/head_memo.h"
#include "proto/problem.h"
#include "proto/request_head.h"
#include "proto/response_head.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// How often a field's name starts a line, whatever stands around the name.
std::size_t lines_named(const std::string& head, std::string_view name) {
  std::size_t count = 0;
  for (std::size_t at = head.find(name); at != head.npos; at = head.find(name, at + 1)) {
    if (at > 0 && head[at - 1] == '\n' && head[at + name.size()] == ':') ++count;
  }
  return count;
}

void check_good(std::string_view head, const proto::ReadHead& read) {
  const std::string text = lower(head);
  // No line is folded, and none ends in anything but CRLF.
  for (std::size_t i = 0; i < text.size(); ++i) {
    require(text[i] != '\0');
    if (text[i] == '\n') require(i > 0 && text[i - 1] == '\r');
    if (text[i] == '\r') require(text[i + 1] == '\n');
    if (text[i] == '\n' && i + 1 < text.size()) require(text[i + 1] != ' ' && text[i + 1] != '\t');
  }
  const std::size_t lengths = lines_named(text, "content-length");
  const std::size_t transfers = lines_named(text, "transfer-encoding");
  const std::size_t hosts = lines_named(text, "host");
  require(hosts <= 1 && lengths <= 1 && (lengths == 0 || transfers == 0));
  if (read.fields.version() == proto::HttpVersion::http11) require(hosts == 1);
  if (read.fields.version() == proto::HttpVersion::http10) require(transfers == 0);
  require((read.fields.framing().kind == proto::BodyKind::chunked) == (transfers == 1));
  require((read.fields.framing().kind == proto::BodyKind::length) == (lengths == 1));
}

// Whether a head's Content-Length, where it has one, is short enough to be recalled.
bool head_has_short_length(const proto::ReadHead& read) {
  return read.fields.content_length().size() <= 18;
}

// What is recalled of a head must be what is read from it.
void check_recalled(proto::HeadMemo& memo, std::string_view head) {
  const proto::ReadHead* const known = memo.recall(head);
  if (known == nullptr) return;
  const auto read = proto::read_request_head(head);
  require(read.has_value(), "a bad head is recalled");
  require(known->line.method == read->line.method && known->line.target == read->line.target);
  require(known->line.version == read->line.version);
  const proto::RequestHead& kept = known->fields;
  const proto::RequestHead& fresh = read->fields;
  require(kept.framing().kind == fresh.framing().kind);
  require(kept.framing().length == fresh.framing().length);
  require(kept.version() == fresh.version() && kept.persistent() == fresh.persistent());
  require(kept.wants_continue() == fresh.wants_continue());
  require(kept.accepts_trailers() == fresh.accepts_trailers());
  require(kept.host() == fresh.host() && kept.accept() == fresh.accept());
  require(kept.content_type() == fresh.content_type() && kept.request_id() == fresh.request_id());
  require(kept.traceparent() == fresh.traceparent() && !fresh.has_authorization());
  require(std::ranges::equal(kept.content_encoding().lines(), fresh.content_encoding().lines()));
  require(std::ranges::equal(kept.accept_encoding().lines(), fresh.accept_encoding().lines()));
}

void check_memo(std::string_view head, std::string_view behind) {
  proto::HeadMemo memo;
  const std::string passing(head);
  const auto read = proto::read_request_head(memo.take(passing));
  require(read.has_value(), "a good head is not read twice");
  memo.keep(*read);
  const bool keeps = head.size() <= proto::HeadMemo::kMaxBytes && !read->fields.has_authorization();
  require((memo.recall(head) != nullptr) == (keeps && head_has_short_length(*read)));
  check_recalled(memo, head);
  check_recalled(memo, behind);
  std::string other(head);
  const std::string_view digits = read->fields.content_length();
  const std::size_t at = lower(head).find("content-length");
  if (at == std::string::npos || digits.empty()) return;
  other.replace(other.find(digits, at), digits.size(), behind);
  check_recalled(memo, other);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t skipped = proto::leading_empty_line_bytes(input);
  const std::size_t end = input.find("\r\n\r\n", skipped);
  const std::string_view head =
      end == input.npos ? input.substr(skipped) : input.substr(skipped, end + 4 - skipped);

  const auto read = proto::read_request_head(head);
  if (!read) {
    std::array<std::byte, proto::kMaxProblemBytes> out;
    require(proto::write_problem(out, read.error()) > 0);
    return 0;
  }
  check_good(head, *read);
  check_memo(head, input.substr(skipped + head.size()));
  // What is given back to the client cannot break its message.
  std::array<std::byte, proto::kMaxResponseHeadBytes> out;
  const std::size_t written =
      proto::write_response_head(out, {.framing = proto::ResponseFraming::none,
                                       .content_type = read->fields.content_type(),
                                       .request_id = read->fields.request_id()});
  const std::string_view response = core::as_text(core::Bytes(out).first(written));
  require(written > 0 && response.find("\r\n\r\n") + 4 == response.size());
  require(std::ranges::count(response, '\n') <= 5);
  (void)read->fields.bearer_token();
  (void)read->fields.traceparent();
  return 0;
}
