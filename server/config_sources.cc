#include "server/config_sources.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>

#include "core/bytes.h"
#include "server/setting_access.h"
#include "server/settings.h"

namespace frdpu::server {
namespace {

constexpr std::string_view kPrefix = "FRDPU_";
constexpr std::size_t kLongestFileBytes = core::kMiB;

// The variables that Kubernetes (and docker's links) set in every container for each Service; one
// named "frdpu" or "frdpu-admin" must not keep the process from starting.
bool is_service_variable(std::string_view name, std::string_view value) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         name.find("_PORT_") != name.npos ||
         (name.ends_with("_PORT") && value.find("://") != value.npos);
}

std::string printable(std::string_view value) {
  std::string text(value);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string shown(std::string_view value) {
  constexpr std::size_t kMost = 80;
  return "'" + printable(value.substr(0, kMost)) + (value.size() > kMost ? "...'" : "'");
}

// `name_of` says how a setting is called where these texts come from.
template <class NameOf>
Loaded<void> apply(Config& config, const SettingTexts& texts, NameOf name_of) {
  for (const auto& [name, value] : texts) {
    if (name == "config") continue;
    const Setting* setting = find_setting(name);
    if (setting == nullptr) return std::unexpected(name_of(name) + " is not a setting");
    if (auto ok = set_value(config, *setting, value); !ok) {
      return std::unexpected(name_of(name) + ": " + shown(value) + " " + ok.error());
    }
  }
  return {};
}

}  // namespace

Loaded<SettingTexts> read_environment(const char* const* environment) {
  SettingTexts texts;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (!entry.starts_with(kPrefix) || equals == entry.npos) continue;
    const std::string_view variable = entry.substr(0, equals);
    const std::string_view value = entry.substr(equals + 1);
    if (variable == environment_name("config")) {
      texts["config"] = value;
      continue;
    }
    const auto setting = std::ranges::find_if(
        settings(), [&](const Setting& row) { return environment_name(row.name) == variable; });
    if (setting != settings().end()) {
      texts[std::string(setting->name)] = value;
    } else if (!is_service_variable(variable, value)) {
      return std::unexpected(printable(variable) + " is not a setting");
    }
  }
  return texts;
}

Loaded<SettingTexts> parse_config_json(std::string_view json, const std::string& name) {
  std::set<std::string> keys;
  std::string repeated;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::key && depth == 1 &&
        !keys.insert(parsed.get<std::string>()).second) {
      repeated = parsed.get<std::string>();
    }
    // Nothing below the first level is a setting; not keeping it bounds what a file can cost.
    return depth <= 1;
  };
  const auto root = nlohmann::json::parse(json, watch, false);
  if (!root.is_object()) return std::unexpected(name + " is not a JSON object");
  if (!repeated.empty()) return std::unexpected(name + ": " + shown(repeated) + " is there twice");

  SettingTexts texts;
  for (const auto& [key, value] : root.items()) {
    const auto setting = std::ranges::find_if(
        settings(), [&](const Setting& row) { return file_key(row.name) == key; });
    if (setting == settings().end()) {
      return std::unexpected(name + ": " + shown(key) + " is not a setting");
    }
    std::string& text = texts[std::string(setting->name)];
    if (value.is_string()) {
      text = value.get<std::string>();
    } else if (value.is_number_unsigned()) {
      text = std::to_string(value.get<std::uint64_t>());
    } else {
      return std::unexpected(name + ": the value of " + shown(key) +
                             " is neither text nor a whole number");
    }
  }
  return texts;
}

Loaded<SettingTexts> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(kLongestFileBytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.eof() && file.fail()) return std::unexpected(path + " cannot be read");
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kLongestFileBytes) return std::unexpected(path + " is longer than 1 MiB");
  return parse_config_json(content, path);
}

Loaded<Config> load_config(const SettingTexts& flags, const char* const* environment) {
  const auto variables = read_environment(environment);
  if (!variables) return std::unexpected(variables.error());

  SettingTexts file;
  std::string path;
  if (const auto given = variables->find("config"); given != variables->end()) path = given->second;
  if (const auto given = flags.find("config"); given != flags.end()) path = given->second;
  if (!path.empty()) {
    auto read = read_config_file(path);
    if (!read) return std::unexpected(std::move(read.error()));
    file = std::move(*read);
  }

  Config config;
  const auto in_file = [&](std::string_view name) { return path + ": " + file_key(name); };
  const auto as_flag = [](std::string_view name) { return "--" + std::string(name); };
  if (auto ok = apply(config, file, in_file); !ok) return std::unexpected(ok.error());
  if (auto ok = apply(config, *variables, environment_name); !ok)
    return std::unexpected(ok.error());
  if (auto ok = apply(config, flags, as_flag); !ok) return std::unexpected(ok.error());
  for (const auto member : {&Config::threads, &Config::compute_threads}) {
    if (config.*member == 0) config.*member = std::max(1u, std::thread::hardware_concurrency());
  }
  if (auto ok = check_config(config); !ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace frdpu::server
