#include <algorithm>
#include <bit>

#include "core/raw_deflate.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

constexpr std::size_t kMaxViewBytes = std::size_t{1} << 30;
constexpr int kMemLevel = 8;  // zlib's default

int window_log2(std::uint32_t window_bytes) noexcept {
  return static_cast<int>(std::bit_width(window_bytes)) - 1;
}

}  // namespace

// zconf.h: "(1 << (windowBits+2)) + (1 << (memLevel+9))", plus "a few kilobytes" of state: 5,936
// bytes in 1.2.13. Hash heads do not shrink with the window there.
std::size_t ZlibDeflate::arena_bytes(std::uint32_t window_bytes) noexcept {
  const std::size_t tables = (std::size_t{window_bytes} << 2) + (std::size_t{1} << (kMemLevel + 9));
  return tables + 6 * kKiB + 8 * Workspace::room_for(1);
}

Result<void> ZlibDeflate::prepare(std::uint32_t window_bytes, Workspace& arena) noexcept {
  stream_ = {};
  stream_.zalloc = &Workspace::zlib_alloc;
  stream_.zfree = &Workspace::hook_free;
  stream_.opaque = &arena;
  // Negative: raw data. The quirk that turns 8 bits into 9 stays out of reach: 512 is the least.
  const int code = deflateInit2(&stream_, level_, Z_DEFLATED, -window_log2(window_bytes), kMemLevel,
                                Z_DEFAULT_STRATEGY);
  if (code != Z_OK) return fail(Errc::invalid_size, "the workspace is too small for zlib");
  return {};
}

Result<void> ZlibDeflate::reset(int level) noexcept {
  int code = deflateReset(&stream_);
  if (code == Z_OK && level != level_) code = deflateParams(&stream_, level, Z_DEFAULT_STRATEGY);
  if (code != Z_OK) return fail(Errc::internal_error, "zlib could not be reset");
  level_ = level;
  return {};
}

Result<Progress> ZlibDeflate::run(Bytes input, MutableBytes output, Flush flush) noexcept {
  const Bytes in = input.first(std::min(input.size(), kMaxViewBytes));
  const MutableBytes out = output.first(std::min(output.size(), kMaxViewBytes));
  if (out.empty()) return Progress{.state = StepState::need_output};
  const bool all = in.size() == input.size();
  stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
  stream_.avail_in = static_cast<uInt>(in.size());
  stream_.next_out = reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = static_cast<uInt>(out.size());
  const int mode = !all || flush == Flush::none ? Z_NO_FLUSH
                   : flush == Flush::finish     ? Z_FINISH
                                                : Z_SYNC_FLUSH;
  const int code = deflate(&stream_, mode);
  // Z_BUF_ERROR only says that nothing could be done this time.
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
    return fail(Errc::internal_error, "zlib broke off");
  }
  Progress progress{in.size() - stream_.avail_in, out.size() - stream_.avail_out,
                    StepState::need_input};
  if (code == Z_STREAM_END) {
    progress.state = StepState::done;
  } else if (flush == Flush::finish || progress.consumed < input.size() ||
             (flush == Flush::flush && stream_.avail_out == 0)) {
    progress.state = StepState::need_output;
  }
  return progress;
}

}  // namespace frdpu::core
