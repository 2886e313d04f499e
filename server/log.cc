#include "server/log.h"

#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>

namespace frdpu::server {
namespace {

// How long the writing thread waits for a reader before it drops a line: while the log lives, and
// for all lines together once it is being destroyed.
constexpr int kWaitMs = 250;
constexpr int kFinalWaitMs = 500;

}  // namespace

// Writes whole lines to a descriptor. Runs on the log's own thread only.
class Log::Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  Sink(int descriptor, LogFormat format) noexcept : descriptor_(descriptor), format_(format) {}

  void stop_waiting() noexcept { stopping_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }
  void watch(spdlog::details::thread_pool* queue) noexcept { queue_ = queue; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    report_losses();
    put({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

 private:
  void report_losses() {
    const std::uint64_t lost = dropped() + queue_->overrun_counter();
    if (lost == reported_) return;
    std::array<char, 256> buffer;
    const LogField fields[] = {{"lines", lost - reported_}};
    const std::string_view line = render_log_line(buffer, format_, std::chrono::system_clock::now(),
                                                  LogLevel::warning, "log_lines_lost", fields);
    if (put(line)) reported_ = lost;
  }

  // POLLOUT promises room for a line (PIPE_BUF), so that the write after it does not block.
  bool put(std::string_view line) noexcept {
    while (!line.empty()) {
      pollfd descriptor{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      if (::poll(&descriptor, 1, wait_ms()) <= 0) break;
      const ssize_t written = ::write(descriptor_, line.data(), line.size());
      if (written < 0 && errno != EINTR && errno != EAGAIN) break;
      if (written > 0) line.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!line.empty()) dropped_.fetch_add(1, std::memory_order_relaxed);
    return line.empty();
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

  int descriptor_;
  LogFormat format_;
  spdlog::details::thread_pool* queue_ = nullptr;
  std::chrono::steady_clock::time_point deadline_{};
  std::uint64_t reported_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
};

struct Log::Machinery {
  std::shared_ptr<Sink> sink;
  std::shared_ptr<spdlog::details::thread_pool> queue;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log::Log(const Options& options)
    : level_(options.level), format_(options.format), machinery_(std::make_unique<Machinery>()) {
  machinery_->sink = std::make_shared<Sink>(options.descriptor, options.format);
  machinery_->queue =
      std::make_shared<spdlog::details::thread_pool>(options.queue_lines, std::size_t{1});
  machinery_->sink->watch(machinery_->queue.get());
  machinery_->logger =
      std::make_shared<spdlog::async_logger>(std::string(), machinery_->sink, machinery_->queue,
                                             spdlog::async_overflow_policy::overrun_oldest);
  machinery_->logger->set_level(spdlog::level::trace);
  machinery_->logger->set_error_handler([](const std::string&) {});
}

Log::~Log() {
  machinery_->sink->stop_waiting();
  machinery_->logger.reset();
  machinery_->queue.reset();  // joins its thread behind the last line
}

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) noexcept {
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
  const std::string_view line =
      render_log_line(buffer, format_, std::chrono::system_clock::now(), level, message, fields);
  machinery_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::uint64_t Log::dropped() const noexcept {
  return machinery_->sink->dropped() + machinery_->queue->overrun_counter();
}

}  // namespace frdpu::server
