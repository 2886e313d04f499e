#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/coding.h"
#include "server/cli_files.h"
#include "server/dictionary_file.h"

/// What the subcommands that work on files have in common: which files, where the results go, and
/// what coding, level and dictionary may be.
namespace frdpu::server {

struct FileOptions {
  std::vector<std::string> files;  ///< "-" is standard input
  std::string output;              ///< of -o; "-" is standard output
  bool to_stdout = false;
  bool force = false;
  bool quiet = false;
  std::string coding;
  std::string dictionary;  ///< path
};

/// Adds the flags to a subcommand. Ownership: `options` must outlive the parsing.
void add_file_options(CLI::App& command, FileOptions& options);

/// A failure that ends with a certain exit status: 1, or 2 for wrong usage.
struct CliFailure {
  std::string line;  ///< empty: nothing to say
  int status;
};
template <class T>
using CliResult = std::expected<T, CliFailure>;

[[nodiscard]] inline std::unexpected<CliFailure> failed(std::string line) {
  return std::unexpected(CliFailure{std::move(line), 1});
}
[[nodiscard]] inline std::unexpected<CliFailure> wrong_usage(std::string line) {
  return std::unexpected(CliFailure{std::move(line), 2});
}

/// Calls `work` for every file, says what went wrong, and goes on with the next one.
/// Returns: the exit status of the worst of them.
[[nodiscard]] int for_each_file(const FileOptions& options,
                                const std::function<CliResult<void>(InputFile&)>& work);

/// Opens where the result of one input goes: -o, -c, or `derived_name` beside the input (absent:
/// the caller could not make one, which is an error where it is needed). `is_binary` results are
/// kept from terminals.
[[nodiscard]] CliResult<OutputFile> open_result(const FileOptions& options, const InputFile& input,
                                                const std::optional<std::string>& derived_name,
                                                bool is_binary);

/// Reads the value of --coding. Errors: wrong usage; nothing has that name.
[[nodiscard]] CliResult<core::Coding> parse_coding(const std::string& name);

/// Returns the level that was asked for, or the coding's default. Errors: wrong usage; the coding
/// has no such level.
[[nodiscard]] CliResult<int> choose_level(core::Coding coding, std::optional<int> asked);

/// Says whether the coding can use the dictionary. Errors: wrong usage; it takes none, or zstd none
/// of raw content.
[[nodiscard]] CliResult<void> check_dictionary(core::Coding coding,
                                               const core::Dictionary& dictionary);

/// "1 to 9".
[[nodiscard]] std::string range_text(const core::IntRange& range);

/// Reads the dictionary that was asked for. Returns: nothing when none was.
[[nodiscard]] CliResult<std::optional<DictionaryFile>> load_dictionary(const FileOptions& options);

}  // namespace frdpu::server
