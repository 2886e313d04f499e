#include "server/cli_file_options.h"

#include <unistd.h>

#include <algorithm>

#include "server/cli_command.h"

namespace frdpu::server {

void add_file_options(CLI::App& command, FileOptions& options) {
  command.add_option("FILE", options.files, "files; - is standard input")->default_str("-");
  command.add_option("-o,--output", options.output, "name of the result; - is standard output");
  command.add_flag("-c,--stdout", options.to_stdout, "write to standard output");
  command.add_flag("-f,--force", options.force,
                   "overwrite results that exist, write to a terminal");
  command.add_flag("-q,--quiet", options.quiet, "no progress bar");
  command.add_option("--dictionary", options.dictionary, "dictionary file (zstd, lz4)");
}

int for_each_file(const FileOptions& options,
                  const std::function<CliResult<void>(InputFile&)>& work) {
  std::vector<std::string> files = options.files;
  if (files.empty()) files.emplace_back("-");
  if (files.size() > 1 && !options.output.empty()) {
    return cli_error("-o takes the result of one file only", kExitWrongUsage);
  }
  if (options.to_stdout && !options.output.empty() && options.output != "-") {
    return cli_error("-c and -o do not go together", kExitWrongUsage);
  }
  int status = kExitDone;
  for (const std::string& path : files) {
    CliResult<void> result;
    if (auto input = InputFile::open(path); input) {
      result = work(*input);
    } else {
      result = failed(input.error());
    }
    if (result) continue;
    if (!result.error().line.empty()) cli_error(result.error().line, 0);
    status = std::max(status, result.error().status);
  }
  return status;
}

CliResult<OutputFile> open_result(const FileOptions& options, const InputFile& input,
                                  const std::optional<std::string>& derived_name, bool is_binary) {
  const bool nowhere_else = options.output.empty() && input.is_standard();
  if (options.to_stdout || options.output == "-" || nowhere_else) {
    if (is_binary && !options.force && ::isatty(STDOUT_FILENO) != 0) {
      return wrong_usage("compressed data is not written to a terminal; -f does it anyway");
    }
    return OutputFile::standard_output();
  }
  if (options.output.empty() && !derived_name) {
    return wrong_usage(input.name() +
                       ": no name for the result follows from this one; use -o or -c");
  }
  auto output = OutputFile::create(options.output.empty() ? *derived_name : options.output,
                                   options.force, input);
  if (!output) return failed(output.error());
  return std::move(*output);
}

CliResult<core::Coding> parse_coding(const std::string& name) {
  if (const auto coding = core::coding_from_name(name)) return *coding;
  return wrong_usage("--coding: '" + name +
                     "' is not one of lz4, zstd, gzip, deflate, br, identity");
}

CliResult<int> choose_level(core::Coding coding, std::optional<int> asked) {
  const core::CodingTraits& traits = core::traits(coding);
  if (!asked) return static_cast<int>(traits.levels.default_value);
  if (*asked < 0 || !traits.levels.contains(static_cast<std::uint64_t>(*asked))) {
    return wrong_usage("--level: " + std::to_string(*asked) + " is not in " +
                       range_text(traits.levels) + ", the levels of " + std::string(traits.name));
  }
  return *asked;
}

CliResult<void> check_dictionary(core::Coding coding, const core::Dictionary& dictionary) {
  if (!core::traits(coding).takes_dictionary) {
    return wrong_usage("--dictionary: only zstd and lz4 take one");
  }
  // libzstd writes no id for raw content, and a frame without one finds no dictionary again.
  if (coding == core::Coding::zstd && !dictionary.is_zstd_format()) {
    return wrong_usage("--dictionary: zstd takes dictionaries in its own format (zstd --train)");
  }
  return {};
}

std::string range_text(const core::IntRange& range) {
  return std::to_string(range.min) + " to " + std::to_string(range.max);
}

CliResult<std::optional<DictionaryFile>> load_dictionary(const FileOptions& options) {
  if (options.dictionary.empty()) return std::nullopt;
  auto file = DictionaryFile::read(options.dictionary);
  if (!file) return failed(file.error());
  return std::optional<DictionaryFile>(std::move(*file));
}

}  // namespace frdpu::server
