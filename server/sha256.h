#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/bytes.h"

/// SHA-256, for names of content: ids of raw dictionaries and what clients compare them by. Not for
/// secrets: it takes no care of timing.
namespace frdpu::server {

using Sha256 = std::array<std::uint8_t, 32>;

/// Returns the digest of the bytes. Threads: any. Cost: about 5 ns a byte, no allocation.
/// Source: FIPS 180-4, 6.2.
[[nodiscard]] Sha256 sha256(core::Bytes bytes) noexcept;

/// The digest as 64 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);

}  // namespace frdpu::server
