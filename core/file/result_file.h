#pragma once

#include <sys/types.h>
#include <time.h>

#include <array>
#include <filesystem>
#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file/file_descriptor.h"

namespace frdpu::core {

/// Whether a result may take the place of a file that is there already.
enum class Existing : bool { keep, replace };

/// A file that appears whole or not at all.
///
///   create: ".name.XXXXXX" beside the place  --write*-->  commit: synced, renamed to "name"
///
/// Destroyed before `commit` it removes what it wrote. A process that is killed leaves at most the
/// temporary file; the place holds what it held before, or all of the result.
/// Errors of all calls: io_error, `observed` is errno. Threads: one at a time. Blocks on the disk.
class ResultFile {
 public:
  /// Begins a result. A place that is a symbolic link is replaced, not followed.
  /// Errors: also when the place is taken and must be kept (EEXIST), or is no regular file
  /// (EINVAL): a result never takes the place of a device or a directory.
  [[nodiscard]] static Result<ResultFile> create(const std::filesystem::path& place,
                                                 Existing existing);

  ResultFile(ResultFile&& other) noexcept;
  ResultFile& operator=(ResultFile&&) = delete;
  ~ResultFile();

  /// Appends all of the bytes.
  [[nodiscard]] Result<void> write(Bytes bytes) noexcept;

  /// Times of last access and last change.
  using Times = std::array<timespec, 2>;

  /// Brings the bytes to the disk and the file to its place, with these permission bits, and with
  /// these times where they are given. Only destruction is allowed afterwards.
  /// Cost: waits for the disk (fsync).
  [[nodiscard]] Result<void> commit(mode_t mode, const Times* times = nullptr) noexcept;

 private:
  ResultFile() = default;

  FileDescriptor file_;
  std::string place_;
  std::string temporary_;  // empty: nothing to remove
  Existing existing_ = Existing::keep;
};

}  // namespace frdpu::core
