#pragma once

#include "server/cli_command.h"

namespace frdpu::server {

/// `frdpu train --out DICT SAMPLES...`: makes a dictionary from files, each of them a sample.
[[nodiscard]] CliCommand add_train(CLI::App& root);

}  // namespace frdpu::server
