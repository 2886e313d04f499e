#include "server/settings.h"

#include <algorithm>

namespace frdpu::server {
namespace {

using enum SettingUnit;
using core::kKiB;
using core::kMiB;

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kDay = 24ull * 60 * 60 * 1000;
constexpr std::uint64_t kMostBlocks = 1ull << 32;
constexpr std::uint64_t kMostThreads = 1024;

// A lower bound of 0 means that 0 is allowed, and what it means stands in `unset` or the help.
// Upper bounds: a head must fit into one 64 KiB block; 128 MiB is the contract's largest window.
constexpr Setting kSettings[] = {
    {"listen",
     &Config::listen,
     text,
     0,
     kAny,
     {},
     false,
     true,
     "address of the service: host:port or unix:/path; port 0 picks a free one"},
    {"admin-listen",
     &Config::admin_listen,
     text,
     0,
     kAny,
     {},
     false,
     true,
     "address for metrics, health and pools; keep it private"},
    {"threads", &Config::threads, count, 0, kMostThreads, "number of cores", false, true,
     "I/O loops, one a thread"},
    {"compute-threads", &Config::compute_threads, count, 0, kMostThreads, "number of cores", false,
     true, "workers for heavy codec work, at low priority"},
    {"pool-mtu-blocks", &Config::pool_mtu_blocks, count, 0, kMostBlocks, "from the memory there is",
     true, true, "blocks of 1,500 B for heads and small bodies"},
    {"pool-64k-blocks", &Config::pool_64k_blocks, count, 0, kMostBlocks, "from the memory there is",
     true, true, "blocks of 64 KiB for larger bodies"},
    {"workspace-bytes", &Config::workspace_bytes, bytes, 0, kAny, "from the memory there is", true,
     true, "memory of all codec workspaces"},
    {"default-coding",
     &Config::default_coding,
     text,
     0,
     kAny,
     {},
     false,
     true,
     "coding of /v1/compress when the request names none"},
    {"max-body-bytes",
     &Config::max_body_bytes,
     bytes,
     0,
     kAny,
     {},
     true,
     true,
     "longest request body, as sent; 0: no limit"},
    {"max-output-bytes",
     &Config::max_output_bytes,
     bytes,
     0,
     kAny,
     {},
     true,
     true,
     "most decoded bytes of one request; 0: no limit"},
    {"max-ratio", &Config::max_ratio, count, 0, kAny, "off", true, true,
     "most decoded bytes for one encoded byte, past the first 16 MiB of output; 0: no limit"},
    {"max-window-bytes",
     &Config::max_window_bytes,
     bytes,
     64 * kKiB,
     128 * kMiB,
     {},
     true,
     true,
     "largest window, for encoding and decoding; at most 128m"},
    {"max-cpu-seconds",
     &Config::max_cpu_seconds,
     seconds,
     0,
     86'400,
     {},
     true,
     true,
     "most CPU time of one request, in seconds; 0: no limit"},
    {"max-header-bytes",
     &Config::max_header_bytes,
     bytes,
     1 * kKiB,
     64 * kKiB,
     {},
     true,
     true,
     "longest request head; at most 64k"},
    {"max-connections",
     &Config::max_connections,
     count,
     1,
     10'000'000,
     {},
     true,
     true,
     "most connections at a time"},
    {"max-stream-bytes",
     &Config::max_stream_bytes,
     bytes,
     128 * kKiB,
     kAny,
     {},
     true,
     true,
     "most bytes of one result kept for a client that reads late"},
    {"queue-timeout",
     &Config::queue_timeout,
     duration,
     0,
     kDay,
     {},
     true,
     true,
     "longest wait for a block, a workspace or a worker, then 503"},
    {"header-timeout",
     &Config::header_timeout,
     duration,
     1,
     kDay,
     {},
     true,
     true,
     "longest time for the whole request head"},
    {"body-timeout",
     &Config::body_timeout,
     duration,
     1,
     kDay,
     {},
     true,
     true,
     "longest time without progress of the request body"},
    {"write-timeout",
     &Config::write_timeout,
     duration,
     1,
     kDay,
     {},
     true,
     true,
     "longest time without progress of the answer"},
    {"idle-timeout",
     &Config::idle_timeout,
     duration,
     1,
     kDay,
     {},
     true,
     true,
     "longest time between two requests on a connection"},
    {"drain-delay",
     &Config::drain_delay,
     duration,
     0,
     kDay,
     {},
     false,
     true,
     "time between not ready and closed listeners after SIGTERM"},
    {"drain-timeout",
     &Config::drain_timeout,
     duration,
     0,
     kDay,
     {},
     false,
     true,
     "time that requests under way get to finish after that"},
    {"ready-grace",
     &Config::ready_grace,
     duration,
     0,
     kDay,
     {},
     false,
     true,
     "time a pool may be empty before /readyz says 503"},
    {"dictionary-dir", &Config::dictionary_dir, text, 0, kAny, "none", false, false,
     "folder of stored dictionaries"},
    {"auth-token-file", AccessMember{&Config::access, &AccessConfig::auth_token_file}, text, 0,
     kAny, "none", false, false, "bearer tokens of the service, one a line"},
    {"tls-cert", AccessMember{&Config::access, &AccessConfig::tls_cert}, text, 0, kAny, "none",
     false, false, "certificate chain of the service, PEM"},
    {"tls-key", AccessMember{&Config::access, &AccessConfig::tls_key}, text, 0, kAny, "none", false,
     false, "key of that certificate, PEM"},
    {"tls-client-ca", AccessMember{&Config::access, &AccessConfig::tls_client_ca}, text, 0, kAny,
     "none", false, false, "clients must show a certificate signed by one of these"},
    {"admin-auth-token-file", AccessMember{&Config::admin_access, &AccessConfig::auth_token_file},
     text, 0, kAny, "none", false, false, "the same for the admin listener"},
    {"admin-tls-cert", AccessMember{&Config::admin_access, &AccessConfig::tls_cert}, text, 0, kAny,
     "none", false, false, "the same for the admin listener"},
    {"admin-tls-key", AccessMember{&Config::admin_access, &AccessConfig::tls_key}, text, 0, kAny,
     "none", false, false, "the same for the admin listener"},
    {"admin-tls-client-ca", AccessMember{&Config::admin_access, &AccessConfig::tls_client_ca}, text,
     0, kAny, "none", false, false, "the same for the admin listener"},
    {"log-level",
     &Config::log_level,
     text,
     0,
     kAny,
     {},
     false,
     true,
     "debug, info, warning or error"},
    {"log-format", &Config::log_format, text, 0, kAny, {}, false, true, "logfmt or json"},
};

std::string with_separator(std::string_view name, char separator) {
  std::string result(name);
  std::ranges::replace(result, '-', separator);
  return result;
}

}  // namespace

std::span<const Setting> settings() noexcept {
  return kSettings;
}

const Setting* find_setting(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string environment_name(std::string_view setting_name) {
  std::string name = "FRDPU_" + with_separator(setting_name, '_');
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

std::string file_key(std::string_view setting_name) {
  return with_separator(setting_name, '_');
}

}  // namespace frdpu::server
