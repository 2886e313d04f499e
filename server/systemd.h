#pragma once

#include <string>
#include <string_view>

/// What systemd and the service tell each other, without a library of its: a datagram and three
/// environment variables. Without systemd all of it does nothing.
namespace frdpu::server {

/// Sends a state, e.g. "READY=1" or "STOPPING=1", to the service manager, where there is one.
/// Errors: none that anybody could act upon; the manager's timeout speaks for it.
/// Threads: any. Source: sd_notify(3).
void notify_service_manager(std::string_view state) noexcept;

/// Finds a socket that the service manager opened for this process, by its FileDescriptorName.
/// Where none has one of our names, the first is the service's and the second the admin's.
/// Returns: the descriptor, which the caller owns from then on; -1 where there is none.
/// Source: sd_listen_fds_with_names(3).
[[nodiscard]] int inherited_socket(std::string_view name);

}  // namespace frdpu::server
