#include "server/cli_train.h"

#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "proto/query.h"
#include "server/cli_file_options.h"
#include "server/cli_files.h"
#include "server/cli_pump.h"
#include "server/dictionary_file.h"
#include "server/dictionary_training.h"
#include "server/setting_values.h"

namespace frdpu::server {
namespace {

struct TrainOptions {
  std::vector<std::string> samples;
  std::string output;
  std::string size;
  bool force = false;
  bool quiet = false;
};

CliResult<std::size_t> choose_size(const TrainOptions& options) {
  const core::IntRange& range = proto::kTrainedDictionaryBytes;
  if (options.size.empty()) return range.default_value;
  const auto size = parse_size(options.size);
  if (!size) return wrong_usage("--size: '" + options.size + "' " + size.error());
  if (!range.contains(*size)) {
    return wrong_usage("--size: " + std::to_string(*size) + " is not in " +
                       std::to_string(range.min) + " to " + std::to_string(range.max));
  }
  return static_cast<std::size_t>(*size);
}

// Says early what would be said of the place in the end.
CliResult<void> check_place(const TrainOptions& options) {
  struct stat there {};
  if (::stat(options.output.c_str(), &there) != 0) return {};
  if (!options.force) return failed(options.output + " exists; -f overwrites it");
  for (const std::string& sample : options.samples) {
    struct stat info {};
    if (::stat(sample.c_str(), &info) == 0 && info.st_dev == there.st_dev &&
        info.st_ino == there.st_ino) {
      return failed(options.output + " is one of the samples");
    }
  }
  return {};
}

CliResult<void> read_sample(const std::string& path, TrainingSamples& samples) {
  auto input = InputFile::open(path);
  if (!input) return failed(input.error());
  std::vector<std::byte> part(core::k64kBlockBytes);
  while (true) {
    const auto count = input->read(part);
    if (!count) return failed(count.error());
    if (*count == 0) break;
    const auto taken = samples.append(core::Bytes(part).first(*count));
    if (!taken) return failed(input->name() + ": " + error_text(taken.error()));
  }
  samples.end_sample();
  return {};
}

void report(const TrainOptions& options, const TrainedDictionary& trained) {
  if (options.quiet) return;
  std::fprintf(stderr, "%s: %zu bytes, id %u, ratio %.2f with it and %.2f without\n",
               options.output.c_str(), trained.content.size(), dictionary_id(trained.content),
               trained.ratio_with, trained.ratio_without);
}

CliResult<void> train(const TrainOptions& options) {
  const auto size = choose_size(options);
  if (!size) return std::unexpected(size.error());
  if (auto place = check_place(options); !place) return place;
  TrainingSamples samples;
  for (const std::string& path : options.samples) {
    if (auto read = read_sample(path, samples); !read) return read;
  }
  const auto trained = samples.train(*size);
  if (!trained) return failed(error_text(trained.error()));
  // A new file like any other: neither mode nor times are those of a sample.
  auto output = OutputFile::create(options.output, options.force, InputFile{});
  if (!output) return failed(output.error());
  auto written = output->write(trained->content);
  if (written) written = output->commit();
  if (!written) return failed(written.error());
  report(options, *trained);
  return {};
}

int run(const TrainOptions& options) {
  const auto done = train(options);
  return done ? kExitDone : cli_error(done.error().line, done.error().status);
}

}  // namespace

CliCommand add_train(CLI::App& root) {
  CLI::App* const command =
      root.add_subcommand("train", "make a dictionary for zstd and lz4 from samples");
  const auto options = std::make_shared<TrainOptions>();
  command->add_option("SAMPLES", options->samples, "files, each a sample; at least 8")->required();
  command->add_option("-o,--out", options->output, "name of the dictionary")
      ->type_name("DICT")
      ->required();
  command->add_option("--size", options->size, "most bytes of the dictionary (default: 110k)")
      ->type_name("SIZE");
  command->add_flag("-f,--force", options->force, "overwrite a dictionary that exists");
  command->add_flag("-q,--quiet", options->quiet, "do not say what came out");
  command->footer("Every eighth sample is held back, and the ratios are those of these.");
  return {command, [options] { return run(*options); }};
}

}  // namespace frdpu::server
