#pragma once

#include <cstdint>
#include <string>

#include "server/config.h"

/// What is shown of settings: --print-config, /v1/limits and README's table.
namespace frdpu::server {

/// The whole configuration as a JSON object that --config takes back. Holds paths, never what the
/// files at those paths hold.
[[nodiscard]] std::string config_json(const Config& config);

/// The body of /v1/limits: one flat object, numbers in bytes and seconds; `memory_bytes` is the
/// memory of the whole configuration.
[[nodiscard]] std::string limits_json(const Config& config, std::uint64_t memory_bytes);

/// The table of settings as README shows it (Markdown, with a final line break).
[[nodiscard]] std::string settings_markdown();

}  // namespace frdpu::server
