#include "server/cli_compress.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/codec_factory.h"
#include "core/leased.h"
#include "core/pool/fixed_pool.h"
#include "server/cli_file_options.h"
#include "server/cli_pump.h"
#include "server/setting_values.h"

namespace frdpu::server {
namespace {

struct CompressOptions {
  FileOptions files;
  std::optional<int> level;
  std::string window;
};

// What decoders with the usual limit read, unless more is asked for. Source: RFC 9659.
constexpr std::uint32_t kUsualWindowBytes = 8 * core::kMiB;

// The coding that was named, or else the one that the result's name stands for.
CliResult<core::Coding> choose_coding(const FileOptions& options) {
  if (!options.coding.empty()) return parse_coding(options.coding);
  return core::coding_from_suffix(options.output).value_or(core::Coding::lz4);
}

CliResult<core::EncoderParams> choose_params(const CompressOptions& options) {
  const auto coding = choose_coding(options.files);
  if (!coding) return std::unexpected(coding.error());
  const core::CodingTraits& traits = core::traits(*coding);
  const auto level = choose_level(*coding, options.level);
  if (!level) return std::unexpected(level.error());
  core::EncoderParams params{.coding = *coding, .level = *level};
  if (options.window.empty()) return core::with_window_cap(params, kUsualWindowBytes);
  const auto window = parse_size(options.window);
  if (!window) return wrong_usage("--window: '" + options.window + "' " + window.error());
  if (!traits.window_bytes.contains(*window)) {
    return wrong_usage("--window: " + std::to_string(*window) + " is not in " +
                       range_text(traits.window_bytes) + ", the windows of " +
                       std::string(traits.name));
  }
  params.window_bytes = static_cast<std::uint32_t>(*window);
  return params;
}

// Makes the encoder in a pool of one block: the memory that it needs and no more.
core::Result<core::Leased<core::Encoder>> make_lone_encoder(const core::EncoderParams& params) {
  const auto bytes = core::encoder_workspace_bytes(params);
  if (!bytes) return std::unexpected(bytes.error());
  auto pool = core::FixedPool::create({.name = "encoder",
                                       .block_bytes = std::max<std::size_t>(*bytes, 64),
                                       .min_blocks = 0,
                                       .max_blocks = 1});
  if (!pool) return std::unexpected(pool.error());
  auto block = pool->acquire();
  if (!block) return std::unexpected(block.error());
  const auto encoder = core::place_encoder(params, block->bytes());
  if (!encoder) return std::unexpected(encoder.error());
  return core::Leased<core::Encoder>(*encoder, std::move(*block));
}

CliResult<void> compress_file(InputFile& input, const CompressOptions& options,
                              core::EncoderParams params) {
  std::optional<std::string> derived;
  if (const auto suffix = core::traits(params.coding).suffix; !suffix.empty()) {
    derived = input.name() + std::string(suffix);
  }
  params.content_bytes = input.size();
  auto encoder = make_lone_encoder(params);
  if (!encoder) return failed(input.name() + ": " + error_text(encoder.error()));
  auto output = open_result(options.files, input, derived, true);
  if (!output) return std::unexpected(output.error());
  auto pumped =
      pump(input, **encoder, *output, {.head = {}, .show_progress = !options.files.quiet});
  if (pumped) pumped = output->commit();
  return pumped ? CliResult<void>{} : failed(pumped.error());
}

int run(const CompressOptions& options) {
  auto params = choose_params(options);
  if (!params) return cli_error(params.error().line, params.error().status);
  const auto dictionary = load_dictionary(options.files);
  if (!dictionary) return cli_error(dictionary.error().line, dictionary.error().status);
  if (*dictionary) {
    const auto fits = check_dictionary(params->coding, (*dictionary)->dictionary());
    if (!fits) return cli_error(fits.error().line, fits.error().status);
    params->dictionary = &(*dictionary)->dictionary();
  }
  return for_each_file(options.files,
                       [&](InputFile& input) { return compress_file(input, options, *params); });
}

}  // namespace

CliCommand add_compress(CLI::App& root) {
  CLI::App* const command = root.add_subcommand("compress", "compress files");
  const auto options = std::make_shared<CompressOptions>();
  add_file_options(*command, options->files);
  command->add_option("--coding", options->files.coding,
                      "lz4 (default), zstd, gzip, deflate, br or identity; without it the suffix "
                      "of -o decides");
  command->add_option("--level", options->level,
                      "lz4, gzip, deflate 1-9; zstd 1-19; br 0-11; default: the coding's");
  command->add_option("--window", options->window,
                      "how far back matches may reach, in bytes, or with k or m");
  return {command, [options] { return run(*options); }};
}

}  // namespace frdpu::server
