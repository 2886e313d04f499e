#include "proto/negotiation.h"

#include "proto/documents.h"

namespace frdpu::proto {
namespace {

using core::Coding;
using core::Errc;

std::string_view type_or_any(std::string_view type) noexcept {
  return type.empty() ? kBytesType : type;
}

bool is_only(const ContentCodings& codings, Coding coding) noexcept {
  if (coding == Coding::identity) return codings.empty();
  return codings.size() == 1 && codings.applied()[0] == coding;
}

}  // namespace

RequestResult<Coding> negotiate(const AcceptEncoding& accepted) noexcept {
  std::optional<Coding> best;
  std::uint16_t best_quality = 0;
  for (const core::CodingTraits& row : core::all_codings()) {
    const std::uint16_t quality = accepted.quality(row.coding).value_or(0);
    if (quality > best_quality) {
      best = row.coding;
      best_quality = quality;
    }
  }
  if (best) return *best;
  if (accepted.accepts(Coding::identity)) return Coding::identity;
  return refuse(Errc::not_acceptable, "The client accepts no coding that can be sent.",
                "Accept-Encoding");
}

RequestResult<Coding> negotiate(const FieldLines& accept_encoding) noexcept {
  auto coding = negotiate(parse_accept_encoding(accept_encoding));
  if (!coding) coding.error().value = accept_encoding.first();
  return coding;
}

ResultLabel label_compressed(Label label, Coding coding, std::string_view request_type) noexcept {
  if (label == Label::media_type) {
    if (coding == Coding::identity) return {.content_type = type_or_any(request_type)};
    return {.content_type = core::traits(coding).media_type};
  }
  ResultLabel result{.content_type = type_or_any(request_type), .vary = true};
  if (coding != Coding::identity) result.content_encoding = coding;
  return result;
}

RequestResult<SourcePlan> plan_source(std::optional<Coding> named,
                                      const FieldLines& content_encoding,
                                      std::string_view content_type) noexcept {
  const auto transport = parse_content_encoding(content_encoding);
  if (!transport) return std::unexpected(transport.error());
  const std::optional<Coding> typed = coding_from_content_type(content_type);

  SourcePlan plan;
  if (!transport->empty()) {
    if (named && !is_only(*transport, *named)) {
      return refuse(Errc::conflicting_coding,
                    "The coding that the query names is not that of the Content-Encoding.",
                    "Content-Encoding", content_encoding.first());
    }
    plan.codings = *transport;
    plan.from_content_encoding = true;
    return plan;
  }
  if (named && typed && *named != *typed) {
    return refuse(Errc::conflicting_coding,
                  "The coding that the query names is not that of the Content-Type.",
                  "Content-Type", content_type);
  }
  if (const std::optional<Coding> source = named ? named : typed) {
    plan.codings = ContentCodings(*source);
    return plan;
  }
  plan.sniff = true;
  return plan;
}

RequestError unrecognised_source() noexcept {
  return refuse(Errc::unsupported_coding,
                "The first bytes are those of no known coding. Brotli has no magic number: name it "
                "with coding=br.")
      .error();
}

std::string_view decompressed_type(const SourcePlan& plan, std::string_view request_type) noexcept {
  return plan.from_content_encoding ? type_or_any(request_type) : kBytesType;
}

}  // namespace frdpu::proto
