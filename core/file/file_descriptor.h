#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <expected>
#include <utility>

#include "core/error.h"

namespace frdpu::core {

/// Owner of an open file's number. Move-only. Threads: one at a time.
class FileDescriptor {
 public:
  FileDescriptor() noexcept = default;
  explicit FileDescriptor(int number) noexcept : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      static_cast<void>(close());
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { static_cast<void>(close()); }

  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  [[nodiscard]] int number() const noexcept { return number_; }

  /// Returns: false when the system reports a write that failed late; errno says why.
  [[nodiscard]] bool close() noexcept {
    return number_ < 0 || ::close(std::exchange(number_, -1)) == 0;
  }

 private:
  int number_ = -1;
};

/// What the operating system refused: `observed` is errno.
[[nodiscard]] inline std::unexpected<Error> io_failure(const char* detail,
                                                       int number = errno) noexcept {
  return std::unexpected(Error{
      .code = Errc::io_error, .detail = detail, .observed = static_cast<std::uint64_t>(number)});
}

}  // namespace frdpu::core
