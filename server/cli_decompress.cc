#include "server/cli_decompress.h"

#include <memory>
#include <utility>

#include "core/body_decoder.h"
#include "core/coding_sniffer.h"
#include "core/workspace_pool.h"
#include "server/cli_file_options.h"
#include "server/cli_pump.h"

namespace frdpu::server {
namespace {

// The largest window that is taken anywhere in frdpu.
constexpr std::uint32_t kMaxWindowBytes = 128 * core::kMiB;
constexpr std::size_t kHeadBytes = 64 * core::kKiB;

// The start of a file: enough to tell its coding by.
struct Head {
  std::vector<std::byte> bytes;
  bool is_all = false;
};

FileResult<Head> read_head(InputFile& input) {
  Head head;
  head.bytes.resize(kHeadBytes);
  std::size_t used = 0;
  while (used < head.bytes.size() && !head.is_all) {
    const auto count = input.read(core::MutableBytes(head.bytes).subspan(used));
    if (!count) return std::unexpected(count.error());
    head.is_all = *count == 0;
    used += *count;
  }
  head.bytes.resize(used);
  return head;
}

CliResult<core::Coding> choose_coding(const FileOptions& options, const InputFile& input,
                                      core::Bytes head) {
  if (!options.coding.empty()) return parse_coding(options.coding);
  const auto by_suffix = core::coding_from_suffix(input.name());
  // No magic number, or a weak one: there the suffix knows better.
  if (by_suffix == core::Coding::br || by_suffix == core::Coding::deflate) return *by_suffix;
  if (const auto told = core::sniff(head)) return *told;
  if (by_suffix) return *by_suffix;
  return failed(input.name() +
                ": neither its first bytes nor its name tell the coding; use --coding");
}

std::optional<std::string> name_without_suffix(const std::string& name) {
  const auto coding = core::coding_from_suffix(name);
  if (!coding) return std::nullopt;
  std::string shorter = name.substr(0, name.size() - core::traits(*coding).suffix.size());
  if (shorter.ends_with('/')) return std::nullopt;
  return shorter;
}

CliResult<void> decompress_file(InputFile& input, const FileOptions& options,
                                core::WorkspacePools& pools, core::DictionarySource* dictionaries) {
  const auto head = read_head(input);
  if (!head) return failed(head.error());
  const auto coding = choose_coding(options, input, head->bytes);
  if (!coding) return std::unexpected(coding.error());
  auto output = open_result(options, input, name_without_suffix(input.name()), false);
  if (!output) return std::unexpected(output.error());
  core::BodyDecoder decoder(*coding, {.max_window_bytes = kMaxWindowBytes}, pools, dictionaries);
  auto pumped =
      pump(input, decoder, *output,
           {.head = head->bytes, .input_ended = head->is_all, .show_progress = !options.quiet});
  if (pumped) pumped = output->commit();
  return pumped ? CliResult<void>{} : failed(pumped.error());
}

int run(const FileOptions& options) {
  auto dictionary = load_dictionary(options);
  if (!dictionary) return cli_error(dictionary.error().line, dictionary.error().status);
  // One workspace of each kind; memory is only taken for the one that a frame asks for.
  const auto smallest = core::WorkspacePools::plan(1, kMaxWindowBytes);
  auto pools = core::WorkspacePools::create(smallest ? 1 : smallest.error().limit.value_or(1),
                                            kMaxWindowBytes);
  if (!pools) return cli_error(error_text(pools.error()), kExitFailed);
  core::DictionarySource* const dictionaries = *dictionary ? &**dictionary : nullptr;
  return for_each_file(options, [&](InputFile& input) {
    return decompress_file(input, options, *pools, dictionaries);
  });
}

}  // namespace

CliCommand add_decompress(CLI::App& root) {
  CLI::App* const command = root.add_subcommand("decompress", "decompress files");
  const auto options = std::make_shared<FileOptions>();
  add_file_options(*command, *options);
  command->add_option("--coding", options->coding,
                      "lz4, zstd, gzip, deflate, br or identity; without it the first bytes "
                      "decide, or the suffix");
  return {command, [options] { return run(*options); }};
}

}  // namespace frdpu::server
