#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "core/bytes.h"
#include "core/file/result_file.h"
#include "server/cli_interrupts.h"

/// Files of the command line: what is read, and what is written so that half a result never
/// stands under its name.
namespace frdpu::server {

/// A failed call: one line that names the file.
template <class T>
using FileResult = std::expected<T, std::string>;

/// Something to read: a file, a pipe, or standard input for "-".
class InputFile {
 public:
  [[nodiscard]] static FileResult<InputFile> open(const std::string& path);

  /// Reads up to `room.size()` bytes. Returns: how many; 0 at the end.
  [[nodiscard]] FileResult<std::size_t> read(core::MutableBytes room);

  /// How it is called in messages.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_standard() const noexcept { return is_standard_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.number(); }
  [[nodiscard]] const struct stat& info() const noexcept { return info_; }
  /// Bytes from here to the end of a regular file. Returns: nothing for pipes, and for files that
  /// do not tell (those of /proc claim to be empty).
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept;

 private:
  core::FileDescriptor descriptor_;
  std::string name_;
  bool is_standard_ = false;
  struct stat info_ {};
};

/// Something to write.
///
/// A regular file takes its place whole in `commit` (ResultFile); destroyed before that, also for
/// a signal, it leaves nothing behind. Devices, pipes and standard output are written to as they
/// are.
class OutputFile {
 public:
  /// Standard output.
  [[nodiscard]] static OutputFile standard_output() noexcept;

  /// Begins a file with mode and times of `like`.
  /// Errors: the place is taken and `overwrite` is false; it is the input itself; a directory.
  [[nodiscard]] static FileResult<OutputFile> create(const std::string& path, bool overwrite,
                                                     const InputFile& like);

  /// Writes all of the bytes.
  [[nodiscard]] FileResult<void> write(core::Bytes bytes);

  /// Puts the whole file in its place. Requires: all was written; nothing is written afterwards.
  [[nodiscard]] FileResult<void> commit();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What to ask for signals while there is a file to clean up; else null: signals do as always.
  [[nodiscard]] Interrupts* interrupts() const noexcept { return interrupts_.get(); }

 private:
  OutputFile(core::FileDescriptor descriptor, std::string name) noexcept
      : descriptor_(std::move(descriptor)), name_(std::move(name)) {}
  OutputFile(core::ResultFile result, std::string name, const struct stat& like)
      : result_(std::move(result)), name_(std::move(name)), like_(like) {}

  std::unique_ptr<Interrupts> interrupts_;  // first: gone when everything else is cleaned up
  core::FileDescriptor descriptor_;         // of what is written in place
  std::optional<core::ResultFile> result_;  // else
  std::string name_;
  struct stat like_ {};
};

}  // namespace frdpu::server
