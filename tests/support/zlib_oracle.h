#pragma once

#include <zlib.h>

#include <cstddef>
#include <optional>

#include "tests/support/test_data.h"

/// zlib itself, through its simplest calls: what everything that we write and read is judged by.
namespace frdpu::test {

/// windowBits of zlib's calls. Source: zlib.h.
inline constexpr int kRawBits = -15;
inline constexpr int kZlibBits = 15;
inline constexpr int kGzipBits = 31;

struct Inflated {
  Buffer output;
  std::size_t consumed = 0;
};

/// Decodes one stream. Returns: nothing when zlib refuses it or it does not end; `truncated` says
/// which of the two.
inline std::optional<Inflated> zlib_decode(core::Bytes input, int window_bits,
                                           bool* truncated = nullptr,
                                           std::size_t limit = std::size_t{1} << 26) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return std::nullopt;
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  Inflated result;
  int code = Z_OK;
  do {
    std::byte room[16384];
    stream.next_out = reinterpret_cast<Bytef*>(room);
    stream.avail_out = sizeof(room);
    code = inflate(&stream, Z_NO_FLUSH);
    result.output.insert(result.output.end(), room, room + (sizeof(room) - stream.avail_out));
  } while (code == Z_OK && result.output.size() < limit);
  result.consumed = stream.total_in;
  inflateEnd(&stream);
  if (truncated != nullptr) *truncated = code == Z_BUF_ERROR;
  if (code != Z_STREAM_END) return std::nullopt;
  return result;
}

/// Encodes with zlib.
inline Buffer zlib_encode(core::Bytes input, int level, int window_bits,
                          int strategy = Z_DEFAULT_STRATEGY, int memory_level = 8) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, window_bits, memory_level, strategy) != Z_OK) {
    return {};
  }
  Buffer output(deflateBound(&stream, static_cast<uLong>(input.size())) + 64);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  const int code = deflate(&stream, Z_FINISH);
  output.resize(code == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return output;
}

}  // namespace frdpu::test
