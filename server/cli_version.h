#pragma once

#include <string>

namespace frdpu::server {

/// What --version prints: "frdpu 0.1.0 (abcdef012345)", then a line for each library.
[[nodiscard]] std::string version_text();

}  // namespace frdpu::server
