#include "server/cli_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace frdpu::server {
namespace {

std::string because(const std::string& name) {
  return name + ": " + std::strerror(errno);
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
  file.descriptor_ =
      Descriptor(standard ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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
  return {Descriptor(::dup(STDOUT_FILENO)), "standard output"};
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
    OutputFile device(Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), path);
    if (!device.descriptor_) return std::unexpected(because(path));
    return device;
  }
  if (exists && !overwrite) return std::unexpected(path + " exists; -f overwrites it");

  OutputFile file(Descriptor(), path);
  file.interrupts_ = std::make_unique<Interrupts>();
  std::string temporary = path + ".XXXXXX";
  file.descriptor_ = Descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.descriptor_) return std::unexpected(because(path));
  file.temporary_ = std::move(temporary);
  file.overwrite_ = overwrite;
  file.like_ = like.info();
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : interrupts_(std::move(other.interrupts_)),
      descriptor_(std::move(other.descriptor_)),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      overwrite_(other.overwrite_),
      like_(other.like_) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

FileResult<void> OutputFile::write(core::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(because(name_));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

FileResult<void> OutputFile::commit() {
  if (temporary_.empty()) {
    return descriptor_.close() ? FileResult<void>{} : std::unexpected(because(name_));
  }
  const bool from_file = S_ISREG(like_.st_mode);
  const mode_t mode = from_file ? like_.st_mode & 0777 : default_mode();
  const timespec times[] = {like_.st_atim, like_.st_mtim};
  // Owners and some file systems forbid these; the content is what counts.
  static_cast<void>(::fchmod(descriptor_.number(), mode));
  if (from_file) static_cast<void>(::futimens(descriptor_.number(), times));
  if (!descriptor_.close()) return std::unexpected(because(name_));
  if (overwrite_) {
    if (::rename(temporary_.c_str(), name_.c_str()) != 0) return std::unexpected(because(name_));
    temporary_.clear();
    return {};
  }
  // A link, unlike a rename, fails when somebody has made the file meanwhile.
  if (::link(temporary_.c_str(), name_.c_str()) == 0) return {};
  if (errno == EEXIST) return std::unexpected(name_ + " exists; -f overwrites it");
  if (::rename(temporary_.c_str(), name_.c_str()) != 0) return std::unexpected(because(name_));
  temporary_.clear();
  return {};
}

}  // namespace frdpu::server
