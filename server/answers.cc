#include "server/answers.h"

#include <array>
#include <cassert>
#include <limits>
#include <vector>

#include "core/codec_factory.h"
#include "proto/documents.h"
#include "proto/negotiation.h"
#include "proto/openapi.h"
#include "server/encoded_text.h"
#include "server/exposition.h"
#include "server/memory_plan.h"
#include "server/service.h"
#include "server/settings_output.h"

namespace frdpu::server {
namespace {

using core::Coding;
using proto::Route;

// Bytes of state that a stream of a coding takes at each of its levels, with the default window.
std::vector<std::uint64_t> stream_bytes(const core::CodingTraits& traits,
                                        std::uint32_t max_window_bytes) {
  std::vector<std::uint64_t> bytes;
  for (std::uint32_t level = traits.levels.min; level <= traits.levels.max; ++level) {
    const core::EncoderParams params{.coding = traits.coding,
                                     .level = static_cast<int>(level),
                                     .window_bytes = 0,
                                     .content_bytes = {},
                                     .whole = false,
                                     .dictionary = nullptr};
    bytes.push_back(
        core::encoder_workspace_bytes(core::with_window_cap(params, max_window_bytes)).value_or(0));
  }
  return bytes;
}

std::string render_codings(std::uint32_t max_window_bytes) {
  std::vector<std::vector<std::uint64_t>> bytes;
  std::vector<proto::CodingMemory> rows;
  bytes.reserve(core::kCodingCount);
  for (const core::CodingTraits& traits : core::all_codings()) {
    if (traits.coding == Coding::identity) continue;
    bytes.push_back(stream_bytes(traits, max_window_bytes));
    rows.push_back({.coding = traits.coding, .stream_bytes = bytes.back()});
  }
  std::string text(16 * core::kKiB, '\0');
  text.resize(
      proto::write_codings(std::as_writable_bytes(std::span(text)), rows, max_window_bytes));
  return text;
}

std::string render_pools(const std::vector<core::PoolStats>& pools) {
  std::string text(256 + 512 * pools.size(), '\0');
  text.resize(proto::write_pools(std::as_writable_bytes(std::span(text)), pools));
  return text;
}

constexpr std::string_view kStatusPage =
#include <status_page.inc>  // made from status_page.html
    ;

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

Answers::Answers(Service& service)
    : service_(service),
      codings_(render_codings(static_cast<std::uint32_t>(service.config().max_window_bytes))),
      limits_(limits_json(service.config(), memory_bytes(service.config()))) {}

bool Answers::has(Route route) noexcept {
  switch (route) {
    case Route::codings:
    case Route::limits:
    case Route::openapi:
    case Route::pools:
    case Route::metrics:
    case Route::livez:
    case Route::readyz:
    case Route::status_page:
      return true;
    default:
      return false;
  }
}

Answer Answers::metrics(const proto::RequestHead& fields) const {
  const Exposition format = choose_exposition(fields.accept());
  Answer answer{.content_type = exposition_type(format),
                .rendered = expose(service_.metric_families(), format),
                .vary = true};
  // A scraper that refuses identity, too, gets it: its numbers matter more than its manners.
  const Coding coding = proto::negotiate(fields.accept_encoding()).value_or(Coding::identity);
  if (coding == Coding::identity) return answer;
  if (auto encoded = encoded_text(coding, answer.rendered)) {
    answer.rendered = *std::move(encoded);
    answer.content_encoding = coding;
  }
  return answer;
}

Answer Answers::answer(Route route, const proto::RequestHead& fields) const {
  switch (route) {
    case Route::codings:
      return {.content_type = proto::kJsonType, .fixed = codings_};
    case Route::limits:
      return {.content_type = proto::kJsonType, .fixed = limits_};
    case Route::openapi:
      return {.content_type = proto::kJsonType, .fixed = proto::openapi_json()};
    case Route::pools:
      return {.content_type = proto::kJsonType, .rendered = render_pools(service_.pool_stats())};
    case Route::metrics:
      return metrics(fields);
    case Route::status_page:
      return {.content_type = "text/html; charset=utf-8", .fixed = kStatusPage};
    case Route::livez:
      return {.content_type = kText, .fixed = "ok\n"};
    case Route::readyz:
      if (const char* why = service_.not_ready_because(std::chrono::steady_clock::now())) {
        return {.status = 503,
                .content_type = kText,
                .rendered = std::string(why) + "\n",
                .retry_after_seconds = 1};
      }
      return {.content_type = kText, .fixed = "ok\n"};
    default:
      assert(false && "has() says which routes are answered");
      return {.status = 404, .content_type = kText, .fixed = "not here\n"};
  }
}

}  // namespace frdpu::server
