#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/coding.h"
#include "core/error.h"
#include "proto/method.h"
#include "proto/routes.h"
#include "server/config.h"

namespace frdpu::server {

class Log;

/// What one line of the access log says. Nothing of a body, a query or a path is in here.
/// Ownership: views, needed only while the line is written.
struct AccessEntry {
  /// How the request ended.
  enum class End : std::uint8_t {
    done,         ///< the whole answer went out
    cut_off,      ///< by the service, behind the first byte of the answer
    client_gone,  ///< by the client, or by the end of the process
  };
  int descriptor = -1;  ///< the connection's, to ask for the peer
  proto::Listener listener = proto::Listener::service;
  proto::Method method = proto::Method::other;
  proto::Route route = proto::Route::other;
  std::uint16_t status = 0;  ///< 0: no answer had begun
  std::optional<core::Errc>
      refusal{};  ///< the code of the problem that was sent, or that cut it off
  std::optional<core::Coding> coding{};
  std::uint64_t in_bytes = 0;   ///< of the request's body
  std::uint64_t out_bytes = 0;  ///< of the answer's body
  std::chrono::nanoseconds duration{};
  std::chrono::nanoseconds queue_time{};
  std::chrono::nanoseconds codec_time{};
  std::string_view request_id{};
  std::string_view traceparent{};
  End end = End::done;
};

/// The access log of one I/O loop: decides which requests get a line, and writes it. Requests to
/// the admin listener (scrapes, probes) get theirs at level debug.
///
/// One request in `--access-log-sample` is taken. Of those, so many a second get their line that
/// all loops together keep to `--access-log-rate`; the next line after a pause says how many had to
/// do without (`unlogged`).
/// Threads: the loop's. Cost: a counter for a request without a line; 2 to 3 us of CPU for one
/// with, the writing thread included.
class AccessLog {
 public:
  AccessLog(const Config& config, Log& log) noexcept;

  /// Counts a request that ends now. Returns whether `write` should be called for it.
  [[nodiscard]] bool takes(proto::Listener listener,
                           std::chrono::steady_clock::time_point now) noexcept;

  void write(const AccessEntry& entry) noexcept;

  /// Writes a line about a connection whose TLS handshake failed, sampled and limited like those of
  /// requests. `reason`: in OpenSSL's words.
  void refused_handshake(proto::Listener listener, int descriptor, const char* reason,
                         std::chrono::steady_clock::time_point now) noexcept;

 private:
  Log& log_;
  const std::uint64_t sample_;          // 0: no request is taken
  const std::uint64_t lines_a_second_;  // 0: no limit
  std::uint64_t turn_ = 0;
  std::uint64_t lines_ = 0;  // in this second
  std::uint64_t unlogged_ = 0;
  std::chrono::steady_clock::time_point second_{};
};

}  // namespace frdpu::server
