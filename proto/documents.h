#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "core/bytes.h"
#include "core/coding.h"
#include "core/pool/pool_stats.h"

/// The JSON bodies that tell what this build and this process can do.
/// All writers return the bytes written, or 0 where the view is too small.
namespace frdpu::proto {

inline constexpr std::string_view kJsonType = "application/json";
/// What bytes are that nothing is known of.
inline constexpr std::string_view kBytesType = "application/octet-stream";

/// What a coding costs, for /v1/codings.
struct CodingMemory {
  core::Coding coding = core::Coding::lz4;
  /// Bytes of memory that one stream takes, by level from the coding's lowest on.
  std::span<const std::uint64_t> stream_bytes{};
};

/// Writes the body of `GET /v1/codings`, in the order given.
///
///   {"codings":[{"coding":"lz4","media_type":"application/x-lz4",
///     "levels":{"min":1,"max":9,"default":1},
///     "window_bytes":{"min":256,"max":65535,"default":32768},
///     "stream_bytes":{"1":16384, ...}}, ...]}
///
/// Requires: no more stream_bytes than the coding has levels. Identity, which has neither levels
/// nor a window, is no row of it.
/// Units: bytes. `max_window_bytes` is the operator's cap, as in `QueryRules`.
[[nodiscard]] std::size_t write_codings(core::MutableBytes out,
                                        std::span<const CodingMemory> codings,
                                        std::uint32_t max_window_bytes) noexcept;

/// A limit in force: the flag's name without dashes in front and with underscores inside.
struct Limit {
  std::string_view name;
  std::variant<std::uint64_t, double> value;  ///< bytes, counts; seconds
};

/// Writes the body of `GET /v1/limits`: one flat object.
[[nodiscard]] std::size_t write_limits(core::MutableBytes out,
                                       std::span<const Limit> limits) noexcept;

/// Writes the body of `GET /v1/pools`. Cost: about 240 bytes of text a pool.
[[nodiscard]] std::size_t write_pools(core::MutableBytes out,
                                      std::span<const core::PoolStats> pools) noexcept;

}  // namespace frdpu::proto
