#pragma once

#include <string>
#include <string_view>

#include "core/coding.h"
#include "core/error.h"

namespace frdpu::server {

/// Encodes a text of our own at the coding's fastest level, for answers like /metrics.
/// The memory is from the heap, not from the pools: a service that has run dry can still be looked
/// at, and no request waits for a scrape. Requires: the text is not from a client.
/// Errors: those of the codec; none is expected. Cost: up to 0.4 MiB for the call's time.
[[nodiscard]] core::Result<std::string> encoded_text(core::Coding coding, std::string_view text);

}  // namespace frdpu::server
