#include "server/config.h"

namespace frdpu::server {
namespace {

std::expected<void, std::string> check_access(const AccessConfig& access, std::string prefix) {
  if (access.tls_cert.empty() != access.tls_key.empty()) {
    return std::unexpected(prefix + "tls-cert and " + prefix + "tls-key only work together");
  }
  if (!access.tls_client_ca.empty() && access.tls_cert.empty()) {
    return std::unexpected(prefix + "tls-client-ca needs " + prefix + "tls-cert");
  }
  return {};
}

}  // namespace

std::expected<void, std::string> check_config(const Config& config) {
  const bool fixed = config.listen.is_unix() || config.listen.port != 0;
  if (fixed && config.listen == config.admin_listen) {
    return std::unexpected("--listen and --admin-listen are the same address: " +
                           format_listen_address(config.listen));
  }
  if (auto ok = check_access(config.access, "--"); !ok) return ok;
  return check_access(config.admin_access, "--admin-");
}

core::DecodeLimits decode_limits(const Config& config) noexcept {
  return {.max_output_bytes = config.max_output_bytes,
          .max_ratio = config.max_ratio,
          .max_window_bytes = config.max_window_bytes,
          .max_frames = config.max_frames};
}

}  // namespace frdpu::server
