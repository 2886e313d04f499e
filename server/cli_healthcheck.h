#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu healthcheck`: asks the admin listener that `serve` has with the same settings whether it
/// is ready. Exit status 0 or 1: made for HEALTHCHECK and exec probes.
[[nodiscard]] CliCommand add_healthcheck(CLI::App& root);

}  // namespace frdpu::server
