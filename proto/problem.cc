#include "proto/problem.h"

#include <array>

#include "proto/json_writer.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr std::string_view kTypePrefix = "urn:frdpu:problem:";

// In the order of API.md's table. `missing_dictionary` has the name of `unknown_dictionary`;
// three codes are `body_too_large`, each with its own limit.
constexpr std::array kProblems = {
    ProblemInfo{Errc::unknown_coding, 400, "unknown_coding", "Unknown coding"},
    ProblemInfo{Errc::invalid_level, 400, "invalid_level", "Invalid level"},
    ProblemInfo{Errc::invalid_window, 400, "invalid_window", "Invalid window"},
    ProblemInfo{Errc::invalid_parameter, 400, "invalid_parameter", "Invalid parameter"},
    ProblemInfo{Errc::unknown_parameter, 400, "unknown_parameter", "Unknown parameter"},
    ProblemInfo{Errc::conflicting_coding, 400, "conflicting_coding", "Conflicting codings"},
    ProblemInfo{Errc::malformed_request, 400, "malformed_request", "Malformed request", true},
    ProblemInfo{Errc::malformed_frames, 400, "malformed_frames", "Malformed frames"},
    ProblemInfo{Errc::empty_input, 400, "empty_input", "Empty input"},
    ProblemInfo{Errc::unauthorized, 401, "unauthorized", "Unauthorized"},
    ProblemInfo{Errc::not_found, 404, "not_found", "Not found"},
    ProblemInfo{Errc::unknown_dictionary, 404, "unknown_dictionary", "Unknown dictionary"},
    ProblemInfo{Errc::method_not_allowed, 405, "method_not_allowed", "Method not allowed"},
    ProblemInfo{Errc::not_acceptable, 406, "not_acceptable", "Not acceptable"},
    ProblemInfo{Errc::request_timeout, 408, "request_timeout", "Request timeout", true},
    ProblemInfo{Errc::uri_too_long, 414, "uri_too_long", "URI too long", true, 0,
                "--max-header-bytes"},
    ProblemInfo{Errc::expectation_failed, 417, "expectation_failed", "Expectation failed"},
    ProblemInfo{Errc::body_too_large, 413, "body_too_large", "Body too large", false, 0,
                "--max-body-bytes"},
    ProblemInfo{Errc::output_limit_exceeded, 413, "output_limit_exceeded", "Output limit exceeded",
                false, 0, "--max-output-bytes"},
    ProblemInfo{Errc::ratio_limit_exceeded, 413, "ratio_limit_exceeded", "Ratio limit exceeded",
                false, 0, "--max-ratio"},
    ProblemInfo{Errc::window_too_large, 413, "window_too_large", "Window too large", false, 0,
                "--max-window-bytes"},
    ProblemInfo{Errc::frame_limit_exceeded, 413, "frame_limit_exceeded", "Frame limit exceeded",
                false, 0, "--max-frames"},
    ProblemInfo{Errc::dictionaries_too_large, 413, "body_too_large", "Body too large", false, 0,
                "--dictionary-bytes"},
    ProblemInfo{Errc::fixed_limit_exceeded, 413, "body_too_large", "Body too large"},
    ProblemInfo{Errc::unsupported_coding, 415, "unsupported_coding", "Unsupported coding"},
    ProblemInfo{Errc::corrupt_input, 422, "corrupt_input", "Corrupt input"},
    ProblemInfo{Errc::truncated_input, 422, "truncated_input", "Truncated input"},
    ProblemInfo{Errc::trailing_data, 422, "trailing_data", "Trailing data"},
    ProblemInfo{Errc::checksum_mismatch, 422, "checksum_mismatch", "Checksum mismatch"},
    ProblemInfo{Errc::missing_dictionary, 422, "unknown_dictionary", "Unknown dictionary"},
    ProblemInfo{Errc::too_few_samples, 422, "too_few_samples", "Too few samples"},
    ProblemInfo{Errc::headers_too_large, 431, "headers_too_large", "Headers too large", true, 0,
                "--max-header-bytes"},
    ProblemInfo{Errc::not_configured, 501, "not_configured", "Not configured"},
    ProblemInfo{Errc::unsupported_transfer_coding, 501, "unsupported_transfer_coding",
                "Unsupported transfer coding", true},
    ProblemInfo{Errc::pool_exhausted, 503, "pool_exhausted", "Pool exhausted", false, 1,
                "--pool-64k-blocks"},
    ProblemInfo{Errc::overloaded, 503, "overloaded", "Overloaded", false, 1},
    ProblemInfo{Errc::draining, 503, "draining", "Draining", true, 5},
    ProblemInfo{Errc::cpu_limit_exceeded, 503, "cpu_limit_exceeded", "CPU limit exceeded", false,
                30, "--max-cpu-seconds"},
    ProblemInfo{Errc::http_version_not_supported, 505, "http_version_not_supported",
                "HTTP version not supported", true},
    ProblemInfo{Errc::internal_error, 500, "internal_error", "Internal error"},
};

// What of an outside text is repeated, so that a body stays small and a terminal safe.
constexpr std::size_t kMaxNameChars = 32;
constexpr std::size_t kMaxValueChars = 64;
constexpr std::size_t kMaxDetailChars = 240;

void write_outside_text(JsonWriter& json, std::string_view text, std::size_t max_chars) noexcept {
  for (const char c : text.substr(0, max_chars)) {
    const char shown = c >= 0x20 && c < 0x7F ? c : '?';
    json.string_part(std::string_view(&shown, 1));
  }
  if (text.size() > max_chars) json.string_part("...");
}

// "The value is outside its range: level=12. gzip takes 1 to 9."
void write_detail(JsonWriter& json, const ProblemInfo& info, const RequestError& error,
                  std::string_view sentence) noexcept {
  while (sentence.ends_with('.')) sentence.remove_suffix(1);
  json.string_part(sentence.substr(0, kMaxDetailChars));
  if (!error.parameter.empty() || !error.value.empty()) {
    json.string_part(": ");
    write_outside_text(json, error.parameter, kMaxNameChars);
    if (!error.parameter.empty() && !error.value.empty()) json.string_part("=");
    write_outside_text(json, error.value, kMaxValueChars);
  }
  json.string_part(".");
  const std::string_view flag = error.flag.empty() ? info.flag : error.flag;
  if (error.bounds) {
    json.string_part(" ");
    json.string_part(error.subject.empty() ? "It" : error.subject);
    json.string_part(" takes ");
    json.string_part(error.bounds->min);
    json.string_part(" to ");
    json.string_part(error.bounds->max);
    json.string_part(".");
  } else if (error.error.limit) {
    json.string_part(" The limit is ");
    json.string_part(*error.error.limit);
    if (error.error.observed) {
      json.string_part(", this is ");
      json.string_part(*error.error.observed);
    }
    json.string_part(".");
  } else if (error.error.observed && error.error.code == Errc::missing_dictionary) {
    json.string_part(" Its id is ");
    json.string_part(*error.error.observed);
    json.string_part(".");
  }
  if (!flag.empty() && !error.fixed_limit) {
    json.string_part(" The limit is set by ");
    json.string_part(flag);
    json.string_part(".");
  }
}

}  // namespace

std::span<const ProblemInfo> all_problems() noexcept {
  return kProblems;
}

const ProblemInfo& problem_info(Errc code) noexcept {
  for (const ProblemInfo& row : kProblems) {
    if (row.code == code) return row;
  }
  return kProblems.back();
}

bool is_limit_hit(const RequestError& error) noexcept {
  const unsigned status = problem_info(error.error.code).status;
  return status == 408 || status == 413 || status == 414 || status == 431 || status == 503 ||
         error.error.limit.has_value();
}

std::size_t write_problem(core::MutableBytes out, const RequestError& error) noexcept {
  const ProblemInfo& info = problem_info(error.error.code);
  // An error from inside says nothing of itself: it is for the log.
  const bool inside = info.code == Errc::internal_error;
  std::string_view sentence = error.error.detail == nullptr ? "" : error.error.detail;
  if (inside || sentence.empty()) sentence = core::describe(info.code);

  JsonWriter json(out);
  json.begin_object();
  json.key("type");
  json.begin_string();
  json.string_part(kTypePrefix);
  json.string_part(info.name);
  json.end_string();
  json.member("title", info.title);
  json.member("status", std::uint64_t{info.status});
  json.key("detail");
  json.begin_string();
  write_detail(json, info, inside ? RequestError{} : error, sentence);
  json.end_string();
  json.member("code", info.name);
  if (!inside) {
    if (error.error.limit) json.member("limit", *error.error.limit);
    if (error.error.observed) json.member("observed", *error.error.observed);
    if (error.error.offset) json.member("offset", *error.error.offset);
  }
  json.end_object();
  return json.size();
}

std::size_t write_problem(core::MutableBytes out, const core::Error& error) noexcept {
  return write_problem(out, RequestError{.error = error});
}

}  // namespace frdpu::proto
