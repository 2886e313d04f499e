// The grammar that header fields share, and Accept, against naive readings of the same text. The
// text is all of the input.
#include <algorithm>
#include <cctype>
#include <string>

#include "core/text.h"
#include "proto/accept.h"
#include "proto/field_syntax.h"
#include "proto/percent_coding.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

void check_syntax(std::string_view text) {
  std::size_t control = 0;
  while (control < text.size() && proto::is_field_value_char(text[control])) ++control;
  require(proto::find_control(text) == (control < text.size() ? control : text.npos),
          "another control");
  require(proto::is_field_value(text) == (control == text.size()), "another opinion on a value");
  require(
      proto::is_token(text) ==
          (!text.empty() &&
           std::ranges::all_of(text,
                               [](char c) {
                                 return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                                        (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) !=
                                                          std::string::npos);
                               })),
      "another opinion on a token");
  require(core::equals_ignoring_case(text, upper(text)), "case is not ignored");

  std::size_t elements = 0;
  proto::ListElements list(text);
  while (const auto element = list.next()) {
    ++elements;
    require(proto::trim(*element) == *element && element->find(',') == element->npos,
            "not an element");
  }
  require(elements == 1 + static_cast<std::size_t>(std::ranges::count(text, ',')),
          "another number of elements");
  const std::string_view bare = proto::without_parameters(text);
  require(bare.find(';') == bare.npos && proto::trim(bare) == bare, "parameters are left");
}

void check_accept(std::string_view text) {
  constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
  constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0";
  for (const std::string_view type : {kText, kOpenMetrics}) {
    const std::uint16_t quality = proto::accept_quality(text, type);
    require(quality <= 1000, "a quality above 1");
    require(proto::accept_quality(upper(text), upper(type)) == quality, "case matters");
    if (proto::trim(text).empty()) continue;
    // What matches exactly and is liked best cannot be outdone.
    require(proto::accept_quality(std::string(text) + ", " + std::string(type), type) == 1000,
            "an exact match is not taken");
    // What fits less closely changes nothing for what fits already.
    if (quality > 0) {
      require(proto::accept_quality(std::string(text) + ", */*;q=0", type) == quality,
              "a wildcard outdoes a match");
    }
  }
}

void check_escapes(std::string_view text) {
  proto::FixedText<64> decoded;
  const auto outcome = proto::percent_decode(text, decoded);
  require(outcome != proto::DecodeOutcome::ok || proto::escapes_are_valid(text),
          "a broken escape is decoded");
  require(outcome != proto::DecodeOutcome::broken_escape || !proto::escapes_are_valid(text),
          "a good escape is refused");
  if (outcome == proto::DecodeOutcome::ok) {
    require(proto::equals_decoded(text, decoded.view()), "a text is not its own decoding");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_syntax(text);
  check_accept(text);
  check_escapes(text);
  return 0;
}
