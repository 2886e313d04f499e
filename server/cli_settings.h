#pragma once

#include <CLI/App.hpp>
#include <expected>
#include <map>
#include <string>

#include "server/config.h"

/// The settings of `serve` as flags of a subcommand.
namespace frdpu::server {

/// The texts of flags while they are parsed, by setting. Ownership: must outlive the parsing.
using FlagTexts = std::map<std::string, std::string, std::less<>>;

/// Adds a flag for every setting of this build, and --config.
void add_setting_flags(CLI::App& command, FlagTexts& texts);

/// Makes the configuration from the flags that were given, the environment and the file, with the
/// pool sizes chosen. Errors: one line.
[[nodiscard]] std::expected<Config, std::string> config_from(const CLI::App& command,
                                                             const FlagTexts& texts);

}  // namespace frdpu::server
