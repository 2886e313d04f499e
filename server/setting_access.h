#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "server/settings.h"

/// Reads and writes one setting of a Config as text, within the bounds of the table.
namespace frdpu::server {

/// Sets one value from its text.
/// Errors: one sentence on the value, without the name of the setting; `config` is as before.
[[nodiscard]] std::expected<void, std::string> set_value(Config& config, const Setting& setting,
                                                         std::string_view text);

/// Returns the text that `set_value` reads back as the value that is there.
[[nodiscard]] std::string value_text(const Config& config, const Setting& setting);

}  // namespace frdpu::server
