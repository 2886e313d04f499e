#include "server/cli_interrupts.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>

namespace frdpu::server {

Interrupts::Interrupts() noexcept {
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&caught, signal);
  ::sigprocmask(SIG_BLOCK, &caught, &before_);
  signals_ = core::FileDescriptor(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Nothing is read from the signalfd: a signal that came is still pending, and ends the process in
// here, behind the clean-up.
Interrupts::~Interrupts() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupts::wait_readable(int descriptor) noexcept {
  pollfd both[] = {{.fd = descriptor, .events = POLLIN, .revents = 0},
                   {.fd = signals_.number(), .events = POLLIN, .revents = 0}};
  while (::poll(both, 2, -1) < 0 && errno == EINTR) {
  }
  return both[1].revents == 0;
}

bool Interrupts::pending() noexcept {
  pollfd signals{.fd = signals_.number(), .events = POLLIN, .revents = 0};
  return ::poll(&signals, 1, 0) > 0;
}

}  // namespace frdpu::server
