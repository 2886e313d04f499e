#include "proto/routes.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "proto/field_syntax.h"
#include "proto/percent_coding.h"

namespace frdpu::proto {
namespace {

using core::Errc;

constexpr MethodSet kRead = {Method::get, Method::head};
constexpr MethodSet kPost = {Method::post};
constexpr MethodSet kDictionary = {Method::get, Method::head, Method::put, Method::del};
constexpr std::string_view kNameSegment = "{name}";

constexpr std::array<RouteInfo, kRouteCount - 1> kRoutes = {{
    {Route::compress, "/v1/compress", kPost, true, false},
    {Route::decompress, "/v1/decompress", kPost, true, false},
    {Route::transcode, "/v1/transcode", kPost, true, false},
    {Route::estimate, "/v1/estimate", kPost, true, false},
    {Route::probe, "/v1/probe", kPost, true, false},
    {Route::dictionaries, "/v1/dictionaries", kRead, true, false},
    {Route::dictionary, "/v1/dictionaries/{name}", kDictionary, true, false},
    {Route::dictionary_train, "/v1/dictionaries/{name}/train", kPost, true, false},
    {Route::batch_compress, "/v1/batch/compress", kPost, true, false},
    {Route::batch_decompress, "/v1/batch/decompress", kPost, true, false},
    {Route::codings, "/v1/codings", kRead, true, false},
    {Route::limits, "/v1/limits", kRead, true, false},
    {Route::openapi, "/openapi.json", kRead, true, true},
    {Route::metrics, "/metrics", kRead, false, true},
    {Route::livez, "/livez", kRead, false, true},
    {Route::readyz, "/readyz", kRead, false, true},
    {Route::pools, "/v1/pools", kRead, false, true},
    {Route::status_page, "/", kRead, false, true},
    {Route::any, "*", {Method::options}, true, true},
}};

constexpr bool is_served(const RouteInfo& row, Listener listener) noexcept {
  return listener == Listener::service ? row.on_service : row.on_admin;
}

constexpr bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Visible ASCII without the fragment's mark; the query may hold what browsers leave unescaped.
constexpr CharSet kTargetChars([](char c) { return c > 0x20 && c < 0x7F && c != '#'; });

bool starts_with_scheme(std::string_view target, std::string_view scheme) noexcept {
  return target.size() > scheme.size() &&
         std::ranges::equal(target.substr(0, scheme.size()), scheme, {}, core::lower);
}

// Compares a path with a template segment by segment; `{name}` takes any segment but an empty one.
bool matches(std::string_view path_template, std::string_view path,
             std::string_view& name) noexcept {
  if (path_template.front() != '/') return false;
  for (;;) {
    const std::size_t end = path_template.find('/', 1);
    const std::size_t path_end = path.find('/', 1);
    const std::string_view wanted = path_template.substr(1, end - 1);
    const std::string_view segment = path.substr(1, path_end - 1);
    if (wanted == kNameSegment) {
      if (segment.empty()) return false;
      name = segment;
    } else if (!equals_decoded(segment, wanted)) {
      return false;
    }
    if (end == path.npos || path_end == path.npos) return end == path_end;
    path_template.remove_prefix(end);
    path.remove_prefix(path_end);
  }
}

std::unexpected<RouteRefusal> refusal(Errc code, const char* detail, std::string_view parameter,
                                      std::string_view value, Route route = Route::other,
                                      MethodSet allow = {}) noexcept {
  return std::unexpected<RouteRefusal>(RouteRefusal{
      .error = refuse(code, detail, parameter, value).error(), .route = route, .allow = allow});
}

MethodSet methods_of(Listener listener) noexcept {
  MethodSet all;
  for (const RouteInfo& row : kRoutes) {
    if (is_served(row, listener)) all = all.united(row.methods);
  }
  return all;
}

struct TargetParts {
  std::string_view authority;
  std::string_view path;
  std::string_view query;
};

// Splits a target; returns what is wrong with it as a literal, or nullptr.
const char* split_target(Method method, std::string_view target, TargetParts& parts) noexcept {
  if (target.empty()) return "The request target is empty.";
  if (!kTargetChars.contains_all_of(target)) {
    return target.contains('#')
               ? "A request target has no fragment."
               : "The request target holds a character that must be percent-encoded.";
  }
  if (method == Method::connect) return "CONNECT is for proxies.";
  if (target == "*") {
    parts.path = target;
    return method == Method::options ? nullptr : "The target * is for OPTIONS alone.";
  }
  if (target.front() != '/') {
    std::size_t prefix = 0;
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (starts_with_scheme(target, scheme)) prefix = scheme.size();
    }
    if (prefix == 0) return "The request target is neither a path nor an http URI.";
    target.remove_prefix(prefix);
    parts.authority = target.substr(0, target.find_first_of("/?"));
    if (parts.authority.empty()) return "The URI in the request line names no host.";
    if (parts.authority.contains('@')) return "The URI in the request line has a user name.";
    target.remove_prefix(parts.authority.size());
  }
  const std::size_t mark = target.find('?');
  parts.path = target.substr(0, mark);
  if (mark != target.npos) parts.query = target.substr(mark + 1);
  // A URI without a path means `/`, or the whole server where it is asked for its options.
  if (parts.path.empty()) {
    parts.path = method == Method::options && mark == target.npos ? "*" : "/";
  }
  return escapes_are_valid(parts.path) ? nullptr : "The path holds a broken percent-escape.";
}

}  // namespace

bool is_dictionary_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > DictionaryName::capacity() || !is_name_char(text.front())) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return is_name_char(c) || c == '.'; });
}

std::span<const RouteInfo> all_routes() noexcept {
  return kRoutes;
}

std::string_view route_template(Route route) noexcept {
  const auto index = static_cast<std::size_t>(route);
  return index < kRoutes.size() ? kRoutes[index].path_template : "other";
}

std::expected<RouteMatch, RouteRefusal> match_route(Listener listener, std::string_view method_name,
                                                    std::string_view target) noexcept {
  const Method method = method_from_name(method_name);
  TargetParts parts;
  if (const char* wrong = split_target(method, target, parts)) {
    return refusal(Errc::malformed_request, wrong, "target", target);
  }
  if (parts.path == "*") {
    return RouteMatch{.route = Route::any,
                      .method = method,
                      .allow = methods_of(listener),
                      .authority = parts.authority};
  }
  // Nearly everyone writes a path as it stands here: segments are looked at where nobody did.
  const auto written = std::ranges::find(kRoutes, parts.path, &RouteInfo::path_template);
  const bool exact = written != kRoutes.end() && !parts.path.contains('{');
  for (const RouteInfo& row : exact ? std::span(written, 1) : std::span(kRoutes)) {
    std::string_view name;
    if (!is_served(row, listener)) continue;
    if (!exact && !matches(row.path_template, parts.path, name)) continue;
    if (!row.methods.contains(method)) {
      return refusal(Errc::method_not_allowed, "The path does not take that method.", "method",
                     method_name, row.route, row.methods);
    }
    RouteMatch match{.route = row.route,
                     .method = method,
                     .allow = row.methods,
                     .query = parts.query,
                     .authority = parts.authority};
    if (!name.empty() && (percent_decode(name, match.name) != DecodeOutcome::ok ||
                          !is_dictionary_name(match.name.view()))) {
      return refusal(Errc::invalid_parameter,
                     "A dictionary's name is 1 to 64 letters, digits, dots, dashes and "
                     "underscores, and does not start with a dot.",
                     "name", name, row.route);
    }
    return match;
  }
  return refusal(Errc::not_found, "There is nothing at that path.", "path", parts.path);
}

}  // namespace frdpu::proto
