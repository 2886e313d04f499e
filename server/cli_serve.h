#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu serve`: runs the service, or shows with --print-config or --dry-run what it would run.
[[nodiscard]] CliCommand add_serve(CLI::App& root);

}  // namespace frdpu::server
