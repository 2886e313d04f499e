#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <string_view>

/// What the subcommands of `frdpu` share: how they are found, and how they say what went wrong.
namespace frdpu::server {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitWrongUsage = 2;

/// A subcommand: its place in the parser, and what to do once that was named.
/// Ownership: `app` belongs to the parser's root; `run` owns the values that were parsed.
struct CliCommand {
  CLI::App* app;
  std::function<int()> run;
};

/// Writes "frdpu: MESSAGE" as one line to stderr, control characters replaced. Returns: `status`.
int cli_error(std::string_view message, int status);

}  // namespace frdpu::server
