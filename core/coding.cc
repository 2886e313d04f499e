#include "core/coding.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace frdpu::core {
namespace {

// Ranges: API.md, "Content codings" and the `window` parameter.
constexpr std::array<CodingTraits, kCodingCount> kTraits = {{
    {Coding::identity, "identity", "", "", {0, 0, 0}, {0, 0, 0}, false},
    {Coding::lz4, "lz4", "application/x-lz4", ".lz4", {1, 9, 1}, {256, 65535, 32768}, true},
    {Coding::zstd,
     "zstd",
     "application/zstd",
     ".zst",
     {1, 19, 3},
     {1024, 1u << 27, 1u << 23},
     true},
    {Coding::gzip, "gzip", "application/gzip", ".gz", {1, 9, 6}, {512, 32768, 32768}, false},
    {Coding::deflate, "deflate", "application/zlib", ".zz", {1, 9, 6}, {512, 32768, 32768}, false},
    {Coding::br,
     "br",
     "application/x-brotli",
     ".br",
     {0, 11, 4},
     {1024, 1u << 24, 1u << 18},
     false},
}};

// Preference: what costs a client least to read and saves most, measured at default levels.
constexpr std::array<CodingTraits, kCodingCount> kByPreference = {
    kTraits[2], kTraits[5], kTraits[3], kTraits[4], kTraits[1], kTraits[0]};

}  // namespace

const CodingTraits& traits(Coding coding) noexcept {
  return kTraits[static_cast<std::size_t>(coding)];
}

std::uint32_t decoding_window_limit(Coding coding, std::uint32_t cap_bytes) noexcept {
  const bool capped = coding == Coding::zstd || coding == Coding::lz4;
  return capped ? cap_bytes : std::max(cap_bytes, traits(coding).window_bytes.max);
}

std::span<const CodingTraits> all_codings() noexcept {
  return kByPreference;
}

std::optional<Coding> coding_from_name(std::string_view name) noexcept {
  for (const CodingTraits& row : kTraits) {
    if (equals_ignoring_case(row.name, name)) return row.coding;
  }
  if (equals_ignoring_case("x-gzip", name)) return Coding::gzip;
  return std::nullopt;
}

std::optional<Coding> coding_from_media_type(std::string_view type) noexcept {
  for (const CodingTraits& row : kTraits) {
    if (!row.media_type.empty() && equals_ignoring_case(row.media_type, type)) return row.coding;
  }
  return std::nullopt;
}

std::optional<Coding> coding_from_suffix(std::string_view file_name) noexcept {
  for (const CodingTraits& row : kTraits) {
    if (!row.suffix.empty() && file_name.size() > row.suffix.size() &&
        equals_ignoring_case(file_name.substr(file_name.size() - row.suffix.size()), row.suffix)) {
      return row.coding;
    }
  }
  return std::nullopt;
}

}  // namespace frdpu::core
