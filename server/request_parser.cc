#include "server/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <limits>

namespace frdpu::server {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

// Beast's parser with our ears: it keeps no fields of its own.
class HeadParser final : private http::basic_parser<true> {
 public:
  explicit HeadParser(proto::RequestHead& head) noexcept : head_(head) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // ours was checked before
    body_limit(boost::none);
  }

  // Returns whether the text is one whole head.
  bool parse(std::string_view text, ErrorCode& error) noexcept {
    const std::size_t used = put(boost::asio::const_buffer(text.data(), text.size()), error);
    return (!error || error == http::error::need_more) && done_ && used == text.size();
  }

 private:
  void on_request_impl(http::verb, string_view, string_view, int, ErrorCode&) override {}
  void on_response_impl(int, string_view, int, ErrorCode&) override {}
  void on_field_impl(http::field, string_view name, string_view value, ErrorCode&) override {
    head_.on_field({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(ErrorCode&) override { done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(string_view, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  proto::RequestHead& head_;
  bool done_ = false;
};

}  // namespace

core::Result<void> parse_request_head(std::string_view text, proto::RequestHead& head) noexcept {
  ErrorCode error;
  HeadParser parser(head);
  if (parser.parse(text, error)) return {};
  if (error == http::error::bad_version) return core::fail(core::Errc::http_version_not_supported);
  return core::fail(core::Errc::malformed_request, "the request head breaks HTTP syntax");
}

}  // namespace frdpu::server
