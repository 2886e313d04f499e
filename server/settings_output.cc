#include "server/settings_output.h"

#include <nlohmann/json.hpp>

#include "server/setting_access.h"
#include "server/settings.h"

namespace frdpu::server {

using enum SettingUnit;

std::string config_json(const Config& config) {
  nlohmann::ordered_json json;
  for (const Setting& setting : settings()) {
    const bool is_number = setting.unit == count || setting.unit == seconds;
    const std::string value = value_text(config, setting);
    if (is_number) {
      json[file_key(setting.name)] = config.*std::get<std::size_t Config::*>(setting.member);
    } else {
      json[file_key(setting.name)] = value;
    }
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string limits_json(const Config& config, std::uint64_t memory_bytes) {
  nlohmann::ordered_json json;
  for (const Setting& setting : settings()) {
    if (!setting.is_limit) continue;
    if (setting.unit == duration) {
      const auto value = config.*std::get<std::chrono::milliseconds Config::*>(setting.member);
      json[file_key(setting.name)] = std::chrono::duration<double>(value).count();
    } else {
      json[file_key(setting.name)] = config.*std::get<std::size_t Config::*>(setting.member);
    }
  }
  json["memory_bytes"] = memory_bytes;
  return json.dump();
}

std::string settings_markdown() {
  const Config defaults;
  std::string table = "| setting | default | |\n| --- | --- | --- |\n";
  for (const Setting& setting : settings()) {
    std::string shown(setting.unset);
    if (shown.empty()) shown.append("`").append(value_text(defaults, setting)).append("`");
    table.append("| `--").append(setting.name).append("` | ").append(shown);
    table.append(" | ").append(setting.help).append(" |\n");
  }
  return table;
}

}  // namespace frdpu::server
