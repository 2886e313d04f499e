#include "core/error.h"

#include <array>

namespace frdpu::core {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  std::string_view meaning;
};

// `missing_dictionary` carries the API's name too: there the status tells the two apart. So do the
// two that are `body_too_large`: there the flag does, or that there is none.
constexpr std::array kRows = {
    Row{Errc::unknown_coding, "unknown_coding", "There is no coding of that name."},
    Row{Errc::invalid_level, "invalid_level", "The level is outside the coding's range."},
    Row{Errc::invalid_window, "invalid_window", "The window is outside the coding's range."},
    Row{Errc::invalid_parameter, "invalid_parameter",
        "A parameter does not have a value that fits."},
    Row{Errc::unknown_parameter, "unknown_parameter", "There is no parameter of that name."},
    Row{Errc::conflicting_coding, "conflicting_coding",
        "Two source codings were named and they disagree."},
    Row{Errc::malformed_request, "malformed_request", "The request breaks the rules of HTTP."},
    Row{Errc::malformed_frames, "malformed_frames", "The framing of the items is broken."},
    Row{Errc::empty_input, "empty_input", "There are no bytes to look at."},
    Row{Errc::unauthorized, "unauthorized", "A valid token is needed."},
    Row{Errc::not_found, "not_found", "There is nothing at that path."},
    Row{Errc::unknown_dictionary, "unknown_dictionary",
        "There is no dictionary of that name or id."},
    Row{Errc::method_not_allowed, "method_not_allowed", "The path does not take that method."},
    Row{Errc::not_acceptable, "not_acceptable",
        "None of the codings the client accepts can be sent."},
    Row{Errc::request_timeout, "request_timeout", "The request did not arrive in time."},
    Row{Errc::uri_too_long, "uri_too_long", "The request line is too long."},
    Row{Errc::expectation_failed, "expectation_failed",
        "Only the expectation 100-continue can be met."},
    Row{Errc::unsupported_coding, "unsupported_coding",
        "The body's coding is not one that is taken."},
    Row{Errc::headers_too_large, "headers_too_large", "The header fields are too long."},
    Row{Errc::unsupported_transfer_coding, "unsupported_transfer_coding",
        "Only the transfer coding chunked is understood."},
    Row{Errc::http_version_not_supported, "http_version_not_supported",
        "Only HTTP/1.0 and HTTP/1.1 are spoken."},
    Row{Errc::not_configured, "not_configured", "The operator has not switched this on."},
    Row{Errc::body_too_large, "body_too_large", "The body is longer than the limit."},
    Row{Errc::output_limit_exceeded, "output_limit_exceeded",
        "The result is longer than the limit."},
    Row{Errc::ratio_limit_exceeded, "ratio_limit_exceeded",
        "The input expands more than the limit allows."},
    Row{Errc::window_too_large, "window_too_large",
        "Decoding needs a larger window than the limit allows."},
    Row{Errc::cpu_limit_exceeded, "cpu_limit_exceeded", "The request used up its CPU time."},
    Row{Errc::frame_limit_exceeded, "frame_limit_exceeded",
        "The input has more frames or members than the limit allows."},
    Row{Errc::dictionaries_too_large, "body_too_large",
        "The stored dictionaries would take more than the limit."},
    Row{Errc::fixed_limit_exceeded, "body_too_large", "The body holds more than is taken."},
    Row{Errc::corrupt_input, "corrupt_input", "The input breaks its format."},
    Row{Errc::truncated_input, "truncated_input", "The input ends before its frame does."},
    Row{Errc::trailing_data, "trailing_data",
        "There are bytes after the end of the compressed data."},
    Row{Errc::checksum_mismatch, "checksum_mismatch", "The checksum does not match the data."},
    Row{Errc::missing_dictionary, "unknown_dictionary",
        "The frame needs a dictionary that is not here."},
    Row{Errc::too_few_samples, "too_few_samples", "Training needs more samples."},
    Row{Errc::invalid_utf8, "invalid_utf8", "The bytes are not UTF-8 text."},
    Row{Errc::pool_exhausted, "pool_exhausted", "A memory pool has nothing left."},
    Row{Errc::overloaded, "overloaded", "The service has more work than it can queue."},
    Row{Errc::draining, "draining", "The service is about to stop."},
    Row{Errc::invalid_size, "invalid_size", "The size is zero or too large."},
    Row{Errc::foreign_block, "foreign_block", "The block belongs to another pool."},
    Row{Errc::double_release, "double_release", "The block was given back before."},
    Row{Errc::configuration, "configuration", "A setting cannot work."},
    Row{Errc::io_error, "io_error", "The operating system refused."},
    Row{Errc::internal_error, "internal_error", "Something inside went wrong."},
};

const Row* find(Errc code) noexcept {
  for (const Row& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view to_string(Errc code) noexcept {
  const Row* row = find(code);
  return row ? row->name : "internal_error";
}

std::string_view describe(Errc code) noexcept {
  const Row* row = find(code);
  return row ? row->meaning : "Something inside went wrong.";
}

}  // namespace frdpu::core
