#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

/// How the values of settings are written: sizes, counts, durations and addresses. Plain text in,
/// plain values out; the same rules for flags, environment variables and the configuration file.
namespace frdpu::server {

/// A value, or one sentence on what is wrong with the text (without the name of the setting).
template <class T>
using Parsed = std::expected<T, std::string>;

/// Where a listener is bound: a TCP address or the path of a unix socket.
struct ListenAddress {
  std::string host;        ///< name or number, without the brackets of IPv6; empty for unix sockets
  std::uint16_t port = 0;  ///< 0 lets the system choose
  std::string path;        ///< of a unix socket; empty for TCP

  [[nodiscard]] bool is_unix() const noexcept { return !path.empty(); }
  bool operator==(const ListenAddress&) const = default;
};

/// Reads a whole number without sign. Errors: anything else, or beyond 2^64 - 1.
[[nodiscard]] Parsed<std::uint64_t> parse_count(std::string_view text);

/// Reads a size in bytes: plain, or with `k`, `m`, `g` for powers of 1024, in either case.
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text);

/// Reads a duration: a whole number with `ms`, `s` or `m`; only 0 may stand without its unit.
/// Errors: a missing or unknown unit, or more than 24 hours.
[[nodiscard]] Parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Reads the mode of a file: octal digits, at most 0777.
[[nodiscard]] Parsed<std::uint64_t> parse_mode(std::string_view text);

/// Reads `host:port`, `[IPv6]:port` or `unix:/path`.
/// Errors: no port, a port above 65535, an empty host, IPv6 without brackets, a relative path, or
/// one that is longer than a unix socket's address can hold (107 bytes).
[[nodiscard]] Parsed<ListenAddress> parse_listen_address(std::string_view text);

/// The inverse of the functions above: what they return parses back to the same value.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_mode(std::uint64_t mode);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_listen_address(const ListenAddress& address);

}  // namespace frdpu::server
