#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu bench FILE...`: ratio and speed of the codings on files, in memory.
[[nodiscard]] CliCommand add_bench(CLI::App& root);

}  // namespace frdpu::server
