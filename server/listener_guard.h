#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/tls_context.h"
#include "server/tls_session.h"
#include "server/token_list.h"

namespace frdpu::server {

class Log;

/// Who may come in by one listener: its TLS and its bearer tokens, as the files of its settings
/// say. Life: `load` and the constructor at start; on a reload `load` again, and `replace` once
/// what belongs together is loaded. Connections keep the TLS that they began with. Threads: any.
class ListenerGuard {
 public:
  /// What the files hold; empty where the settings name none.
  struct Secrets {
    std::optional<TlsContext> tls;
    std::optional<TokenList> tokens;
    std::vector<std::string> warnings;  ///< one sentence each, for the log
  };

  /// Reads the files. `prefix` is how the listener's flags begin: "--" or "--admin-".
  /// Errors: one sentence with the flag and the file, without a byte of content.
  [[nodiscard]] static std::expected<Secrets, std::string> load(const AccessConfig& access,
                                                                const std::string& prefix);

  explicit ListenerGuard(Secrets secrets);

  /// Takes over what was loaded anew, from the same settings.
  void replace(Secrets secrets);

  [[nodiscard]] bool has_tls() const noexcept { return has_tls_; }
  [[nodiscard]] bool has_tokens() const noexcept { return has_tokens_; }

  /// A session for a connection that was accepted. Requires: `has_tls`. Returns: nullptr where
  /// there is no memory.
  [[nodiscard]] std::unique_ptr<TlsSession> open_session(int descriptor) const;

  /// Whether a request with this token, or with none, may be answered.
  /// Cost: nothing without tokens; else a digest, and a comparison with each. No allocation.
  [[nodiscard]] bool admits(std::optional<std::string_view> token) const noexcept;

  /// Says what is in force, and what an operator should know of it. `listener`: "service", "admin".
  void log_state(Log& log, std::string_view listener) const;

 private:
  struct Current {
    std::shared_ptr<const TlsContext> tls;
    std::shared_ptr<const TokenList> tokens;
    std::vector<std::string> warnings;
  };
  [[nodiscard]] static Current shared(Secrets secrets);
  [[nodiscard]] Current current() const;

  Current current_;
  mutable std::mutex mutex_;  // for `current_`
  const bool has_tls_;
  const bool has_tokens_;
};

}  // namespace frdpu::server
