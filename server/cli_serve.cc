#include "server/cli_serve.h"

#include <cstdio>
#include <memory>

#include "server/cli_settings.h"
#include "server/memory_plan.h"
#include "server/serve.h"
#include "server/settings_output.h"

namespace frdpu::server {
namespace {

struct ServeOptions {
  FlagTexts settings;
  bool print_config = false;
  bool dry_run = false;
};

int print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0
             ? kExitDone
             : cli_error("standard output cannot be written", kExitFailed);
}

int run(const CLI::App& command, const ServeOptions& options) {
  const auto config = config_from(command, options.settings);
  if (!config) return cli_error(config.error(), kExitWrongUsage);
  if (options.print_config) return print(config_json(*config));
  const MachineMemory machine = read_machine_memory();
  if (options.dry_run) {
    const auto report = memory_report(*config, machine);
    if (!report) return cli_error(report.error(), kExitWrongUsage);
    if (const int status = print(*report); status != kExitDone) return status;
  }
  if (auto fits = check_memory(*config, machine); !fits) {
    return cli_error(fits.error(), kExitWrongUsage);
  }
  return options.dry_run ? kExitDone : serve(*config);
}

}  // namespace

CliCommand add_serve(CLI::App& root) {
  CLI::App* const command = root.add_subcommand("serve", "run the service");
  const auto options = std::make_shared<ServeOptions>();
  add_setting_flags(*command, options->settings);
  command->add_flag("--print-config", options->print_config,
                    "print the settings as JSON that --config takes, and exit");
  command->add_flag("--dry-run", options->dry_run,
                    "print the memory that the settings need, and exit; 2 when it is not there");
  command->footer(
      "Every setting is also an environment variable (FRDPU_MAX_BODY_BYTES) and a key of\n"
      "the --config file (max_body_bytes). Flags win over environment over file.\n"
      "SIZE is plain or with k, m, g; TIME is 250ms, 5s or 2m.");
  return {command, [command, options] { return run(*command, *options); }};
}

}  // namespace frdpu::server
