#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/dictionary_memory.h"

/// What lies in `--dictionary-dir` when the service starts.
namespace frdpu::server {

/// Lists the regular files that have a dictionary's name, ordered by it, and removes temporary ones
/// that a crash has left behind. A write of another process that is under way fails by that.
/// Errors: one line: no such folder, not readable, not writable.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> list_dictionary_files(
    const std::string& folder);

/// Whether a file is a `core::ResultFile` of a dictionary that was never finished: ".NAME.XXXXXX".
[[nodiscard]] bool is_left_over(std::string_view file_name) noexcept;

/// Reads one of them. Returns: when it was last changed, in seconds since 1970.
/// Errors: one line that names the file: unreadable, or more than `most_bytes`.
[[nodiscard]] std::expected<std::int64_t, std::string> read_dictionary_file(
    const std::string& folder, const std::string& name, std::uint64_t most_bytes,
    CountedBytes& into);

}  // namespace frdpu::server
