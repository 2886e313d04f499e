#include "server/listener_guard.h"

#include <utility>

#include "server/log.h"
#include "server/secret_file.h"

namespace frdpu::server {

std::expected<ListenerGuard::Secrets, std::string> ListenerGuard::load(const AccessConfig& access,
                                                                       const std::string& prefix) {
  Secrets secrets;
  if (!access.tls_cert.empty()) {
    auto tls = TlsContext::load(access, prefix);
    if (!tls) return std::unexpected(tls.error());
    secrets.warnings = tls->warnings();
    secrets.tls = std::move(*tls);
  }
  const std::string& path = access.auth_token_file;
  if (path.empty()) return secrets;
  const std::string flag = prefix + "auth-token-file";
  const auto file = SecretFile::read(path);
  if (!file) return std::unexpected(flag + ": " + file.error());
  auto tokens = TokenList::parse(file->text());
  if (!tokens) return std::unexpected(flag + ": " + path + ": " + tokens.error());
  if (file->is_world_readable()) secrets.warnings.push_back(path + " is readable by everybody");
  if (tokens->has_short_tokens()) {
    secrets.warnings.push_back(path + " holds a token of less than " +
                               std::to_string(TokenList::kShortTokenChars) + " characters");
  }
  secrets.tokens = std::move(*tokens);
  return secrets;
}

ListenerGuard::Current ListenerGuard::shared(Secrets secrets) {
  Current current;
  if (secrets.tls) current.tls = std::make_shared<const TlsContext>(*std::move(secrets.tls));
  if (secrets.tokens) {
    current.tokens = std::make_shared<const TokenList>(*std::move(secrets.tokens));
  }
  current.warnings = std::move(secrets.warnings);
  return current;
}

ListenerGuard::Current ListenerGuard::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

ListenerGuard::ListenerGuard(Secrets secrets)
    : current_(shared(std::move(secrets))),
      has_tls_(current_.tls != nullptr),
      has_tokens_(current_.tokens != nullptr) {}

void ListenerGuard::replace(Secrets secrets) {
  Current fresh = shared(std::move(secrets));
  const std::lock_guard lock(mutex_);
  std::swap(current_, fresh);
}

std::unique_ptr<TlsSession> ListenerGuard::open_session(int descriptor) const {
  std::shared_ptr<const TlsContext> tls;
  {
    const std::lock_guard lock(mutex_);
    tls = current_.tls;
  }
  return TlsSession::open(*tls, descriptor, TlsSession::Role::server);
}

bool ListenerGuard::admits(std::optional<std::string_view> token) const noexcept {
  if (!has_tokens_) return true;
  if (!token) return false;
  std::shared_ptr<const TokenList> tokens;
  {
    const std::lock_guard lock(mutex_);
    tokens = current_.tokens;
  }
  return tokens->contains(*token);
}

void ListenerGuard::log_state(Log& log, std::string_view listener) const {
  const Current now = current();
  if (now.tls || now.tokens) {
    log.info("access", {{"listener", listener},
                        {"tls_until", now.tls ? now.tls->expires() : std::string("none")},
                        {"tokens", now.tokens ? now.tokens->size() : 0}});
  }
  for (const std::string& each : now.warnings) {
    log.warning("access", {{"listener", listener}, {"detail", each}});
  }
}

}  // namespace frdpu::server
