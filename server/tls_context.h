#pragma once

#include <openssl/types.h>

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/config.h"

namespace frdpu::server {

/// Certificate, key and rules of TLS for one listener, as its files said. It never changes: a
/// reload makes a new one, and connections keep the one that they began with.
/// What is spoken: TLS 1.2 with ephemeral keys and authenticated ciphers, and TLS 1.3; ALPN
/// http/1.1; no renegotiation, no compression, no early data.
/// Threads: any.
class TlsContext {
 public:
  /// A listener's. `prefix` is how its flags begin: "--" or "--admin-".
  /// Requires: `access` names a certificate and a key.
  /// Errors: one sentence with flag and file, never with content: files that cannot be read, hold
  /// nothing usable or do not belong together, a key that is encrypted.
  [[nodiscard]] static std::expected<TlsContext, std::string> load(const AccessConfig& access,
                                                                   const std::string& prefix);

  /// One to ask that listener with, on the same machine: takes any certificate, as kubelet's probes
  /// do, and shows the listener's own where it wants to see one. Errors: as for `load`.
  [[nodiscard]] static std::expected<TlsContext, std::string> load_client(
      const AccessConfig& access, const std::string& prefix);

  TlsContext(TlsContext&&) noexcept;
  TlsContext& operator=(TlsContext&&) noexcept;
  ~TlsContext();

  [[nodiscard]] SSL_CTX* native() const noexcept;

  /// What an operator should know of files that are good enough, in short sentences.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  /// When the certificate ends, as "2027-11-21T12:00:00Z".
  [[nodiscard]] std::string expires() const;

 private:
  struct Native;

  explicit TlsContext(std::unique_ptr<Native> native) noexcept;
  [[nodiscard]] std::expected<void, std::string> use_identity(const AccessConfig& access,
                                                              const std::string& prefix);
  [[nodiscard]] std::expected<void, std::string> use_client_authorities(const std::string& path,
                                                                        const std::string& flag);

  std::unique_ptr<Native> native_;
  std::vector<std::string> warnings_;
};

}  // namespace frdpu::server
