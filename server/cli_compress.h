#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu compress FILE...`: writes FILE.lz4 (.zst, .gz, .zz, .br) and keeps FILE.
[[nodiscard]] CliCommand add_compress(CLI::App& root);

}  // namespace frdpu::server
