#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "proto/fixed_text.h"
#include "proto/method.h"
#include "proto/request_error.h"

/// From method and request target to the path of the API that they mean.
namespace frdpu::proto {

/// Which of the two sockets the request came in by. They share nothing but `/openapi.json`.
enum class Listener : std::uint8_t { service, admin };

/// Every path of API.md. `other` is what is not known; `any` is the target `*` of OPTIONS.
enum class Route : std::uint8_t {
  compress,
  decompress,
  transcode,
  estimate,
  probe,
  dictionaries,
  dictionary,
  dictionary_train,
  batch_compress,
  batch_decompress,
  codings,
  limits,
  openapi,
  metrics,
  livez,
  readyz,
  pools,
  status_page,
  any,
  other,
};
inline constexpr std::size_t kRouteCount = 20;

/// A dictionary's name: `[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}`.
using DictionaryName = FixedText<64>;

/// Returns whether the text may name a dictionary (and so a file). Source: API.md.
[[nodiscard]] bool is_dictionary_name(std::string_view text) noexcept;

/// One row of the route table.
struct RouteInfo {
  Route route;
  std::string_view path_template;  ///< `/v1/dictionaries/{name}`: the metrics' label
  MethodSet methods;               ///< HEAD wherever GET is answered
  bool on_service;
  bool on_admin;
};

/// Every route but `other`, in the order of the enumerators. Static storage.
[[nodiscard]] std::span<const RouteInfo> all_routes() noexcept;

/// Returns the route's template, `*` for `any`, "other" for `other`. Static storage.
[[nodiscard]] std::string_view route_template(Route route) noexcept;

/// What a request asks for. Ownership: the views look into the target.
struct RouteMatch {
  Route route = Route::other;
  Method method = Method::other;
  MethodSet allow{};             ///< what the path takes, for the answer to OPTIONS
  DictionaryName name{};         ///< the `{name}` of the template, decoded and checked
  std::string_view query{};      ///< behind the `?`, still encoded; empty where there is none
  std::string_view authority{};  ///< of an absolute-form target: it replaces the Host field
};

/// Why nothing was found.
struct RouteRefusal {
  RequestError error{};
  Route route = Route::other;  ///< the path that was meant, where there is one: the metrics' label
  MethodSet allow{};           ///< for the Allow field of method_not_allowed
};

/// Finds the route of a request.
///
/// Targets may be origin-form or absolute-form (`http://host/path`); `*` only with OPTIONS.
/// Escapes in the path are decoded segment by segment, so that `%2F` never ends a segment. There
/// is no dot-segment removal and no trailing slash: clients do that, and a path has one spelling.
/// OPTIONS of a path is method_not_allowed with its Allow; `OPTIONS *` is Route::any.
///
/// Errors: not_found; method_not_allowed with `allow`; malformed_request for a target that is
/// none (fragment, broken escape, user name, control character, CONNECT); invalid_parameter for
/// a `{name}` that breaks the rule for names.
/// Threads: any. Cost: one comparison a route, no allocation.
/// Source: RFC 9112, section 3.2; RFC 9110, sections 4.2.4 and 9.3.7.
[[nodiscard]] std::expected<RouteMatch, RouteRefusal> match_route(Listener listener,
                                                                  std::string_view method,
                                                                  std::string_view target) noexcept;

}  // namespace frdpu::proto
