#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/coding.h"
#include "proto/fixed_text.h"
#include "proto/request_error.h"
#include "proto/request_head.h"

/// Content codings as header fields name them. Source: RFC 9110, section 8.4.
namespace frdpu::proto {

/// The codings of a body in the order in which they were applied; to be undone last to first.
/// A plain value. `identity` is never in it.
class ContentCodings {
 public:
  /// Chains longer than this are refused: each link multiplies what a few bytes can cost.
  static constexpr std::size_t kMaxCodings = 2;

  ContentCodings() = default;
  explicit ContentCodings(core::Coding only) noexcept {
    if (only != core::Coding::identity) codings_[count_++] = only;
  }

  [[nodiscard]] std::span<const core::Coding> applied() const noexcept {
    return std::span(codings_).first(count_);
  }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  /// Appends a coding; identity changes nothing. Returns: false when the chain is full.
  [[nodiscard]] bool push_back(core::Coding coding) noexcept;

 private:
  std::array<core::Coding, kMaxCodings> codings_{};
  std::uint8_t count_ = 0;
};

/// Reads the Content-Encoding of a request, all its lines as one list. Empty elements and
/// `identity` are skipped.
/// Errors: unsupported_coding for a name that is not of the table, and for three or more codings
/// (then with limit); the answer carries an Accept-Encoding field.
[[nodiscard]] RequestResult<ContentCodings> parse_content_encoding(
    const FieldLines& lines) noexcept;

/// Returns the coding whose results have the media type of a Content-Type field, parameters aside.
[[nodiscard]] std::optional<core::Coding> coding_from_content_type(
    std::string_view content_type) noexcept;

/// Every coding that is taken, in the service's order, for the Accept-Encoding field of a 415.
/// Source: RFC 9110, section 12.5.3, last paragraphs. Static storage.
[[nodiscard]] std::string_view accepted_codings() noexcept;

}  // namespace frdpu::proto
