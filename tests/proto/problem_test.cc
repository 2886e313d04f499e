#include "proto/problem.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace frdpu::proto {
namespace {

using core::Errc;
using nlohmann::json;

json body_of(const RequestError& error) {
  std::array<std::byte, kMaxProblemBytes> out;
  const std::size_t size = write_problem(out, error);
  return json::parse(core::as_text(core::Bytes(out).first(size)), nullptr, false);
}

struct Row {
  Errc code;
  int status;
  const char* name;
  bool closes = false;
  bool retry = false;
  const char* flag = "";
};

// One row for every code there is. Source: API.md, "Errors".
const Row kRows[] = {
    {Errc::unknown_coding, 400, "unknown_coding"},
    {Errc::invalid_level, 400, "invalid_level"},
    {Errc::invalid_window, 400, "invalid_window"},
    {Errc::invalid_parameter, 400, "invalid_parameter"},
    {Errc::unknown_parameter, 400, "unknown_parameter"},
    {Errc::conflicting_coding, 400, "conflicting_coding"},
    {Errc::malformed_request, 400, "malformed_request", true},
    {Errc::malformed_frames, 400, "malformed_frames"},
    {Errc::empty_input, 400, "empty_input"},
    {Errc::unauthorized, 401, "unauthorized"},
    {Errc::not_found, 404, "not_found"},
    {Errc::unknown_dictionary, 404, "unknown_dictionary"},
    {Errc::method_not_allowed, 405, "method_not_allowed"},
    {Errc::not_acceptable, 406, "not_acceptable"},
    {Errc::request_timeout, 408, "request_timeout", true},
    {Errc::uri_too_long, 414, "uri_too_long", true, false, "--max-header-bytes"},
    {Errc::expectation_failed, 417, "expectation_failed"},
    {Errc::unsupported_coding, 415, "unsupported_coding"},
    {Errc::headers_too_large, 431, "headers_too_large", true, false, "--max-header-bytes"},
    {Errc::unsupported_transfer_coding, 501, "unsupported_transfer_coding", true},
    {Errc::http_version_not_supported, 505, "http_version_not_supported", true},
    {Errc::not_configured, 501, "not_configured"},
    {Errc::body_too_large, 413, "body_too_large", false, false, "--max-body-bytes"},
    {Errc::output_limit_exceeded, 413, "output_limit_exceeded", false, false, "--max-output-bytes"},
    {Errc::ratio_limit_exceeded, 413, "ratio_limit_exceeded", false, false, "--max-ratio"},
    {Errc::window_too_large, 413, "window_too_large", false, false, "--max-window-bytes"},
    {Errc::frame_limit_exceeded, 413, "frame_limit_exceeded", false, false, "--max-frames"},
    {Errc::dictionaries_too_large, 413, "body_too_large", false, false, "--dictionary-bytes"},
    {Errc::fixed_limit_exceeded, 413, "body_too_large"},
    {Errc::cpu_limit_exceeded, 503, "cpu_limit_exceeded", false, true, "--max-cpu-seconds"},
    {Errc::corrupt_input, 422, "corrupt_input"},
    {Errc::truncated_input, 422, "truncated_input"},
    {Errc::trailing_data, 422, "trailing_data"},
    {Errc::checksum_mismatch, 422, "checksum_mismatch"},
    {Errc::missing_dictionary, 422, "unknown_dictionary"},
    {Errc::too_few_samples, 422, "too_few_samples"},
    {Errc::invalid_utf8, 500, "internal_error"},
    {Errc::pool_exhausted, 503, "pool_exhausted", false, true, "--pool-64k-blocks"},
    {Errc::overloaded, 503, "overloaded", false, true},
    {Errc::draining, 503, "draining", true, true},
    {Errc::invalid_size, 500, "internal_error"},
    {Errc::foreign_block, 500, "internal_error"},
    {Errc::double_release, 500, "internal_error"},
    {Errc::configuration, 500, "internal_error"},
    {Errc::io_error, 500, "internal_error"},
    {Errc::internal_error, 500, "internal_error"},
};

TEST(ProblemTest, MapsEveryCode) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(core::to_string(row.code));
    const ProblemInfo& info = problem_info(row.code);
    EXPECT_EQ(info.status, row.status);
    EXPECT_EQ(info.name, row.name);
    EXPECT_EQ(info.closes, row.closes);
    EXPECT_EQ(info.retry_after_seconds > 0, row.retry);
    EXPECT_EQ(info.retry_after_seconds > 0, info.status == 503);
    EXPECT_EQ(info.flag, row.flag);
    const int status = row.status;
    EXPECT_EQ(is_limit_hit({.error = {.code = row.code}}),
              status == 408 || status == 413 || status == 414 || status == 431 || status == 503);
    EXPECT_TRUE(is_limit_hit({.error = {.code = row.code, .limit = 1}}));

    const json body = body_of({.error = {.code = row.code}});
    ASSERT_TRUE(body.is_object());
    EXPECT_EQ(body["status"], row.status);
    EXPECT_EQ(body["code"], row.name);
    EXPECT_EQ(body["type"], std::string("urn:frdpu:problem:") + row.name);
    EXPECT_FALSE(body["title"].get<std::string>().empty());
    EXPECT_FALSE(body["detail"].get<std::string>().empty());
    EXPECT_FALSE(body.contains("limit"));
    EXPECT_FALSE(body.contains("observed"));
    EXPECT_FALSE(body.contains("offset"));
  }
}

TEST(ProblemTest, HasARowForEveryCodeThereIs) {
  std::set<Errc> rows;
  for (const Row& row : kRows) rows.insert(row.code);
  // describe() falls back to internal_error's sentence for what is no code.
  for (int value = 0; value < 256; ++value) {
    const auto code = static_cast<Errc>(value);
    const bool known = code == Errc::internal_error ||
                       core::describe(code) != core::describe(Errc::internal_error);
    EXPECT_EQ(rows.contains(code), known) << value;
  }
}

TEST(ProblemTest, SharesNamesWithCore) {
  for (const ProblemInfo& info : all_problems()) {
    EXPECT_EQ(info.name, core::to_string(info.code));
  }
}

TEST(ProblemTest, SaysWhatWasWrong) {
  const struct {
    const char* name;
    RequestError error;
    const char* detail;
  } rows[] = {
      {"level",
       {.error = {Errc::invalid_level, "The value is outside its range.", 9, 12},
        .parameter = "level",
        .value = "12",
        .subject = "gzip",
        .bounds = Bounds{1, 9}},
       "The value is outside its range: level=12. gzip takes 1 to 9."},
      {"window over the operator's cap",
       {.error = {Errc::invalid_window, "The value is outside its range.", 1024, 4096},
        .parameter = "window",
        .value = "4096",
        .subject = "zstd",
        .bounds = Bounds{1024, 2048},
        .flag = "--max-window-bytes"},
       "The value is outside its range: window=4096. zstd takes 1024 to 2048. The limit is set by "
       "--max-window-bytes."},
      {"bounds without a subject",
       {.error = {Errc::invalid_parameter, "No."}, .bounds = Bounds{1, 2}},
       "No. It takes 1 to 2."},
      {"limit and observed",
       {.error = {Errc::output_limit_exceeded, "The result is too long", 100, 101}},
       "The result is too long. The limit is 100, this is 101. The limit is set by "
       "--max-output-bytes."},
      {"limit alone",
       {.error = {Errc::body_too_large, "", 100}},
       "The body is longer than the limit. The limit is 100. The limit is set by "
       "--max-body-bytes."},
      {"the caller's flag wins",
       {.error = {Errc::pool_exhausted, ""}, .flag = "--workspace-bytes"},
       "A memory pool has nothing left. The limit is set by --workspace-bytes."},
      {"a limit of ours",
       {.error = {Errc::headers_too_large, "Too long.", 512, 513}, .fixed_limit = true},
       "Too long. The limit is 512, this is 513."},
      {"dictionary by id",
       {.error = {Errc::missing_dictionary, "", {}, 77}},
       "The frame needs a dictionary that is not here. Its id is 77."},
      {"value alone", {.error = {Errc::not_found, "Nothing."}, .value = "/x"}, "Nothing: /x."},
      {"parameter alone",
       {.error = {Errc::malformed_request, "Twice."}, .parameter = "Host"},
       "Twice: Host."},
      {"hostile value",
       {.error = {Errc::unknown_coding, "No."},
        .parameter = "coding",
        .value = "\"\r\n\x1b[31m\xff"},
       "No: coding=\"???[31m?."},
      {"nothing from inside",
       {.error = {Errc::io_error, "/etc/secret", 1, 2, 3}, .parameter = "p", .value = "v"},
       "Something inside went wrong."},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(body_of(row.error)["detail"], row.detail);
  }
}

TEST(ProblemTest, CarriesTheNumbers) {
  const json body = body_of({.error = {Errc::corrupt_input, "Bad block.", 1, 2, 3}});
  EXPECT_EQ(body["limit"], 1);
  EXPECT_EQ(body["observed"], 2);
  EXPECT_EQ(body["offset"], 3);
  std::array<std::byte, kMaxProblemBytes> out;
  const std::size_t size =
      write_problem(out, core::Error{.code = Errc::corrupt_input, .offset = 7});
  EXPECT_EQ(json::parse(core::as_text(core::Bytes(out).first(size)))["offset"], 7);
  const json inside = body_of({.error = {Errc::io_error, "", 1, 2, 3}});
  EXPECT_FALSE(inside.contains("limit"));
}

TEST(ProblemTest, CutsLongValues) {
  const std::string value(1000, 'v');
  const std::string name(1000, 'n');
  const json body =
      body_of({.error = {Errc::unknown_parameter, "No."}, .parameter = name, .value = value});
  EXPECT_EQ(body["detail"], "No: " + std::string(32, 'n') + "...=" + std::string(64, 'v') + "....");
}

TEST(ProblemTest, FitsItsBoundWhateverItSays) {
  const std::string detail(1000, '"');
  const std::string quotes(1000, '"');
  const std::uint64_t most = ~std::uint64_t{0};
  for (const ProblemInfo& info : all_problems()) {
    SCOPED_TRACE(info.name);
    for (const bool bounded : {false, true}) {
      RequestError error{.error = {info.code, detail.c_str(), most, most, most},
                         .parameter = quotes,
                         .value = quotes,
                         .subject = "identity",
                         .flag = "--admin-tls-client-ca-and-more"};
      if (bounded) error.bounds = Bounds{most, most};
      EXPECT_TRUE(body_of(error).is_object());
    }
  }
}

TEST(ProblemTest, WritesNothingRatherThanHalf) {
  std::array<std::byte, kMaxProblemBytes> out;
  const RequestError error{.error = {Errc::not_found, "Nothing."}, .value = "/x"};
  const std::size_t size = write_problem(out, error);
  EXPECT_EQ(write_problem(std::span(out).first(size), error), size);
  for (std::size_t room = 0; room < size; ++room) {
    EXPECT_EQ(write_problem(std::span(out).first(room), error), 0u);
  }
}

}  // namespace
}  // namespace frdpu::proto
