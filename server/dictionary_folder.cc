#include "server/dictionary_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/file/file_descriptor.h"
#include "proto/routes.h"

namespace frdpu::server {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::unexpected<std::string> because(std::string what, int number = errno) {
  return std::unexpected(std::move(what) + std::strerror(number));
}

bool is_regular_file(const std::string& path) noexcept {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

bool is_left_over(std::string_view file_name) noexcept {
  constexpr std::size_t kSuffixChars = 7;  // ".XXXXXX"
  if (file_name.size() < 1 + 1 + kSuffixChars || file_name.front() != '.') return false;
  const std::string_view suffix = file_name.substr(file_name.size() - kSuffixChars);
  const bool is_random = std::ranges::all_of(suffix.substr(1), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  return suffix.front() == '.' && is_random &&
         proto::is_dictionary_name(file_name.substr(1, file_name.size() - 1 - kSuffixChars));
}

std::expected<std::vector<std::string>, std::string> list_dictionary_files(
    const std::string& folder) {
  const std::unique_ptr<DIR, CloseFolder> opened(::opendir(folder.c_str()));
  if (!opened) return because("");
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) return because("not writable: ");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* found = ::readdir(opened.get())) {
    const std::string name = found->d_name;
    const std::string path = folder + "/" + name;
    if (proto::is_dictionary_name(name) && is_regular_file(path)) names.push_back(name);
    if (is_left_over(name) && is_regular_file(path)) ::unlink(path.c_str());
    errno = 0;
  }
  if (errno != 0) return because("cannot be read: ");
  std::ranges::sort(names);
  return names;
}

std::expected<std::int64_t, std::string> read_dictionary_file(const std::string& folder,
                                                              const std::string& name,
                                                              std::uint64_t most_bytes,
                                                              CountedBytes& into) {
  const core::FileDescriptor file(::open((folder + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.number(), &info) != 0) return because(name + ": ");
  std::vector<std::byte> part(core::k64kBlockBytes);
  while (true) {
    const ssize_t count = ::read(file.number(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return because(name + ": ");
    if (count == 0) break;
    const core::Bytes read = core::Bytes(part).first(static_cast<std::size_t>(count));
    if (read.size() > most_bytes - into.view().size()) {
      return std::unexpected(
          "its dictionaries take more than --dictionary-bytes, at the latest with " + name);
    }
    const auto appended = into.append(read, static_cast<std::size_t>(most_bytes));
    if (!appended) return std::unexpected(name + ": " + appended.error().detail);
  }
  const auto fitted = into.fit();
  if (!fitted) return std::unexpected(name + ": " + fitted.error().detail);
  return info.st_mtim.tv_sec;
}

}  // namespace frdpu::server
