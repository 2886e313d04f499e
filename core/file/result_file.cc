#include "core/file/result_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace frdpu::core {

Result<ResultFile> ResultFile::create(const std::filesystem::path& place, Existing existing) {
  struct stat there {};
  if (::lstat(place.c_str(), &there) == 0) {
    if (existing == Existing::keep) return io_failure("the result's place is taken", EEXIST);
    if (!S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
      return io_failure("the result's place is no regular file", EINVAL);
    }
  }
  ResultFile result;
  result.place_ = place.string();
  result.existing_ = existing;
  std::filesystem::path hidden = ".";
  hidden += place.filename();
  hidden += ".XXXXXX";
  std::string temporary = (place.parent_path() / hidden).string();
  result.file_ = FileDescriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!result.file_) return io_failure("the result cannot be created");
  result.temporary_ = std::move(temporary);
  return result;
}

ResultFile::ResultFile(ResultFile&& other) noexcept
    : file_(std::move(other.file_)),
      place_(std::move(other.place_)),
      temporary_(std::exchange(other.temporary_, {})),
      existing_(other.existing_) {}

ResultFile::~ResultFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> ResultFile::write(Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failure("the result cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> ResultFile::commit(mode_t mode, const Times* times) noexcept {
  // Owners and some file systems forbid these; the content is what counts.
  static_cast<void>(::fchmod(file_.number(), mode & 0777));
  if (times != nullptr) static_cast<void>(::futimens(file_.number(), times->data()));
  // Before the rename: after a crash the name must not stand for a file that is still empty.
  if (::fsync(file_.number()) != 0 || !file_.close()) {
    return io_failure("the result cannot be brought to the disk");
  }
  // A link, unlike a rename, fails when somebody has made the file meanwhile. The temporary name
  // goes with this object.
  if (existing_ == Existing::keep && ::link(temporary_.c_str(), place_.c_str()) == 0) return {};
  if (existing_ == Existing::keep && errno == EEXIST) {
    return io_failure("the result's place is taken", EEXIST);
  }
  // Also for file systems without links.
  if (::rename(temporary_.c_str(), place_.c_str()) != 0) {
    return io_failure("the result cannot be brought to its place");
  }
  temporary_.clear();
  return {};
}

}  // namespace frdpu::core
