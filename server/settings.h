#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/config.h"

/// The one table of settings. Flags, environment variables, keys of the configuration file,
/// --print-config, --help, /v1/limits and README's table are all made from it.
namespace frdpu::server {

/// How a value is written, where its type leaves that open.
enum class SettingUnit : std::uint8_t { text, count, seconds, bytes, duration, mode };

/// A place in Config; `AccessMember` reaches into the part of one listener.
struct AccessMember {
  AccessConfig Config::*access;
  std::string AccessConfig::*path;
};
using SettingMember =
    std::variant<ListenAddress Config::*, std::size_t Config::*,
                 std::chrono::milliseconds Config::*, core::Coding Config::*, LogLevel Config::*,
                 LogFormat Config::*, std::string Config::*, AccessMember>;

struct Setting {
  std::string_view name;  ///< of the flag, without the dashes: "max-body-bytes"
  SettingMember member;
  SettingUnit unit = SettingUnit::text;
  std::uint64_t min = 0;  ///< for numbers, sizes and durations (in ms)
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::string_view unset{};  ///< what README says of a default that is 0 or empty
  bool is_limit = false;     ///< part of /v1/limits
  std::string_view help{};   ///< one line
};

/// Every setting, in the order in which people read about them. Static storage.
[[nodiscard]] std::span<const Setting> settings() noexcept;

/// Finds a setting by the name of its flag. Returns nullptr when there is none.
[[nodiscard]] const Setting* find_setting(std::string_view name) noexcept;

/// "FRDPU_MAX_BODY_BYTES" and "max_body_bytes" for "max-body-bytes".
[[nodiscard]] std::string environment_name(std::string_view setting_name);
[[nodiscard]] std::string file_key(std::string_view setting_name);

}  // namespace frdpu::server
