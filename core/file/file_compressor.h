#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/body_decoder.h"
#include "core/codec.h"
#include "core/error.h"
#include "core/file/result_file.h"
#include "core/pool/buffer_pool.h"
#include "core/workspace_pool.h"

/// The one part of core that does I/O: blocking, on files, for programs that embed the library.
namespace frdpu::core {

/// What went through.
struct FileOutcome {
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
};

/// Compresses and decompresses files of any size in two pooled buffers of 64 KiB and a leased
/// workspace. The result appears whole under its name, or not at all (ResultFile).
///
/// Files are read, not mapped: mapping saved at most 5 % of the time (gzip 1; lz4 and zstd under 1
/// %) and cost 40 % where nothing is compressed, while a mapped file that somebody truncates kills
/// the process with SIGBUS. Source: core/README.md.
///
/// Errors of both calls: io_error (`observed`: errno; `detail` says which file);
/// invalid_parameter when both paths are one file; pool_exhausted when buffers or workspaces are
/// out: try again later; what the codec says. Whatever the error, the result's place is as before.
/// Ownership: both pools must outlive it. Threads: any; each call works for itself.
/// Cost: blocks on the disk, at the end for fsync too; of memory no more than said above.
class FileCompressor {
 public:
  FileCompressor(BufferPool& buffers, WorkspacePools& workspaces) noexcept
      : buffers_(buffers), workspaces_(workspaces) {}

  /// Compresses `from` to `to`, which gets its permission bits. The size goes into the frame's
  /// header where the format has a place for it; `content_bytes` and `whole` of the parameters
  /// are set here.
  /// Errors: also io_error when the source changed while it was read (`limit`: its size at the
  /// start, `observed`: bytes read); those of `make_encoder`.
  [[nodiscard]] Result<FileOutcome> compress(const std::filesystem::path& from,
                                             const std::filesystem::path& to, EncoderParams params,
                                             Existing existing = Existing::keep);

  /// Decompresses within limits; without a coding the first bytes tell it (`sniff`).
  /// Errors: also unknown_coding when they do not; those of BodyDecoder.
  [[nodiscard]] Result<FileOutcome> decompress(const std::filesystem::path& from,
                                               const std::filesystem::path& to,
                                               const DecodeLimits& limits,
                                               std::optional<Coding> coding = std::nullopt,
                                               Existing existing = Existing::keep,
                                               DictionarySource* dictionaries = nullptr);

 private:
  BufferPool& buffers_;
  WorkspacePools& workspaces_;
};

}  // namespace frdpu::core
