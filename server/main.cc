#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <string_view>

#include "server/cli_bench.h"
#include "server/cli_command.h"
#include "server/cli_compress.h"
#include "server/cli_decompress.h"
#include "server/cli_healthcheck.h"
#include "server/cli_serve.h"
#include "server/cli_train.h"
#include "server/cli_version.h"

namespace {

namespace server = frdpu::server;

int run(int argc, char** argv) {
  CLI::App root("Compresses and decompresses, as an HTTP service and on files.", "frdpu");
  root.set_version_flag("--version", server::version_text(), "show versions, of libraries too");
  root.require_subcommand(1);
  const server::CliCommand commands[] = {
      server::add_serve(root), server::add_compress(root), server::add_decompress(root),
      server::add_bench(root), server::add_train(root),    server::add_healthcheck(root)};
  // Else the parser would only say that a subcommand is missing.
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first.front() != '-' &&
      std::ranges::none_of(commands, [&](const server::CliCommand& command) {
        return command.app->check_name(argv[1]);
      })) {
    return server::cli_error(std::string(first) + " is not a command; frdpu --help names them",
                             server::kExitWrongUsage);
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error);  // --help, --version
    return server::cli_error(error.what(), server::kExitWrongUsage);
  }
  for (const server::CliCommand& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return server::kExitWrongUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return server::cli_error(error.what(), server::kExitFailed);
  }
}
