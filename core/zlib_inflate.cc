#include <algorithm>
#include <cstring>

#include "core/raw_inflate.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

constexpr std::size_t kMaxViewBytes = std::size_t{1} << 30;
constexpr std::size_t kWindowBytes = 32768;
constexpr std::size_t kStateBytes = 7 * kKiB + 256;
constexpr int kRawWindowBits = -15;  // negative: raw data

}  // namespace

std::size_t ZlibInflate::arena_bytes() noexcept {
  return Workspace::room_for(kStateBytes) + Workspace::room_for(kWindowBytes);
}

Result<void> ZlibInflate::prepare(Workspace& arena) noexcept {
  stream_ = {};
  stream_.zalloc = &Workspace::zlib_alloc;
  stream_.zfree = &Workspace::hook_free;
  stream_.opaque = &arena;
  const Bytef primer = 0;  // a dictionary of one byte makes zlib allocate its window
  if (inflateInit2(&stream_, kRawWindowBits) != Z_OK ||
      inflateSetDictionary(&stream_, &primer, 1) != Z_OK) {
    return fail(Errc::invalid_size, "the workspace is too small for zlib");
  }
  return {};
}

Result<void> ZlibInflate::reset() noexcept {
  if (inflateReset(&stream_) != Z_OK) return fail(Errc::internal_error, "zlib could not be reset");
  return {};
}

Result<Progress> ZlibInflate::run(Bytes input, MutableBytes output) noexcept {
  const Bytes in = input.first(std::min(input.size(), kMaxViewBytes));
  const MutableBytes out = output.first(std::min(output.size(), kMaxViewBytes));
  if (out.empty()) return Progress{.state = StepState::need_output};
  stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  stream_.avail_in = static_cast<uInt>(in.size());
  stream_.next_out = reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = static_cast<uInt>(out.size());
  const int code = ::inflate(&stream_, Z_NO_FLUSH);
  Progress progress{in.size() - stream_.avail_in, out.size() - stream_.avail_out,
                    StepState::need_input};
  switch (code) {
    case Z_STREAM_END:
      progress.state = StepState::done;
      return progress;
    case Z_OK:
    case Z_BUF_ERROR:  // nothing could be done this time
      if (progress.produced == out.size() || progress.consumed < input.size()) {
        progress.state = StepState::need_output;
      }
      return progress;
    case Z_DATA_ERROR:
      return std::unexpected(Error{.code = Errc::corrupt_input,
                                   .detail = "the deflate data is damaged",
                                   .offset = progress.consumed});
    default:
      return fail(Errc::internal_error, "zlib broke off");
  }
}

}  // namespace frdpu::core
