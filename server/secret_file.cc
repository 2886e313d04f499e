#include "server/secret_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/bytes.h"
#include "core/file/file_descriptor.h"

namespace frdpu::server {
namespace {

constexpr std::size_t kLongestBytes = core::kMiB;

std::unexpected<std::string> cannot_read(const std::string& path) {
  return std::unexpected("cannot read " + path + ": " + std::strerror(errno));
}

}  // namespace

SecretFile::SecretFile(std::string text, bool world_readable) noexcept
    : text_(std::move(text)), world_readable_(world_readable) {}

SecretFile::SecretFile(SecretFile&& other) noexcept
    : text_(std::move(other.text_)), world_readable_(other.world_readable_) {
  OPENSSL_cleanse(other.text_.data(), other.text_.size());  // a short text stays where it was
}

SecretFile::~SecretFile() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

std::expected<SecretFile, std::string> SecretFile::read(const std::string& path) {
  // Not blocking: a pipe would hold up the process when it reads again.
  const core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) return cannot_read(path);
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + " is not a regular file");
  if (static_cast<std::uint64_t>(status.st_size) > kLongestBytes) {
    return std::unexpected(path + " is longer than 1 MiB");
  }
  // Its final size at once: growing would leave copies behind.
  SecretFile secret(std::string(static_cast<std::size_t>(status.st_size), '\0'),
                    (status.st_mode & S_IROTH) != 0);
  std::size_t used = 0;
  while (used < secret.text_.size()) {
    const ssize_t got =
        ::read(file.number(), secret.text_.data() + used, secret.text_.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  secret.text_.resize(used);
  return secret;
}

}  // namespace frdpu::server
