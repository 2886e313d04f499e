#include "proto/content_coding.h"

#include "proto/field_syntax.h"

namespace frdpu::proto {

using core::Coding;
using core::Errc;

bool ContentCodings::push_back(Coding coding) noexcept {
  if (coding == Coding::identity) return true;
  if (count_ == kMaxCodings) return false;
  codings_[count_++] = coding;
  return true;
}

RequestResult<ContentCodings> parse_content_encoding(const FieldLines& lines) noexcept {
  ContentCodings codings;
  for (const std::string_view line : lines.lines()) {
    ListElements list(line);
    while (const auto element = list.next()) {
      if (element->empty()) continue;
      const std::optional<Coding> coding = core::coding_from_name(*element);
      if (!coding) {
        return refuse(Errc::unsupported_coding, "The content coding is not one that is taken.",
                      "Content-Encoding", *element);
      }
      if (!codings.push_back(*coding)) {
        auto refusal =
            refuse(Errc::unsupported_coding, "The body has more content codings than are undone.",
                   "Content-Encoding", line);
        refusal.error().error.limit = ContentCodings::kMaxCodings;
        refusal.error().error.observed = ContentCodings::kMaxCodings + 1;
        refusal.error().fixed_limit = true;
        return refusal;
      }
    }
  }
  return codings;
}

std::optional<Coding> coding_from_content_type(std::string_view content_type) noexcept {
  return core::coding_from_media_type(without_parameters(content_type));
}

std::string_view accepted_codings() noexcept {
  // Built once from the table, so that a new coding cannot be forgotten here.
  static const FixedText<64> text = [] {
    FixedText<64> list;
    for (const core::CodingTraits& row : core::all_codings()) {
      const bool fits = (list.empty() || list.append(", ")) && list.append(row.name);
      if (!fits) break;
    }
    return list;
  }();
  return text.view();
}

}  // namespace frdpu::proto
