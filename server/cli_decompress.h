#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu decompress FILE...`: writes FILE without its suffix and keeps FILE. The coding is the one
/// named, or told from the first bytes, or from the suffix (br has no magic number).
[[nodiscard]] CliCommand add_decompress(CLI::App& root);

}  // namespace frdpu::server
