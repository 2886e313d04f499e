#pragma once

#include <string_view>

namespace frdpu::proto {

/// Returns the body of `GET /openapi.json`: `openapi.yaml` as compact JSON, made by the build.
/// Static storage.
[[nodiscard]] std::string_view openapi_json() noexcept;

}  // namespace frdpu::proto
