#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// The content codings and what each allows. This table is the only place where their names,
/// media types, levels and windows stand; HTTP, the command line and /v1/codings read it.
/// Threads: constants and pure functions, any. Cost: look-ups in a table of six; no allocation.
namespace frdpu::core {

enum class Coding : std::uint8_t { identity, lz4, zstd, gzip, deflate, br };
inline constexpr std::size_t kCodingCount = 6;

enum class Direction : std::uint8_t { compress, decompress };

struct IntRange {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::uint32_t default_value = 0;

  [[nodiscard]] constexpr bool contains(std::uint64_t value) const noexcept {
    return value >= min && value <= max;
  }
};

struct CodingTraits {
  Coding coding;
  std::string_view name;        ///< the HTTP name, lower case
  std::string_view media_type;  ///< of the result as a file; empty for identity
  std::string_view suffix;      ///< of the result as a file, with its dot; empty for identity
  IntRange levels;
  IntRange window_bytes;  ///< what a client may ask for; the operator's cap comes on top
  bool takes_dictionary;
};

/// Returns the traits of a coding. Static storage. Cost: an index.
[[nodiscard]] const CodingTraits& traits(Coding coding) noexcept;

/// Returns the largest window that a decoder takes under the operator's cap. The cap is for the
/// formats that leave the window to the sender: zstd, and lz4 with its blocks. The others' largest
/// is fixed, and at most the 16 MiB that every `brotli` writes for input of unknown length.
[[nodiscard]] std::uint32_t decoding_window_limit(Coding coding, std::uint32_t cap_bytes) noexcept;

/// Every coding in the service's order of preference, identity last.
[[nodiscard]] std::span<const CodingTraits> all_codings() noexcept;

[[nodiscard]] inline std::string_view to_string(Coding coding) noexcept {
  return traits(coding).name;
}

[[nodiscard]] constexpr std::string_view to_string(Direction direction) noexcept {
  return direction == Direction::compress ? "compress" : "decompress";
}

/// Finds a coding by name or alias (`x-gzip`), whatever the case. Returns nothing when unknown.
[[nodiscard]] std::optional<Coding> coding_from_name(std::string_view name) noexcept;

/// Finds a coding by the media type of its result, without parameters, whatever the case.
[[nodiscard]] std::optional<Coding> coding_from_media_type(std::string_view type) noexcept;

/// Finds a coding by a file name's suffix (`.zst`). Returns nothing when unknown.
[[nodiscard]] std::optional<Coding> coding_from_suffix(std::string_view file_name) noexcept;

}  // namespace frdpu::core
