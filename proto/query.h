#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/coding.h"
#include "proto/query_reader.h"
#include "proto/request_error.h"
#include "proto/routes.h"

/// The query of each operation as a typed value, checked against the ranges of `core/coding.h`.
/// Source of every rule here: API.md, the tables of the operations and "Small print".
namespace frdpu::proto {

/// Returns the parameters that a route takes; none for most. The parsers below read this table.
[[nodiscard]] ParameterSet parameters_of(Route route) noexcept;

/// What the result says about itself.
enum class Label : std::uint8_t {
  media_type,  ///< a file: Content-Type is the coding's media type, no Content-Encoding
  encoding,    ///< the posted representation with a Content-Encoding
};

/// What `coding=auto` aims at.
enum class Prefer : std::uint8_t { balanced, speed, size };

/// Who decides about the coding of a result.
enum class Choice : std::uint8_t {
  named,       ///< the request or the configuration named it
  automatic,   ///< `auto`: a sample of the data decides
  negotiated,  ///< Accept-Encoding decides (`negotiate()` in negotiation.h)
};

/// What the operator has set that a query is checked against.
struct QueryRules {
  Choice default_choice = Choice::named;  ///< named or automatic (`--default-coding auto`)
  core::Coding default_coding = core::Coding::lz4;
  std::uint32_t max_window_bytes = 8u << 20;  ///< `--max-window-bytes`: caps zstd's range
};

/// Returns the windows that a client may ask for under the operator's cap, which applies to zstd
/// alone: the other formats' largest windows are fixed by the contract. The default is moved into
/// the range. Units: bytes.
[[nodiscard]] core::IntRange window_range(core::Coding coding,
                                          std::uint32_t max_window_bytes) noexcept;

/// The target of a compression.
struct EncodeSettings {
  core::Coding coding = core::Coding::lz4;
  int level = 0;                   ///< in range; the coding's default where none was given
  std::uint32_t window_bytes = 0;  ///< 0: none given, the level's own
  DictionaryName dictionary{};     ///< name or decimal id; empty: none given
};

/// `POST /v1/compress`.
struct CompressQuery {
  Choice choice = Choice::named;
  EncodeSettings target{};  ///< for a choice other than `named` all of it is still to be decided
  Prefer prefer = Prefer::balanced;
  Label label = Label::media_type;
  std::uint32_t split_bytes = 0;  ///< of a piece that becomes a frame of its own; 0: one frame
};

/// What a piece may be. Smaller ones cost size for no more speed; larger ones memory.
inline constexpr core::IntRange kSplitBytes = {64u << 10, 4u << 20, 1u << 20};

/// `POST /v1/decompress`, and `/v1/probe`, which takes the same.
struct DecompressQuery {
  std::optional<core::Coding> coding{};
};

/// `POST /v1/transcode`.
struct TranscodeQuery {
  std::optional<core::Coding> from{};
  EncodeSettings target{};
};

/// `POST /v1/estimate`: no parameters yet.
struct EstimateQuery {};

/// `POST /v1/dictionaries/{name}/train`.
struct TrainQuery {
  std::uint32_t size_bytes = 0;
};

/// What a trained dictionary may weigh. The least is what zstd's trainer can do, the default its
/// own; lz4 reaches back no further than 64 KiB, so that more than the most helps nobody.
inline constexpr core::IntRange kTrainedDictionaryBytes = {256, 2u << 20, 112640};

/// Reads the query of a compression. Values are case-sensitive but for names of codings.
/// Errors: unknown_parameter, invalid_parameter (repeated, malformed, or without meaning beside
/// the others), unknown_coding, invalid_level, invalid_window (both with limit, observed, bounds),
/// unknown_dictionary for a value that can be no name.
/// Ownership: an error's views look into `query`. Cost: no allocation.
[[nodiscard]] RequestResult<CompressQuery> parse_compress_query(std::string_view query,
                                                                const QueryRules& rules) noexcept;

/// The same for a batch, where `label=encoding` is invalid_parameter: items carry no labels. Nor
/// are they split.
[[nodiscard]] RequestResult<CompressQuery> parse_batch_compress_query(
    std::string_view query, const QueryRules& rules) noexcept;

/// Reads the query of a decompression, single or batch, or of a probe. `auto` is no source.
[[nodiscard]] RequestResult<DecompressQuery> parse_decompress_query(
    std::string_view query) noexcept;

/// Reads the query of a transcoding. Errors: as for both; invalid_parameter without `to`.
[[nodiscard]] RequestResult<TranscodeQuery> parse_transcode_query(std::string_view query,
                                                                  const QueryRules& rules) noexcept;

[[nodiscard]] RequestResult<EstimateQuery> parse_estimate_query(std::string_view query) noexcept;

[[nodiscard]] RequestResult<TrainQuery> parse_train_query(std::string_view query) noexcept;

/// For every path that takes no parameters. Errors: unknown_parameter.
[[nodiscard]] RequestResult<void> parse_no_query(std::string_view query) noexcept;

}  // namespace frdpu::proto
