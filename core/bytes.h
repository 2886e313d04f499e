#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// Byte views and sizes. Everything in frdpu that does not own memory speaks in these two views.
namespace frdpu::core {

/// A read-only view. Ownership: none; it dies with the memory it looks at.
using Bytes = std::span<const std::byte>;

/// A view that may be written to. Ownership: none.
using MutableBytes = std::span<std::byte>;

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

/// Payload of one Ethernet frame; block size of the `mtu` pool. Source: API.md, RFC 894.
inline constexpr std::size_t kMtuBlockBytes = 1500;

/// Block size of the `64k` pool, and the largest body that is answered whole.
inline constexpr std::size_t k64kBlockBytes = 64 * kKiB;

/// Bytes behind the payload of a `64k` block. They let a 64 KiB body that does not compress be
/// encoded into one block by every coding (the largest bound, brotli's, adds 503 bytes).
inline constexpr std::size_t k64kSlackBytes = 512;

/// Views text as bytes. Ownership: dies with the text.
[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

/// Views bytes as text; says nothing about their encoding. Ownership: dies with the bytes.
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace frdpu::core
