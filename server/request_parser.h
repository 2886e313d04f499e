#pragma once

#include <string_view>

#include "core/error.h"
#include "proto/request_head.h"

namespace frdpu::server {

/// Has Beast's parser read a whole head, the empty line included, and hands its fields to `head`.
/// A second reader behind `proto::scan_raw_head`: what the two do not agree on is refused. The one
/// place that knows Beast and `proto` both; bodies are none of Beast's business.
/// Ownership: `head` keeps views into `text`. Cost: no allocation.
/// Errors: malformed_request, http_version_not_supported.
[[nodiscard]] core::Result<void> parse_request_head(std::string_view text,
                                                    proto::RequestHead& head) noexcept;

}  // namespace frdpu::server
