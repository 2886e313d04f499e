#pragma once

#include <cstdint>
#include <string_view>

/// What a client says about the media types it takes. Source: RFC 9110, section 12.5.1.
namespace frdpu::proto {

/// Returns the quality that an Accept field gives to a media type, from its most specific range:
/// `type/subtype`, then `type/*`, then `*/*`; the highest of several such. A range with a `version`
/// matches that version alone; other parameters are passed by, and so are ranges that break the
/// grammar. Without a field, or with an empty one, everything is acceptable.
/// `media_type` may have parameters. Units: thousandths. Cost: one pass, no allocation.
[[nodiscard]] std::uint16_t accept_quality(std::string_view accept,
                                           std::string_view media_type) noexcept;

}  // namespace frdpu::proto
