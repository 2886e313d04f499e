#include "server/setting_values.h"

#include <sys/un.h>

#include <charconv>
#include <limits>
#include <utility>

namespace frdpu::server {
namespace {

constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24);
constexpr std::size_t kLongestUnixPath = sizeof(sockaddr_un::sun_path) - 1;

struct Number {
  std::uint64_t value;
  std::string_view rest;  // what follows the digits
};

Parsed<Number> read_number(std::string_view text, const char* wanted) {
  Number number{0, {}};
  const char* end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number.value);
  if (error == std::errc::result_out_of_range) return std::unexpected("is too large");
  if (error != std::errc{}) return std::unexpected(std::string("is not ") + wanted);
  number.rest = text.substr(static_cast<std::size_t>(after - text.data()));
  return number;
}

Parsed<std::uint64_t> scaled(std::uint64_t value, std::uint64_t factor) {
  if (value > std::numeric_limits<std::uint64_t>::max() / factor) {
    return std::unexpected("is too large");
  }
  return value * factor;
}

}  // namespace

Parsed<std::uint64_t> parse_count(std::string_view text) {
  const auto number = read_number(text, "a whole number");
  if (!number) return std::unexpected(number.error());
  if (!number->rest.empty()) return std::unexpected("is not a whole number");
  return number->value;
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  constexpr const char* kWanted = "a size such as 65536, 64k, 256m or 1g";
  const auto number = read_number(text, kWanted);
  if (!number) return std::unexpected(number.error());
  if (number->rest.empty()) return number->value;
  if (number->rest.size() == 1) {
    switch (number->rest.front()) {
      case 'k':
      case 'K':
        return scaled(number->value, 1ull << 10);
      case 'm':
      case 'M':
        return scaled(number->value, 1ull << 20);
      case 'g':
      case 'G':
        return scaled(number->value, 1ull << 30);
      default:
        break;
    }
  }
  return std::unexpected(std::string("is not ") + kWanted);
}

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr const char* kWanted = "a duration such as 250ms, 5s or 2m";
  const auto number = read_number(text, kWanted);
  if (!number) return std::unexpected(number.error());
  std::uint64_t factor = 0;
  if (number->rest == "ms" || (number->rest.empty() && number->value == 0)) {
    factor = 1;
  } else if (number->rest == "s") {
    factor = 1000;
  } else if (number->rest == "m") {
    factor = 60 * 1000;
  } else {
    return std::unexpected(std::string("is not ") + kWanted);
  }
  const auto in_ms = scaled(number->value, factor);
  if (!in_ms || *in_ms > static_cast<std::uint64_t>(kLongestDuration.count())) {
    return std::unexpected("is longer than 24 hours");
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(*in_ms));
}

Parsed<std::uint64_t> parse_mode(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, value, 8);
  if (error != std::errc{} || after != end || value > 0777) {
    return std::unexpected("is not a file's mode such as 0660");
  }
  return value;
}

Parsed<ListenAddress> parse_listen_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (!path.starts_with('/')) return std::unexpected("needs an absolute path: unix:/path");
    if (path.size() > kLongestUnixPath || path.find('\0') != path.npos) {
      return std::unexpected("has a path that no unix socket can have (107 bytes at most)");
    }
    return ListenAddress{.host = {}, .port = 0, .path = std::string(path)};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::unexpected("is not host:port or unix:/path");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return std::unexpected("needs brackets around an IPv6 address: [::1]:8080");
  }
  if (host.empty() || host.find_first_of("[]/ \t\r\n") != host.npos) {
    return std::unexpected("has no host; 0.0.0.0 or [::] stands for every address");
  }
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > 65535) return std::unexpected("has no port from 0 to 65535");
  return ListenAddress{
      .host = std::string(host), .port = static_cast<std::uint16_t>(*port), .path = {}};
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::pair<unsigned, char> kUnits[] = {{30, 'g'}, {20, 'm'}, {10, 'k'}};
  for (const auto& [shift, unit] : kUnits) {
    if (bytes != 0 && (bytes & ((1ull << shift) - 1)) == 0) {
      return std::to_string(bytes >> shift) + unit;
    }
  }
  return std::to_string(bytes);
}

std::string format_mode(std::uint64_t mode) {
  const char digits[] = {'0', static_cast<char>('0' + (mode >> 6 & 7)),
                         static_cast<char>('0' + (mode >> 3 & 7)),
                         static_cast<char>('0' + (mode & 7))};
  return {digits, sizeof digits};
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count != 0 && count % 60'000 == 0) return std::to_string(count / 60'000) + "m";
  if (count % 1000 == 0) return std::to_string(count / 1000) + "s";
  return std::to_string(count) + "ms";
}

std::string format_listen_address(const ListenAddress& address) {
  if (address.is_unix()) return "unix:" + address.path;
  const bool brackets = address.host.find(':') != address.host.npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace frdpu::server
