#pragma once

#include <signal.h>

#include "core/file/file_descriptor.h"

/// Ctrl-C and its kind, noticed between two steps instead of in the middle of one.
namespace frdpu::server {

/// While it lives, SIGINT, SIGTERM and SIGHUP wait until they are asked for, so that whoever holds
/// a temporary file gets to remove it. Destroyed, it lets the signal do what it always does.
/// Threads: one, with a single object at a time.
class Interrupts {
 public:
  Interrupts() noexcept;
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  /// Waits until `descriptor` can be read. Returns: false when a signal has come.
  [[nodiscard]] bool wait_readable(int descriptor) noexcept;

  /// True when a signal has come. Cost: one system call.
  [[nodiscard]] bool pending() noexcept;

 private:
  sigset_t before_{};
  core::FileDescriptor signals_;  // signalfd(2)
};

}  // namespace frdpu::server
