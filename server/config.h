#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "core/body_decoder.h"
#include "core/bytes.h"
#include "core/coding.h"
#include "server/setting_values.h"

/// The settings of `frdpu serve`, typed. `settings.h` says how each is named and bounded,
/// `config_sources.h` reads them from flags, environment and file.
namespace frdpu::server {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { logfmt, json };

/// What guards one listener: a file of bearer tokens, and TLS. Empty paths: switched off.
struct AccessConfig {
  std::string auth_token_file;  ///< one token a line
  std::string tls_cert;         ///< PEM chain
  std::string tls_key;          ///< PEM key
  std::string tls_client_ca;    ///< PEM; clients must show a certificate signed by one of these
};

/// Every setting with its default. Units: bytes where the name says so, else as typed.
/// Life: filled by `load_config`, completed by `choose_memory` (memory_plan.h), then only read.
struct Config {
  ListenAddress listen{.host = "127.0.0.1", .port = 8080, .path = {}};
  ListenAddress admin_listen{.host = "127.0.0.1", .port = 8081, .path = {}};

  std::size_t listen_mode = 0660;        ///< of the unix socket's file, where it is one
  std::size_t admin_listen_mode = 0600;  ///< likewise

  std::size_t threads = 0;          ///< I/O loops; 0 until load_config puts the number of cores
  std::size_t compute_threads = 0;  ///< workers for heavy codec work; likewise

  std::size_t pool_mtu_blocks = 0;  ///< 0 until choose_memory sets it
  std::size_t pool_64k_blocks = 0;  ///< likewise
  std::size_t workspace_bytes = 0;  ///< likewise

  core::Coding default_coding = core::Coding::lz4;

  std::size_t max_body_bytes = core::kGiB;    ///< of one request, as sent; 0: no limit
  std::size_t max_output_bytes = core::kGiB;  ///< decoded from one request; 0: no limit
  std::size_t max_ratio = 0;                  ///< decoded to encoded bytes; 0: no limit
  std::size_t max_window_bytes = 8 * core::kMiB;
  std::size_t max_frames = 1'000'000;   ///< frames or members of one body; 0: no limit
  std::size_t max_content_codings = 2;  ///< undone one after the other; at most 2
  std::size_t max_cpu_seconds = 60;     ///< of one request; 0: no limit
  std::size_t max_header_bytes = 16 * core::kKiB;
  std::size_t max_connections = 10'000;
  std::size_t max_requests_per_connection = 0;      ///< 0: no limit
  std::size_t max_queued_jobs = 512;                ///< that wait for a worker, or for memory
  std::size_t max_stream_bytes = 256 * core::kMiB;  ///< of one result that its client reads late

  std::chrono::milliseconds queue_timeout{1'000};
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::size_t min_bytes_per_second = 240;  ///< of a body or an answer under way; 0: no limit
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_timeout{30'000};
  std::chrono::milliseconds ready_grace{5'000};

  std::string dictionary_dir;                      ///< of stored dictionaries; empty: none
  std::size_t dictionary_bytes = 16 * core::kMiB;  ///< of all of them together
  AccessConfig access;                             ///< of the service listener
  AccessConfig admin_access;                       ///< of the admin listener

  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  std::size_t access_log_sample = 1;    ///< one request in so many gets a line; 0: none
  std::size_t access_log_rate = 1'000;  ///< lines of requests a second at most; 0: no limit
};

/// Checks what concerns several settings at once; single values were checked when they were set.
/// Returns: nothing, or one line that names the settings and says what is wrong.
[[nodiscard]] std::expected<void, std::string> check_config(const Config& config);

/// Returns the limits that decoding one request's body has.
[[nodiscard]] core::DecodeLimits decode_limits(const Config& config) noexcept;

}  // namespace frdpu::server
