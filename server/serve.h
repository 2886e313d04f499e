#pragma once

#include "server/config.h"

namespace frdpu::server {

/// Runs the service until SIGTERM or SIGINT has drained it.
/// Requires: a whole configuration. Returns: the exit status: 0, or 1 when it could not start or a
/// request was cut off by `--drain-timeout`.
/// Threads: the calling one becomes the admin listener's.
[[nodiscard]] int serve(const Config& config);

}  // namespace frdpu::server
