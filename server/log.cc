#include "server/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>

#include "server/log_queue.h"
#include "server/signals_blocked.h"

namespace frdpu::server {
namespace {

// How long the writing thread waits for a reader before it drops lines: while the log lives, and
// for all lines together once it is being destroyed.
constexpr int kWaitMs = 250;
constexpr int kFinalWaitMs = 500;

}  // namespace

// The thread that writes whole lines to a descriptor, and the queue that it takes them from.
class Log::Writer {
 public:
  Writer(const Options& options)
      : queue_(std::max(options.queue_bytes, kLogLineBytes)),
        descriptor_(options.descriptor),
        format_(options.format),
        thread_(start()) {}

  ~Writer() {
    stopping_.store(true, std::memory_order_relaxed);
    queue_.stop();
    thread_.join();
  }

  void push(std::string_view line) noexcept { queue_.push(line); }

  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return unread_.load(std::memory_order_relaxed) + queue_.dropped();
  }

 private:
  std::thread start() {
    const SignalsBlocked blocked;
    return std::thread([this] { run(); });
  }

  void run() {
    std::array<char, kLogLineBytes> lines;
    while (const std::size_t bytes = queue_.take(lines)) {
      report_losses();
      put({lines.data(), bytes});
    }
    report_losses();
  }

  void report_losses() {
    const std::uint64_t lost = dropped();
    if (lost == reported_) return;
    std::array<char, 256> buffer;
    const LogField fields[] = {{"lines", lost - reported_}};
    const std::string_view line = render_log_line(buffer, format_, std::chrono::system_clock::now(),
                                                  LogLevel::warning, "log_lines_lost", fields);
    if (put(line)) reported_ = lost;
  }

  // POLLOUT promises room for PIPE_BUF bytes, so that the write after it does not block.
  bool put(std::string_view lines) noexcept {
    static_assert(kLogLineBytes <= 4096, "more than PIPE_BUF");
    while (!lines.empty()) {
      pollfd descriptor{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      if (::poll(&descriptor, 1, wait_ms()) <= 0) break;
      const ssize_t written = ::write(descriptor_, lines.data(), lines.size());
      if (written < 0 && errno != EINTR && errno != EAGAIN) break;
      if (written > 0) lines.remove_prefix(static_cast<std::size_t>(written));
    }
    const auto lost = std::ranges::count(lines, '\n');
    unread_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
    return lost == 0;
  }

  // Once the log is being destroyed, all lines that are left share one deadline.
  int wait_ms() noexcept {
    if (!stopping_.load(std::memory_order_relaxed)) return kWaitMs;
    using Clock = std::chrono::steady_clock;
    if (deadline_ == Clock::time_point{}) {
      deadline_ = Clock::now() + std::chrono::milliseconds(kFinalWaitMs);
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
  }

  LogQueue queue_;
  const int descriptor_;
  const LogFormat format_;
  std::chrono::steady_clock::time_point deadline_{};
  std::uint64_t reported_ = 0;
  std::atomic<std::uint64_t> unread_{0};  // lines that nobody took in time
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses all of the above
};

Log::Log(const Options& options)
    : level_(options.level), format_(options.format), writer_(std::make_unique<Writer>(options)) {}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) noexcept {
  if (enabled(level)) put(level, message, fields);
}

void Log::write(LogLevel level, std::string_view message,
                std::span<const LogField> fields) noexcept {
  if (enabled(level)) put(level, message, fields);
}

void Log::listening(std::string_view listener, std::string_view address) noexcept {
  const LogField fields[] = {{listener, address}};
  if (format_ == LogFormat::logfmt) {
    put(LogLevel::info, "listening", fields);
    return;
  }
  std::array<char, 256> text;
  const int length = std::snprintf(text.data(), text.size(), "listening %.*s=%.*s",
                                   static_cast<int>(listener.size()), listener.data(),
                                   static_cast<int>(address.size()), address.data());
  put(LogLevel::info, {text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1)},
      fields);
}

void Log::put(LogLevel level, std::string_view message, std::span<const LogField> fields) noexcept {
  std::array<char, kLogLineBytes> buffer;
  writer_->push(
      render_log_line(buffer, format_, std::chrono::system_clock::now(), level, message, fields));
}

std::uint64_t Log::dropped() const noexcept {
  return writer_->dropped();
}

}  // namespace frdpu::server
