// A request target, as any client can send it: route, then the query of every operation, then the
// problem document of what was refused. The first byte picks listener and method.
#include <array>
#include <cstdint>
#include <string_view>

#include "proto/json_writer.h"
#include "proto/problem.h"
#include "proto/query.h"
#include "proto/routes.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

void check_refusal(const proto::RequestError& error) {
  std::array<std::byte, proto::kMaxProblemBytes> out;
  require(proto::write_problem(out, error) > 0);
  require(error.error.detail != nullptr && *error.error.detail != '\0');
}

template <class T, class Check>
void check(const proto::RequestResult<T>& result, Check holds) {
  if (result) {
    require(holds(*result));
  } else {
    check_refusal(result.error());
  }
}

bool is_settled(const proto::EncodeSettings& target, const proto::QueryRules& rules) {
  const auto& traits = core::traits(target.coding);
  const auto windows = proto::window_range(target.coding, rules.max_window_bytes);
  return traits.levels.contains(static_cast<std::uint64_t>(target.level)) &&
         (target.window_bytes == 0 || windows.contains(target.window_bytes)) &&
         (target.dictionary.empty() ||
          (traits.takes_dictionary && proto::is_dictionary_name(target.dictionary.view())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array<std::string_view, 8> kMethods = {"GET",    "HEAD",    "POST",    "PUT",
                                                        "DELETE", "OPTIONS", "CONNECT", "BREW"};
  const auto listener = (data[0] & 1) != 0 ? proto::Listener::admin : proto::Listener::service;
  const std::string_view method = kMethods[data[0] >> 1 & 7];
  const std::string_view target(reinterpret_cast<const char*>(data) + 1, size - 1);

  const auto match = proto::match_route(listener, method, target);
  std::string_view query = target;
  if (match) {
    require(match->route != proto::Route::other && match->allow.contains(match->method));
    require(match->name.empty() || proto::is_dictionary_name(match->name.view()));
    query = match->query;
  } else {
    check_refusal(match.error().error);
    const bool not_allowed = match.error().error.error.code == core::Errc::method_not_allowed;
    require(not_allowed != match.error().allow.empty());
  }
  const proto::QueryRules rules{.max_window_bytes = 1u << 20};
  check(proto::parse_compress_query(query, rules), [&](const proto::CompressQuery& parsed) {
    return parsed.choice != proto::Choice::named || is_settled(parsed.target, rules);
  });
  check(proto::parse_transcode_query(query, rules),
        [&](const proto::TranscodeQuery& parsed) { return is_settled(parsed.target, rules); });
  check(proto::parse_decompress_query(query), [](const auto&) { return true; });
  check(proto::parse_train_query(query), [](const proto::TrainQuery& parsed) {
    return proto::kTrainedDictionaryBytes.contains(parsed.size_bytes);
  });
  check(proto::parse_estimate_query(query), [](const auto&) { return true; });
  return 0;
}
