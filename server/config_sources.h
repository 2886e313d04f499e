#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "server/config.h"

/// Where settings come from. Flags win over environment variables, these over the file.
namespace frdpu::server {

/// Texts of settings by the name of their flag, without the dashes. `config` may be among them.
using SettingTexts = std::map<std::string, std::string, std::less<>>;

/// What could not be used: one line that names the flag, variable or file and the value.
template <class T>
using Loaded = std::expected<T, std::string>;

/// Takes the variables `FRDPU_...` out of a process environment (an array that ends in nullptr).
/// What Kubernetes sets for a Service that is called frdpu (FRDPU_SERVICE_HOST, FRDPU_PORT_...)
/// is passed over. Errors: a variable FRDPU_... that is no setting.
[[nodiscard]] Loaded<SettingTexts> read_environment(const char* const* environment);

/// Takes the settings out of a JSON object; `name` stands in messages.
/// Errors: not a JSON object, an unknown or repeated key, a value that is neither text nor a
/// whole number.
[[nodiscard]] Loaded<SettingTexts> parse_config_json(std::string_view json,
                                                     const std::string& name);

/// Reads the file and takes its settings. Errors: as above, unreadable, or longer than 1 MiB.
[[nodiscard]] Loaded<SettingTexts> read_config_file(const std::string& path);

/// Makes the configuration from `flags`, `environment` and the file that one of them names under
/// `config`, and checks it. Numbers of threads that nobody gave become the number of cores; pool
/// sizes that nobody gave stay 0 (choose_memory, memory_plan.h).
[[nodiscard]] Loaded<Config> load_config(const SettingTexts& flags, const char* const* environment);

}  // namespace frdpu::server
