#include "server/request_parser.h"

#include <limits>

namespace frdpu::server {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

}  // namespace

RequestParser::RequestParser(proto::RequestHead& head, ChunkSink& sink) noexcept
    : head_(head), sink_(sink) {
  // The service has limits of its own, checked before Beast sees a byte. Step by step parsing
  // lets the sink refuse data without a loop inside the parser.
  header_limit(std::numeric_limits<std::uint32_t>::max());
  body_limit(boost::none);
  eager(false);
}

core::Result<void> RequestParser::parse_head(std::string_view text) noexcept {
  ErrorCode error;
  const std::size_t used = put(boost::asio::const_buffer(text.data(), text.size()), error);
  if (error == http::error::bad_version) return core::fail(core::Errc::http_version_not_supported);
  if (error && error != http::error::need_more) {
    return core::fail(core::Errc::malformed_request, "the request head breaks HTTP syntax");
  }
  if (!head_done_ || used != text.size()) {
    return core::fail(core::Errc::malformed_request, "the request head breaks HTTP syntax");
  }
  return {};
}

core::Result<std::size_t> RequestParser::parse_chunks(core::Bytes bytes) noexcept {
  std::size_t used = 0;
  while (used < bytes.size() && !done_) {
    ErrorCode error;
    const core::Bytes rest = bytes.subspan(used);
    const std::size_t step = put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    used += step;
    if (error && error != http::error::need_more) {
      return core::fail(core::Errc::malformed_request, "the chunked body breaks its framing");
    }
    if (step == 0) break;
  }
  return used;
}

void RequestParser::on_field_impl(http::field, string_view name, string_view value, ErrorCode&) {
  if (!head_done_) head_.on_field(view(name), view(value));  // what comes later is a trailer
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view data, ErrorCode&) {
  return sink_.take_chunk_data(core::as_bytes(view(data)));
}

}  // namespace frdpu::server
