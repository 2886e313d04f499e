#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace frdpu::server {

/// The text of a file that holds a key or tokens: read whole, wiped from memory when it goes.
/// Move-only. Threads: one at a time.
class SecretFile {
 public:
  /// Reads a regular file of at most 1 MiB.
  /// Errors: one sentence with the path and never a byte of the content.
  [[nodiscard]] static std::expected<SecretFile, std::string> read(const std::string& path);

  SecretFile(SecretFile&& other) noexcept;
  SecretFile& operator=(SecretFile&&) = delete;
  ~SecretFile();

  [[nodiscard]] std::string_view text() const noexcept { return text_; }

  /// Whether users beside its owner and group may read the file.
  [[nodiscard]] bool is_world_readable() const noexcept { return world_readable_; }

 private:
  SecretFile(std::string text, bool world_readable) noexcept;

  std::string text_;
  bool world_readable_;
};

}  // namespace frdpu::server
