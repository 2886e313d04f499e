#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What this binary is made of: for --version and frdpu_build_info.
namespace frdpu::server {

struct LibraryVersion {
  std::string_view name;  ///< also the metric's label
  std::string version;
  bool is_codec;  ///< whether its version belongs to frdpu_build_info
};

/// "0.1.0". Static storage.
[[nodiscard]] std::string_view version() noexcept;

/// The commit it was built from, "unknown" outside of a repository. Static storage.
[[nodiscard]] std::string_view revision() noexcept;

/// Every linked library; of shared ones the version that is loaded, where they tell.
[[nodiscard]] std::vector<LibraryVersion> library_versions();

}  // namespace frdpu::server
