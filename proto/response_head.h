#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/bytes.h"
#include "core/coding.h"
#include "proto/method.h"
#include "proto/raw_head.h"
#include "proto/text_writer.h"

/// Response heads, and the framing of chunked bodies, written straight into a block.
/// Source: RFC 9112, sections 2 to 7.
namespace frdpu::proto {

/// What a codec did, for `Compression-Stats: coding=zstd, level=3, in=600, out=39`.
struct CompressionStats {
  core::Coding coding = core::Coding::identity;
  std::optional<int> level{};  ///< nothing for decoding and for identity
  std::uint64_t in = 0;        ///< bytes given to the codec, after transport decoding
  std::uint64_t out = 0;
};

/// Where the time went, for `Server-Timing: queue;dur=0.012, codec;dur=1.234` (milliseconds).
struct ServerTiming {
  std::chrono::nanoseconds queue{};
  std::chrono::nanoseconds codec{};
};

/// How the client finds the end of a response's body.
enum class ResponseFraming : std::uint8_t {
  none,         ///< no body and no length: 204
  length,       ///< Content-Length
  chunked,      ///< Transfer-Encoding; never to an HTTP/1.0 client
  until_close,  ///< the end of the connection; for HTTP/1.0 clients alone
};

/// Everything a response's head can say. Defaults say nothing.
/// Ownership: views, needed only while the head is written.
struct ResponseHead {
  std::uint16_t status = 200;
  HttpVersion version = HttpVersion::http11;  ///< the request's: 1.0 wants its keep-alive confirmed
  bool close = false;                         ///< the connection ends behind this response
  ResponseFraming framing = ResponseFraming::length;
  std::uint64_t content_length = 0;
  std::string_view date{};  ///< see http_date.h
  std::string_view content_type{};
  std::optional<core::Coding> content_encoding{};  ///< identity is not sent
  bool vary = false;                               ///< Vary: Accept-Encoding
  bool nosniff = false;                            ///< X-Content-Type-Options: nosniff
  std::optional<CompressionStats> stats{};
  std::optional<ServerTiming> timing{};
  bool announce_trailers = false;         ///< Trailer: the two above come behind the body
  std::uint32_t retry_after_seconds = 0;  ///< 0: none
  std::optional<MethodSet> allow{};       ///< 405 must have it, be it empty
  bool accept_encoding = false;           ///< 415: what is taken
  bool authenticate = false;              ///< 401: WWW-Authenticate: Bearer
  std::string_view location{};            ///< of what was created
  std::string_view request_id{};          ///< X-Request-Id, given back
  std::span<const Field> extra{};         ///< any other fields
};

/// What every head fits into that has no `extra` fields, and a Content-Type of no more than
/// `kMaxContentTypeChars`: an `mtu` block.
inline constexpr std::size_t kMaxResponseHeadBytes = core::kMtuBlockBytes;

/// Writes a head with its closing empty line.
/// A value that would change the message around it (CR, LF, other controls) is left out with its
/// field: nothing that a client sent can add a field.
/// Requires: no chunked framing to HTTP/1.0; until_close closes whatever `close` says.
/// Returns: the bytes written; 0 where they did not fit.
/// Cost: one pass, no allocation.
[[nodiscard]] std::size_t write_response_head(core::MutableBytes out,
                                              const ResponseHead& head) noexcept;

/// Returns the reason phrase of a status that the service sends, "Unknown" for others.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

/// The interim answer to `Expect: 100-continue`.
inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

/// Behind the data of each chunk.
inline constexpr std::string_view kChunkEnd = "\r\n";

/// The longest line that a chunk starts with: sixteen digits and a line end.
inline constexpr std::size_t kMaxChunkLineBytes = 18;

/// Writes the line in front of a chunk's data. Requires: a size above 0 (0 would end the body).
/// Returns: the bytes written; 0 where they did not fit.
[[nodiscard]] std::size_t write_chunk_line(core::MutableBytes out, std::size_t size) noexcept;

/// What every end of a chunked body fits into.
inline constexpr std::size_t kMaxLastChunkBytes = 256;

/// Writes the last chunk, the trailer fields that are given, and the empty line that ends it all.
/// Requires: fields only for a client that sent `TE: trailers`.
/// Returns: the bytes written; 0 where they did not fit.
[[nodiscard]] std::size_t write_last_chunk(core::MutableBytes out,
                                           const std::optional<CompressionStats>& stats = {},
                                           const std::optional<ServerTiming>& timing = {}) noexcept;

}  // namespace frdpu::proto
