#include "server/cli_healthcheck.h"

#include <chrono>
#include <memory>

#include "server/cli_settings.h"
#include "server/client_channel.h"

namespace frdpu::server {
namespace {

struct HealthcheckOptions {
  FlagTexts settings;
  bool live = false;
  std::string timeout = "3s";
};

// A status line and what fits behind it.
constexpr std::size_t kMostAnswerBytes = 4096;

int run(const CLI::App& command, const HealthcheckOptions& options) {
  const auto config = config_from(command, options.settings);
  if (!config) return cli_error(config.error(), kExitWrongUsage);
  const auto timeout = parse_duration(options.timeout);
  if (!timeout) return cli_error("--timeout: " + timeout.error(), kExitWrongUsage);
  const ListenAddress& admin = config->admin_listen;
  const std::string place = format_listen_address(admin);
  auto channel = ClientChannel::connect(admin, config->admin_access, "--admin-",
                                        ClientChannel::Clock::now() + *timeout);
  if (!channel) return cli_error(place + ": " + channel.error(), kExitFailed);
  const char* const path = options.live ? "/livez" : "/readyz";
  const std::string request = std::string("GET ") + path +
                              " HTTP/1.1\r\nHost: " + (admin.is_unix() ? "localhost" : place) +
                              "\r\nConnection: close\r\n\r\n";
  const auto answer = channel->ask(request, kMostAnswerBytes);
  if (!answer) return cli_error(place + path + ": " + answer.error(), kExitFailed);
  const std::string first_line = answer->substr(0, answer->find("\r\n"));
  if (first_line.starts_with("HTTP/1.") && first_line.find(" 200 ") == 8) return kExitDone;
  return cli_error(place + path + ": " + (first_line.empty() ? "no answer" : first_line),
                   kExitFailed);
}

}  // namespace

CliCommand add_healthcheck(CLI::App& root) {
  CLI::App* const command =
      root.add_subcommand("healthcheck", "ask the admin listener whether the service is ready");
  const auto options = std::make_shared<HealthcheckOptions>();
  command->add_flag("--live", options->live, "ask /livez instead of /readyz");
  command->add_option("--timeout", options->timeout, "longest wait in all")->default_str("3s");
  add_setting_flags(*command, options->settings);
  return {command, [command, options] { return run(*command, *options); }};
}

}  // namespace frdpu::server
