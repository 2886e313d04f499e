#include "server/cli_settings.h"

#include <unistd.h>

#include "server/config_sources.h"
#include "server/memory_plan.h"
#include "server/setting_access.h"
#include "server/settings.h"

namespace frdpu::server {
namespace {

constexpr const char* type_name(SettingUnit unit) noexcept {
  switch (unit) {
    case SettingUnit::count:
      return "N";
    case SettingUnit::seconds:
      return "SECONDS";
    case SettingUnit::bytes:
      return "SIZE";
    case SettingUnit::duration:
      return "TIME";
    case SettingUnit::mode:
      return "MODE";
    case SettingUnit::text:
      break;
  }
  return "TEXT";
}

std::string flag(std::string_view name) {
  std::string text("--");
  return text.append(name);
}

}  // namespace

void add_setting_flags(CLI::App& command, FlagTexts& texts) {
  const Config defaults;
  command.add_option("--config", texts["config"], "JSON file with settings")->type_name("FILE");
  for (const Setting& setting : settings()) {
    std::string text(setting.help);
    text.append(" (").append(setting.unset.empty() ? value_text(defaults, setting)
                                                   : std::string(setting.unset));
    command.add_option(flag(setting.name), texts[std::string(setting.name)], text.append(")"))
        ->type_name(type_name(setting.unit));
  }
}

std::expected<Config, std::string> config_from(const CLI::App& command, const FlagTexts& texts) {
  SettingTexts given;
  for (const auto& [name, text] : texts) {
    if (command.count(flag(name)) != 0) given[name] = text;
  }
  auto config = load_config(given, environ);
  if (config) choose_memory(*config, read_machine_memory());
  return config;
}

}  // namespace frdpu::server
