#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "proto/request_head.h"

/// Beast's parser with our ears: the one place that knows Beast and `proto` both. It keeps no
/// fields of its own; a head's facts go to `proto::RequestHead`, chunk data to a sink.
namespace frdpu::server {

/// Takes the data of chunks. Returns how much of it was taken.
class ChunkSink {
 public:
  [[nodiscard]] virtual std::size_t take_chunk_data(core::Bytes data) noexcept = 0;

 protected:
  ~ChunkSink() = default;
};

/// Parses one request. Life: made anew for every request; one `parse_head`, then, for chunked
/// bodies, `parse_chunks` until `is_done`.
/// Ownership: `head` keeps views into the text that `parse_head` was given. Cost: no allocation.
class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  RequestParser(proto::RequestHead& head, ChunkSink& sink) noexcept;

  /// Parses a whole head, its empty line included.
  /// Errors: malformed_request, http_version_not_supported.
  [[nodiscard]] core::Result<void> parse_head(std::string_view text) noexcept;

  /// Parses chunk framing as far as it is whole and the sink takes data. Trailer fields are
  /// dropped. Returns: bytes consumed; 0 says that the next line is not whole yet.
  /// Errors: malformed_request.
  [[nodiscard]] core::Result<std::size_t> parse_chunks(core::Bytes bytes) noexcept;

  /// True behind the last chunk and its trailer.
  [[nodiscard]] bool is_done() const noexcept { return done_; }

 private:
  using Base = boost::beast::http::basic_parser<true>;
  using ErrorCode = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                       ErrorCode&) override {}
  void on_response_impl(int, string_view, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                     ErrorCode&) override;
  void on_header_impl(ErrorCode&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(string_view, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view data, ErrorCode&) override;
  void on_finish_impl(ErrorCode&) override { done_ = true; }

  proto::RequestHead& head_;
  ChunkSink& sink_;
  bool head_done_ = false;
  bool done_ = false;
};

}  // namespace frdpu::server
