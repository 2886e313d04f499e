#pragma once

#include <cstdint>
#include <string>

#include "tests/support/nth_failure.h"

/// Operations of the service that can be made to fail. The test binary is linked with
/// `-Wl,--wrap`, so that calls from the service's own files come by here first (faults.cc); the
/// service itself knows nothing of it.
namespace frdpu::test {

/// What a socket operation does instead of its work.
enum class SocketFault : std::uint8_t {
  would_block,    ///< EAGAIN
  interrupted,    ///< EINTR
  reset_by_peer,  ///< ECONNRESET
  short_count,    ///< moves one byte
};

/// While it lives, operations of this thread pass uncounted: those of a test's own client.
class FaultExemption {
 public:
  FaultExemption() noexcept;
  FaultExemption(const FaultExemption&) = delete;
  FaultExemption& operator=(const FaultExemption&) = delete;
  ~FaultExemption();
};

/// recv(2), send(2) and sendmsg(2), counted together. Set the kind before arming.
NthFailure& socket_failure() noexcept;
void set_socket_fault(SocketFault fault) noexcept;

/// Acquisitions of blocks and workspaces that no thread's magazine can serve: all of them where
/// pools have fewer than 8 blocks. One that fails finds its pool exhausted.
NthFailure& pool_failure() noexcept;

/// mkostemp(3), fsync(2), rename(2) and unlink(2), counted together. One that fails does nothing
/// and sets EIO.
NthFailure& disk_failure() noexcept;

/// The names of this thread's calls of these so far, each with a space behind it.
std::string& disk_calls();

}  // namespace frdpu::test
