#include "server/cli_bench.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "core/workspace_pool.h"
#include "server/bench_report.h"
#include "server/cli_file_options.h"
#include "server/cli_pump.h"
#include "server/machine_memory.h"
#include "server/round_trip_bench.h"
#include "server/setting_values.h"

namespace frdpu::server {
namespace {

struct BenchOptions {
  FileOptions files;
  std::vector<std::string> codings;
  std::optional<int> level;
  double seconds = 1;
  std::string block;
  bool json = false;
};

constexpr double kMaxSeconds = 3600;
// The service's default, up to which levels choose their own window.
constexpr std::uint32_t kMaxWindowBytes = 8 * core::kMiB;

// Those that were named, or else all that can do what is asked for, but for identity.
CliResult<std::vector<core::Coding>> choose_codings(const BenchOptions& options) {
  std::vector<core::Coding> codings;
  for (const std::string& name : options.codings) {
    const auto coding = parse_coding(name);
    if (!coding) return std::unexpected(coding.error());
    codings.push_back(*coding);
  }
  if (!codings.empty()) return codings;
  for (const core::CodingTraits& traits : core::all_codings()) {
    if (traits.coding == core::Coding::identity) continue;
    if (options.files.dictionary.empty() || traits.takes_dictionary) {
      codings.push_back(traits.coding);
    }
  }
  return codings;
}

CliResult<std::vector<core::EncoderParams>> choose_params(const BenchOptions& options,
                                                          const core::Dictionary* dictionary) {
  const auto codings = choose_codings(options);
  if (!codings) return std::unexpected(codings.error());
  std::vector<core::EncoderParams> all;
  for (const core::Coding coding : *codings) {
    const auto level = choose_level(coding, options.level);
    if (!level) return std::unexpected(level.error());
    if (dictionary != nullptr) {
      if (auto fits = check_dictionary(coding, *dictionary); !fits) {
        return std::unexpected(fits.error());
      }
    }
    all.push_back({.coding = coding, .level = *level, .dictionary = dictionary});
  }
  return all;
}

CliResult<BenchSettings> choose_settings(const BenchOptions& options,
                                         const core::Dictionary* dictionary) {
  BenchSettings settings;
  if (!(options.seconds >= 0 && options.seconds <= kMaxSeconds)) {
    return wrong_usage("--seconds: not in 0 to 3600");
  }
  settings.row_time = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(options.seconds));
  if (!options.block.empty()) {
    const auto bytes = parse_size(options.block);
    if (!bytes) return wrong_usage("--block: '" + options.block + "' " + bytes.error());
    if (*bytes == 0) return wrong_usage("--block: 0 bytes are no payload");
    settings.payload_bytes = *bytes;
  }
  if (dictionary != nullptr) settings.dictionary_id = dictionary->id();
  return settings;
}

// What goes into memory as it is, and compressed to as much at worst, must be less than there is.
CliResult<std::vector<std::byte>> read_whole(InputFile& input) {
  const MachineMemory memory = read_machine_memory();
  const auto size = input.size();
  // What does not tell its size is moved while it grows.
  const std::uint64_t most = memory.bytes / (size ? 2 : 4);
  std::vector<std::byte> content;
  std::size_t used = 0;
  while (true) {
    if (memory.bytes != 0 && std::max<std::uint64_t>(used, size.value_or(0)) > most) {
      return failed(input.name() + ": more than " + std::to_string(most) +
                    " bytes, which is what fits into the memory of " + memory.source);
    }
    // One byte more, so that the end is seen without growing.
    if (used == content.size()) content.resize(used == 0 ? size.value_or(65535) + 1 : 2 * used);
    const auto count = input.read(core::MutableBytes(content).subspan(used));
    if (!count) return failed(count.error());
    if (*count == 0) break;
    used += *count;
  }
  content.resize(used);
  if (used == 0) return failed(input.name() + " is empty: there is nothing to measure");
  return content;
}

// Everything that is measured with, and the rows so far.
class Bench {
 public:
  Bench(const BenchOptions& options, const BenchSettings& settings,
        std::vector<core::EncoderParams> params, core::WorkspacePools& pools,
        core::DictionarySource* dictionaries)
      : settings_(settings),
        params_(std::move(params)),
        to_json_(options.json),
        trip_(pools, dictionaries) {
    for (const std::string& file : options.files.files) {
      file_columns_ = std::max(file_columns_, (file == "-" ? "standard input" : file).size());
    }
  }

  CliResult<void> measure_file(InputFile& input) {
    try {
      const auto content = read_whole(input);
      if (!content) return std::unexpected(content.error());
      for (const core::EncoderParams& params : params_) {
        const auto measured = trip_.measure(*content, params, settings_.payload_bytes.value_or(0),
                                            settings_.row_time / 2);
        if (!measured) {
          return failed(input.name() + ": " + std::string(core::to_string(params.coding)) + ": " +
                        error_text(measured.error()));
        }
        auto added = add({.file = input.name(),
                          .coding = params.coding,
                          .level = params.level,
                          .measured = *measured});
        if (!added) return added;
      }
      return {};
    } catch (const std::bad_alloc&) {
      return failed(input.name() + " and its frames do not fit into memory");
    }
  }

  CliResult<void> finish() {
    if (to_json_) {
      if (auto put = write(bench_json(settings_, rows_)); !put) return put;
    }
    if (auto closed = output_.commit(); !closed) return failed(closed.error());
    return {};
  }

 private:
  // Rows are shown at once, since some take long; a document only when it is whole.
  CliResult<void> add(BenchRow row) {
    rows_.push_back(std::move(row));
    if (to_json_) return {};
    std::string text = rows_.size() == 1 ? bench_table_head(file_columns_) : std::string();
    return write(text + bench_table_row(rows_.back(), file_columns_));
  }

  CliResult<void> write(const std::string& text) {
    const auto written = output_.write(core::as_bytes(text));
    return written ? CliResult<void>{} : failed(written.error());
  }

  const BenchSettings settings_;
  const std::vector<core::EncoderParams> params_;
  const bool to_json_;
  RoundTripBench trip_;
  OutputFile output_ = OutputFile::standard_output();
  std::size_t file_columns_ = 4;
  std::vector<BenchRow> rows_;
};

CliResult<int> bench(const BenchOptions& options) {
  auto file = load_dictionary(options.files);
  if (!file) return std::unexpected(file.error());
  const core::Dictionary* const dictionary = *file ? &(*file)->dictionary() : nullptr;
  const auto settings = choose_settings(options, dictionary);
  if (!settings) return std::unexpected(settings.error());
  auto params = choose_params(options, dictionary);
  if (!params) return std::unexpected(params.error());
  // One workspace of each kind; memory is only taken for those that are used.
  const auto smallest = core::WorkspacePools::plan(1, kMaxWindowBytes);
  auto pools = core::WorkspacePools::create(smallest ? 1 : smallest.error().limit.value_or(1),
                                            kMaxWindowBytes);
  if (!pools) return failed(error_text(pools.error()));
  Bench bench(options, *settings, std::move(*params), *pools, *file ? &**file : nullptr);
  const int status =
      for_each_file(options.files, [&](InputFile& input) { return bench.measure_file(input); });
  if (auto finished = bench.finish(); !finished) return std::unexpected(finished.error());
  return status;
}

int run(const BenchOptions& options) {
  const auto status = bench(options);
  return status ? *status : cli_error(status.error().line, status.error().status);
}

}  // namespace

CliCommand add_bench(CLI::App& root) {
  CLI::App* const command =
      root.add_subcommand("bench", "measure ratio and speed of the codings on files, in memory");
  const auto options = std::make_shared<BenchOptions>();
  command->add_option("FILE", options->files.files, "files; - is standard input")->required();
  command
      ->add_option("--coding", options->codings,
                   "lz4, zstd, gzip, deflate, br or identity; may be repeated; default: all but "
                   "identity, with --dictionary lz4 and zstd")
      ->allow_extra_args(false)
      ->type_name("NAME");
  command
      ->add_option("--level", options->level,
                   "a level that every measured coding has; default: the coding's")
      ->type_name("N");
  command->add_option("--dictionary", options->files.dictionary, "dictionary file (zstd, lz4)")
      ->type_name("FILE");
  command
      ->add_option("--seconds", options->seconds,
                   "measure each row for this long at least, half of it in each direction; "
                   "default: 1")
      ->type_name("S");
  command
      ->add_option("--block", options->block,
                   "cut files into payloads of so many bytes (or with k, m, g), each a frame of "
                   "its own; default: a file is one payload")
      ->type_name("BYTES");
  command->add_flag("--json", options->json, "write one JSON document instead of a table");
  command->footer(
      "MB/s are 10^6 bytes of the file a second, medians of runs of 5 ms or longer, by the CPU\n"
      "time of the one thread that works: what other programs take does not count. As in the\n"
      "service, payloads of up to 64 KiB are coded in one step, larger ones in steps of 64 KiB.\n"
      "Every row is checked: the bytes that come back are those of the file.");
  return {command, [options] { return run(*options); }};
}

}  // namespace frdpu::server
