#include "tests/support/faults.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "core/pool/pool_core.h"

namespace frdpu::test {
namespace {

std::atomic<SocketFault> current_fault{SocketFault::would_block};
thread_local bool exempt = false;

bool socket_call_fails() noexcept {
  return !exempt && socket_failure().hits();
}

// Returns: true when the call is to return -1.
bool sets_errno() noexcept {
  switch (current_fault.load()) {
    case SocketFault::would_block:
      errno = EAGAIN;
      return true;
    case SocketFault::interrupted:
      errno = EINTR;
      return true;
    case SocketFault::reset_by_peer:
      errno = ECONNRESET;
      return true;
    case SocketFault::short_count:
      return false;
  }
  return false;
}

}  // namespace

FaultExemption::FaultExemption() noexcept {
  exempt = true;
}

FaultExemption::~FaultExemption() {
  exempt = false;
}

NthFailure& socket_failure() noexcept {
  static NthFailure failure;
  return failure;
}

void set_socket_fault(SocketFault fault) noexcept {
  current_fault = fault;
}

NthFailure& pool_failure() noexcept {
  static NthFailure failure;
  return failure;
}

NthFailure& disk_failure() noexcept {
  static NthFailure failure;
  return failure;
}

std::string& disk_calls() {
  thread_local std::string calls;
  return calls;
}

namespace {

bool disk_call_fails(const char* name) {
  disk_calls().append(name).append(" ");
  if (!disk_failure().hits()) return false;
  errno = EIO;
  return true;
}

}  // namespace
}  // namespace frdpu::test

// NOLINTBEGIN: the linker's names
using frdpu::core::detail::BlockHeader;
using frdpu::core::detail::PoolCore;

extern "C" {

ssize_t __real_recv(int socket, void* buffer, size_t length, int flags);
ssize_t __real_send(int socket, const void* bytes, size_t length, int flags);
ssize_t __real_sendmsg(int socket, const msghdr* message, int flags);
int __real_mkostemp(char* path, int flags);
int __real_fsync(int file);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
// PoolCore::acquire_slow: a member function is called as a free one that is handed `this`.
BlockHeader* __real__ZN5frdpu4core6detail8PoolCore12acquire_slowEv(PoolCore* pool);

int __wrap_mkostemp(char* path, int flags) {
  return frdpu::test::disk_call_fails("mkostemp") ? -1 : __real_mkostemp(path, flags);
}

int __wrap_fsync(int file) {
  return frdpu::test::disk_call_fails("fsync") ? -1 : __real_fsync(file);
}

int __wrap_rename(const char* from, const char* to) {
  return frdpu::test::disk_call_fails("rename") ? -1 : __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  return frdpu::test::disk_call_fails("unlink") ? -1 : __real_unlink(path);
}

ssize_t __wrap_recv(int socket, void* buffer, size_t length, int flags) {
  if (frdpu::test::socket_call_fails()) {
    if (frdpu::test::sets_errno()) return -1;
    length = std::min<size_t>(length, 1);
  }
  return __real_recv(socket, buffer, length, flags);
}

ssize_t __wrap_send(int socket, const void* bytes, size_t length, int flags) {
  if (frdpu::test::socket_call_fails()) {
    if (frdpu::test::sets_errno()) return -1;
    length = std::min<size_t>(length, 1);
  }
  return __real_send(socket, bytes, length, flags);
}

ssize_t __wrap_sendmsg(int socket, const msghdr* message, int flags) {
  if (frdpu::test::socket_call_fails()) {
    if (frdpu::test::sets_errno()) return -1;
    iovec first = *std::find_if(message->msg_iov, message->msg_iov + message->msg_iovlen,
                                [](const iovec& view) { return view.iov_len > 0; });
    first.iov_len = 1;
    msghdr shortened = *message;
    shortened.msg_iov = &first;
    shortened.msg_iovlen = 1;
    return __real_sendmsg(socket, &shortened, flags);
  }
  return __real_sendmsg(socket, message, flags);
}

BlockHeader* __wrap__ZN5frdpu4core6detail8PoolCore12acquire_slowEv(PoolCore* pool) {
  if (frdpu::test::pool_failure().hits()) return nullptr;
  return __real__ZN5frdpu4core6detail8PoolCore12acquire_slowEv(pool);
}

}  // extern "C"
// NOLINTEND
