#include "server/cli_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace frdpu::server {
namespace {

std::string because(const std::string& name, int number = errno) {
  return name + ": " + std::strerror(number);
}

// What a ResultFile refused, as a line of the command's.
std::unexpected<std::string> refusal(const std::string& name, const core::Error& error) {
  const int number = static_cast<int>(error.observed.value_or(0));
  if (number == EEXIST) return std::unexpected(name + " exists; -f overwrites it");
  return std::unexpected(because(name, number));
}

bool same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Mode for results of input that has none of its own: what the user's mask leaves.
mode_t default_mode() noexcept {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

FileResult<InputFile> InputFile::open(const std::string& path) {
  InputFile file;
  const bool standard = path == "-";
  file.is_standard_ = standard;
  file.name_ = standard ? "standard input" : path;
  file.descriptor_ = core::FileDescriptor(standard ? ::dup(STDIN_FILENO)
                                                   : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.descriptor_ || ::fstat(file.descriptor(), &file.info_) != 0) {
    return std::unexpected(because(file.name_));
  }
  if (S_ISDIR(file.info_.st_mode)) return std::unexpected(file.name_ + " is a directory");
  return file;
}

FileResult<std::size_t> InputFile::read(core::MutableBytes room) {
  while (true) {
    const ssize_t count = ::read(descriptor(), room.data(), room.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return std::unexpected(because(name_));
  }
}

std::optional<std::uint64_t> InputFile::size() const noexcept {
  if (!S_ISREG(info_.st_mode) || info_.st_size <= 0) return std::nullopt;
  const off_t at = ::lseek(descriptor(), 0, SEEK_CUR);
  if (at < 0 || at >= info_.st_size) return std::nullopt;
  return static_cast<std::uint64_t>(info_.st_size - at);
}

OutputFile OutputFile::standard_output() noexcept {
  return {core::FileDescriptor(::dup(STDOUT_FILENO)), "standard output"};
}

FileResult<OutputFile> OutputFile::create(const std::string& path, bool overwrite,
                                          const InputFile& like) {
  struct stat there {};
  const bool exists = ::stat(path.c_str(), &there) == 0;
  if (exists && same_file(there, like.info())) {
    return std::unexpected(path + " is the input itself");
  }
  if (exists && S_ISDIR(there.st_mode)) return std::unexpected(path + " is a directory");
  if (exists && !S_ISREG(there.st_mode)) {
    OutputFile device(core::FileDescriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), path);
    if (!device.descriptor_) return std::unexpected(because(path));
    return device;
  }

  auto interrupts = std::make_unique<Interrupts>();
  auto result =
      core::ResultFile::create(path, overwrite ? core::Existing::replace : core::Existing::keep);
  if (!result) return refusal(path, result.error());
  OutputFile file(*std::move(result), path, like.info());
  file.interrupts_ = std::move(interrupts);
  return file;
}

FileResult<void> OutputFile::write(core::Bytes bytes) {
  if (result_) {
    const auto written = result_->write(bytes);
    return written ? FileResult<void>{} : refusal(name_, written.error());
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(because(name_));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

FileResult<void> OutputFile::commit() {
  if (!result_) return descriptor_.close() ? FileResult<void>{} : std::unexpected(because(name_));
  const bool from_file = S_ISREG(like_.st_mode);
  const std::array times = {like_.st_atim, like_.st_mtim};
  const auto done =
      from_file ? result_->commit(like_.st_mode, &times) : result_->commit(default_mode(), nullptr);
  return done ? FileResult<void>{} : refusal(name_, done.error());
}

}  // namespace frdpu::server
