#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "server/config.h"
#include "server/log_line.h"

/// The process's log: one line an event, written by a thread of its own.
namespace frdpu::server {

/// Takes lines from any thread into a bounded queue; when its reader is slow, the oldest lines go
/// (counted, and said in a line of its own), so that a stalled terminal stalls nobody.
///
/// Life: made in main, handed down by reference, destroyed last.
/// Threads: all of it is safe from any thread.
/// Cost: no allocation.
class Log {
 public:
  struct Options {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::logfmt;
    int descriptor = 2;                    ///< where lines go; stays open as long as the log lives
    std::size_t queue_bytes = 512 * 1024;  ///< some 3,000 lines; at least one of `kLogLineBytes`
  };

  explicit Log(const Options& options);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  /// Writes out what is queued. Cost: at most about a second when nobody reads.
  ~Log();

  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= level_; }

  /// Queues a line when its level is enabled. `message` names the event, in one word where
  /// possible.
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields = {}) noexcept;
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields) noexcept;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::info, message, fields);
  }
  void warning(std::string_view message, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::warning, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) noexcept {
    write(LogLevel::error, message, fields);
  }

  /// The line that scripts wait for: `listening service=127.0.0.1:41234` stands in it as it is, in
  /// both formats and whatever the level. `listener` is "service" or "admin".
  void listening(std::string_view listener, std::string_view address) noexcept;

  /// Returns how many lines were lost, in the queue or because nobody read them.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

 private:
  class Writer;

  void put(LogLevel level, std::string_view message, std::span<const LogField> fields) noexcept;

  LogLevel level_;
  LogFormat format_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace frdpu::server
