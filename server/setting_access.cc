#include "server/setting_access.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace frdpu::server {
namespace {

using enum SettingUnit;

constexpr std::array kLogLevels = {
    std::pair<LogLevel, std::string_view>{LogLevel::debug, "debug"},
    std::pair<LogLevel, std::string_view>{LogLevel::info, "info"},
    std::pair<LogLevel, std::string_view>{LogLevel::warning, "warning"},
    std::pair<LogLevel, std::string_view>{LogLevel::error, "error"}};
constexpr std::array kLogFormats = {
    std::pair<LogFormat, std::string_view>{LogFormat::logfmt, "logfmt"},
    std::pair<LogFormat, std::string_view>{LogFormat::json, "json"}};

template <class Enum, std::size_t N>
Parsed<Enum> choose(const std::array<std::pair<Enum, std::string_view>, N>& choices,
                    std::string_view value) {
  std::string wanted;
  for (const auto& [choice, name] : choices) {
    if (name == value) return choice;
    wanted += (wanted.empty() ? "" : ", ") + std::string(name);
  }
  return std::unexpected("is not one of " + wanted);
}

template <class Enum, std::size_t N>
std::string name_of(const std::array<std::pair<Enum, std::string_view>, N>& choices, Enum value) {
  const auto* found = std::ranges::find(choices, value, &std::pair<Enum, std::string_view>::first);
  return found == choices.end() ? std::string{} : std::string(found->second);
}

std::string number_text(const Setting& setting, std::uint64_t value) {
  if (setting.unit == duration) {
    return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(value)));
  }
  if (setting.unit == mode) return format_mode(value);
  return setting.unit == bytes ? format_size(value) : std::to_string(value);
}

// A number within the bounds of its setting, in bytes, milliseconds or as it is.
Parsed<std::uint64_t> read_bounded(const Setting& setting, std::string_view value) {
  Parsed<std::uint64_t> number;
  if (setting.unit == duration) {
    const auto parsed = parse_duration(value);
    if (!parsed) return std::unexpected(parsed.error());
    number = static_cast<std::uint64_t>(parsed->count());
  } else if (setting.unit == mode) {
    number = parse_mode(value);
  } else {
    number = setting.unit == bytes ? parse_size(value) : parse_count(value);
  }
  if (!number) return number;
  if (*number < setting.min) {
    return std::unexpected("is below the smallest value, " + number_text(setting, setting.min));
  }
  if (*number > setting.max) {
    return std::unexpected("is above the largest value, " + number_text(setting, setting.max));
  }
  return number;
}

// Each overload reads one type of member; the table says which.
Parsed<ListenAddress> read(const Setting&, std::string_view value, const ListenAddress&) {
  return parse_listen_address(value);
}
Parsed<std::size_t> read(const Setting& setting, std::string_view value, std::size_t) {
  return read_bounded(setting, value);
}
Parsed<std::chrono::milliseconds> read(const Setting& setting, std::string_view value,
                                       std::chrono::milliseconds) {
  const auto number = read_bounded(setting, value);
  if (!number) return std::unexpected(number.error());
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}
Parsed<core::Coding> read(const Setting&, std::string_view value, core::Coding) {
  if (const auto coding = core::coding_from_name(value)) return *coding;
  return std::unexpected("is not a coding: lz4, zstd, gzip, deflate, br or identity");
}
Parsed<LogLevel> read(const Setting&, std::string_view value, LogLevel) {
  return choose(kLogLevels, value);
}
Parsed<LogFormat> read(const Setting&, std::string_view value, LogFormat) {
  return choose(kLogFormats, value);
}
Parsed<std::string> read(const Setting&, std::string_view value, const std::string&) {
  if (value.find('\0') != value.npos) return std::unexpected("holds a zero byte");
  return std::string(value);
}

std::string write(const Setting&, const ListenAddress& value) {
  return format_listen_address(value);
}
std::string write(const Setting& setting, std::size_t value) {
  return number_text(setting, value);
}
std::string write(const Setting&, std::chrono::milliseconds value) {
  return format_duration(value);
}
std::string write(const Setting&, core::Coding value) {
  return std::string(core::to_string(value));
}
std::string write(const Setting&, LogLevel value) {
  return name_of(kLogLevels, value);
}
std::string write(const Setting&, LogFormat value) {
  return name_of(kLogFormats, value);
}
std::string write(const Setting&, const std::string& value) {
  return value;
}

template <class AnyConfig, class Use>
auto with_member(AnyConfig& config, const Setting& setting, Use use) {
  return std::visit(
      [&](const auto& member) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, AccessMember>) {
          return use(config.*(member.access).*(member.path));
        } else {
          return use(config.*member);
        }
      },
      setting.member);
}

}  // namespace

std::expected<void, std::string> set_value(Config& config, const Setting& setting,
                                           std::string_view value) {
  return with_member(config, setting, [&](auto& member) -> std::expected<void, std::string> {
    auto parsed = read(setting, value, member);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    member = std::move(*parsed);
    return {};
  });
}

std::string value_text(const Config& config, const Setting& setting) {
  return with_member(config, setting, [&](const auto& member) { return write(setting, member); });
}

}  // namespace frdpu::server
