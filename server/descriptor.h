#pragma once

#include <unistd.h>

#include <utility>

namespace frdpu::server {

/// A file descriptor that closes itself. Move-only.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.take()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = other.take();
    }
    return *this;
  }
  ~Descriptor() { close(); }

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  /// Closes it now. Returns: false when the system reports an error of an earlier write.
  bool close() noexcept { return number_ < 0 || ::close(take()) == 0; }
  /// Gives the number away, unclosed.
  [[nodiscard]] int take() noexcept { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace frdpu::server
