#include "server/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>

#include "server/log.h"

namespace frdpu::server {
namespace {

constexpr std::string_view kEnds[] = {"done", "cut_off", "client_gone"};

// As "192.0.2.1:5000", "[2001:db8::1]:5000" or "unix"; "" where nobody is there any more.
std::string_view peer(int descriptor, std::span<char> room) noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> host{};
  int written = 0;
  if (address.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &ipv4.sin_addr, host.data(), host.size());
    written = std::snprintf(room.data(), room.size(), "%s:%u", host.data(), ntohs(ipv4.sin_port));
  } else if (address.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &ipv6.sin6_addr, host.data(), host.size());
    written =
        std::snprintf(room.data(), room.size(), "[%s]:%u", host.data(), ntohs(ipv6.sin6_port));
  } else {
    return "unix";
  }
  return {room.data(), static_cast<std::size_t>(written)};
}

LogLevel level_of(proto::Listener listener) noexcept {
  return listener == proto::Listener::service ? LogLevel::info : LogLevel::debug;
}

// Three decimals: microseconds.
double milliseconds(std::chrono::nanoseconds time) noexcept {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e3;
}

}  // namespace

AccessLog::AccessLog(const Config& config, Log& log) noexcept
    : log_(log),
      sample_(config.access_log_sample),
      lines_a_second_(config.access_log_rate == 0
                          ? 0
                          : std::max<std::uint64_t>(config.access_log_rate / config.threads, 1)) {}

bool AccessLog::takes(proto::Listener listener,
                      std::chrono::steady_clock::time_point now) noexcept {
  if (sample_ == 0 || !log_.enabled(level_of(listener)) || turn_++ % sample_ != 0) return false;
  if (lines_a_second_ == 0) return true;
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_ = 0;
  }
  const bool taken = lines_ < lines_a_second_;
  (taken ? lines_ : unlogged_) += 1;
  return taken;
}

void AccessLog::write(const AccessEntry& entry) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 10> peer_room;
  std::array<LogField, 17> fields = {
      LogField("method", proto::to_string(entry.method)),
      LogField("route", proto::route_template(entry.route)),
  };
  std::size_t count = 2;
  const auto add = [&](const LogField& field) { fields[count++] = field; };
  if (entry.status != 0) add({"status", entry.status});
  if (entry.refusal) add({"code", core::to_string(*entry.refusal)});
  if (entry.coding) add({"coding", core::traits(*entry.coding).name});
  add({"in", entry.in_bytes});
  add({"out", entry.out_bytes});
  add({"ms", milliseconds(entry.duration)});
  add({"queue_ms", milliseconds(entry.queue_time)});
  add({"codec_ms", milliseconds(entry.codec_time)});
  add({"end", kEnds[static_cast<std::size_t>(entry.end)]});
  const std::string_view client = peer(entry.descriptor, peer_room);
  if (!client.empty()) add({"client", client});
  if (!entry.request_id.empty()) add({"request_id", entry.request_id});
  if (!entry.traceparent.empty()) add({"traceparent", entry.traceparent});
  if (unlogged_ != 0) add({"unlogged", unlogged_});
  unlogged_ = 0;
  log_.write(level_of(entry.listener), "request", std::span<const LogField>(fields).first(count));
}

void AccessLog::refused_handshake(proto::Listener listener, int descriptor, const char* reason,
                                  std::chrono::steady_clock::time_point now) noexcept {
  if (!takes(listener, now)) return;
  std::array<char, INET6_ADDRSTRLEN + 10> peer_room;
  log_.write(level_of(listener), "handshake_failed",
             {{"reason", reason}, {"client", peer(descriptor, peer_room)}});
}

}  // namespace frdpu::server
