#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/file/file_descriptor.h"
#include "server/config.h"
#include "server/tls_context.h"
#include "server/tls_session.h"

namespace frdpu::server {

/// A connection of the command line to a listener of ours, plain or over TLS. Every call waits, and
/// gives up at the deadline that was given at the start. Move-only. Threads: one at a time.
class ClientChannel {
 public:
  using Clock = std::chrono::steady_clock;
  /// A value, or one sentence on what went wrong.
  template <class T>
  using Asked = std::expected<T, std::string>;

  /// Connects to where a listener with these settings can be reached from this machine: one that
  /// listens everywhere listens on loopback. `prefix` is how its flags begin.
  [[nodiscard]] static Asked<ClientChannel> connect(const ListenAddress& address,
                                                    const AccessConfig& access,
                                                    const std::string& prefix,
                                                    Clock::time_point deadline);

  /// Sends a short text and returns what comes back until the end, its first `most_bytes` at most.
  [[nodiscard]] Asked<std::string> ask(std::string_view text, std::size_t most_bytes);

 private:
  ClientChannel(core::FileDescriptor socket, Clock::time_point deadline) noexcept;

  [[nodiscard]] Asked<void> begin_tls(const AccessConfig& access, const std::string& prefix);
  template <class Step>
  [[nodiscard]] Asked<IoResult> finish(Step step, bool writes);

  core::FileDescriptor socket_;
  Clock::time_point deadline_;
  std::optional<TlsContext> context_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace frdpu::server
