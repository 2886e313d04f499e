// Accept-Encoding, Content-Encoding and Content-Type; lines are told apart by line feeds.
#include <cstdint>
#include <string_view>

#include "proto/negotiation.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  proto::FieldLines lines;
  std::string_view last;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    last = text.substr(0, end);
    lines.add(last);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
  }
  const proto::AcceptEncoding accepted = proto::parse_accept_encoding(lines);
  const auto coding = proto::negotiate(accepted);
  if (coding) {
    require(accepted.accepts(*coding));
    // Nothing that the client likes better was passed over.
    for (const auto& row : core::all_codings()) {
      require(accepted.quality(row.coding).value_or(0) <= accepted.quality(*coding).value_or(0));
    }
  } else {
    for (const auto& row : core::all_codings()) require(!accepted.accepts(row.coding));
  }
  // A line more can only take away: qualities are the lowest that was named.
  proto::AcceptEncoding again = accepted;
  if (lines.present()) again.add_line(lines.first());
  for (const auto& row : core::all_codings()) {
    require(again.quality(row.coding) == accepted.quality(row.coding));
  }

  const auto plan = proto::plan_source(core::Coding::gzip, lines, last);
  if (plan) require(plan->codings.size() <= proto::ContentCodings::kMaxCodings && !plan->sniff);
  const auto sniffed = proto::plan_source(std::nullopt, {}, last);
  require(sniffed.has_value() && sniffed->sniff == sniffed->codings.empty());
  return 0;
}
