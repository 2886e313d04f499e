#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/chunk_reader.h"

/// Feeds a chunked body to a reader in pieces, for tests and fuzz targets.
namespace frdpu::test {

struct ChunkedBody {
  std::string data;
  std::size_t used = 0;  ///< bytes up to the end of the body, or to where it stopped
  bool done = false;
  std::optional<core::Errc> error{};  ///< internal_error: the reader got nowhere
  bool operator==(const ChunkedBody&) const = default;
};

/// Reads the text in pieces that end at each multiple of `cut`, and at `only` where that is given.
inline ChunkedBody read_chunked(std::string_view text, std::size_t max_trailer_bytes,
                                std::size_t cut, std::size_t only = 0) {
  proto::ChunkReader reader(max_trailer_bytes);
  ChunkedBody body;
  while (body.used < text.size() && !reader.done()) {
    std::string_view piece = text.substr(body.used, cut - body.used % cut);
    if (body.used < only) piece = piece.substr(0, only - body.used);
    if (reader.data_left() > 0) {
      const auto take =
          static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), reader.data_left()));
      body.data += piece.substr(0, take);
      reader.took_data(take);
      body.used += take;
      continue;
    }
    const auto framing = reader.read_framing(piece);
    if (!framing) {
      body.error = framing.error().code;
      return body;
    }
    if (*framing == 0 || *framing > piece.size()) {
      body.error = core::Errc::internal_error;
      return body;
    }
    body.used += *framing;
  }
  body.done = reader.done();
  return body;
}

}  // namespace frdpu::test
