#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/coding.h"
#include "proto/accept_encoding.h"
#include "proto/content_coding.h"
#include "proto/query.h"
#include "proto/request_error.h"
#include "proto/request_head.h"

/// Which coding a result gets, and which codings a body has.
namespace frdpu::proto {

/// Picks the coding of a result from what the client accepts: the highest quality; the service's
/// order (`core::all_codings()`) among equals, identity behind the others. Identity is also what
/// is left when nothing else is acceptable, unless it was refused.
/// Errors: not_acceptable when identity was refused and nothing else is acceptable.
/// Source: API.md, "POST /v1/compress"; RFC 9110, section 12.5.3.
[[nodiscard]] RequestResult<core::Coding> negotiate(const AcceptEncoding& accepted) noexcept;

/// The same, straight from a head. Ownership: an error's views look into it.
[[nodiscard]] RequestResult<core::Coding> negotiate(const FieldLines& accept_encoding) noexcept;

/// How a result is labelled: the fields of its response that say what the body is.
struct ResultLabel {
  std::string_view content_type{};
  std::optional<core::Coding> content_encoding{};  ///< never identity
  bool vary = false;                               ///< `Vary: Accept-Encoding`
};

/// Labels the result of /v1/compress, once its coding is known. `request_type` is the request's
/// Content-Type, empty where it had none.
/// Ownership: the view is `request_type` or a literal.
[[nodiscard]] ResultLabel label_compressed(Label label, core::Coding coding,
                                           std::string_view request_type) noexcept;

/// What is undone of a body before its bytes are bare.
struct SourcePlan {
  ContentCodings codings{};  ///< to be undone last to first; empty for identity
  bool sniff = false;        ///< nobody spoke: the first bytes decide
  /// The codings are those of a Content-Encoding field: the bare bytes are what the request's
  /// Content-Type says.
  bool from_content_encoding = false;
};

/// Decides the source coding of /v1/decompress, /v1/transcode and /v1/probe: `named` (the query's
/// `coding` or `from`), then Content-Encoding, then a Content-Type of the table, then the bytes.
///
/// Beside a Content-Encoding the Content-Type is no source coding: it says what the bytes are
/// once that is undone, and stays the result's.
/// Errors: conflicting_coding where `named` differs from the Content-Encoding or, without one,
/// from the Content-Type; unsupported_coding as `parse_content_encoding`.
/// Source: API.md, "POST /v1/decompress" and "Small print".
[[nodiscard]] RequestResult<SourcePlan> plan_source(std::optional<core::Coding> named,
                                                    const FieldLines& content_encoding,
                                                    std::string_view content_type) noexcept;

/// The refusal of bytes that no coding's magic number starts.
[[nodiscard]] RequestError unrecognised_source() noexcept;

/// Returns the media type of what /v1/decompress sends. Ownership: `request_type` or a literal.
[[nodiscard]] std::string_view decompressed_type(const SourcePlan& plan,
                                                 std::string_view request_type) noexcept;

}  // namespace frdpu::proto
