// Compresses files of any size in a few hundred KiB of memory that is known beforehand:
//   file_compressor compress FROM TO.zst      (the coding follows from the name: .lz4 .zst .gz .br)
//   file_compressor decompress FROM.zst TO    (it is told by the first bytes, or the name)
// The result appears whole or not at all, whatever happens on the way.
#include <frdpu/core/coding.h>
#include <frdpu/core/file/file_compressor.h>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

namespace core = frdpu::core;

namespace {

constexpr std::size_t kWorkspaceBudget = 512 * core::kMiB;  // address space; touched as needed
constexpr std::uint32_t kMaxWindow = 8 * core::kMiB;

int report(const core::Result<core::FileOutcome>& outcome) {
  if (outcome) {
    std::cout << outcome->read_bytes << " -> " << outcome->written_bytes << " bytes\n";
    return 0;
  }
  const core::Error& error = outcome.error();
  std::cerr << core::to_string(error.code) << ": "
            << (*error.detail != '\0' ? error.detail : core::describe(error.code));
  if (error.code == core::Errc::io_error && error.observed && !error.limit) {
    std::cerr << " (" << std::strerror(static_cast<int>(*error.observed)) << ')';
  }
  std::cerr << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: file_compressor compress|decompress FROM TO\n";
    return 2;
  }
  const std::string_view verb = argv[1];
  auto buffers = core::BufferPool::create({});
  auto workspaces = core::WorkspacePools::create(kWorkspaceBudget, kMaxWindow);
  if (!buffers || !workspaces) {
    std::cerr << "no memory to begin with\n";
    return 1;
  }
  core::FileCompressor files(*buffers, *workspaces);
  if (verb == "compress") {
    const core::Coding coding = core::coding_from_suffix(argv[3]).value_or(core::Coding::lz4);
    const auto level = static_cast<int>(core::traits(coding).levels.default_value);
    return report(files.compress(argv[2], argv[3], {.coding = coding, .level = level},
                                 core::Existing::replace));
  }
  // A stranger's file may claim anything: it gets 1 GiB, and what windows there are.
  return report(files.decompress(argv[2], argv[3],
                                 {.max_output_bytes = core::kGiB, .max_window_bytes = kMaxWindow},
                                 core::coding_from_suffix(argv[2]), core::Existing::replace));
}
