#include <algorithm>
#include <bit>

#include "core/raw_deflate.h"

namespace frdpu::core {
namespace {

// Its lengths are 32 bits wide.
constexpr std::size_t kMaxViewBytes = std::size_t{1} << 30;

// ISA-L never writes through next_in.
std::uint8_t* readable(Bytes bytes) noexcept {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

}  // namespace

std::size_t IsalDeflate::level_buffer_bytes(int level, std::uint64_t content_bytes) noexcept {
  const std::size_t fixed = level == 1   ? ISAL_DEF_LVL1_REQ
                            : level == 2 ? ISAL_DEF_LVL2_REQ
                                         : ISAL_DEF_LVL3_REQ;
  // One symbol a byte at most, and room to end a block.
  const auto symbols =
      static_cast<std::size_t>(std::clamp<std::uint64_t>(content_bytes + 512, 1024, 16 * 1024));
  return fixed + symbols * ISAL_DEF_LVL1_TOKEN_SIZE;
}

IsalDeflate::IsalDeflate(int level, std::uint32_t window_bytes,
                         MutableBytes level_buffer) noexcept {
  isal_deflate_init(&stream_);
  stream_.level = static_cast<std::uint32_t>(level);
  stream_.level_buf = reinterpret_cast<std::uint8_t*>(level_buffer.data());
  stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
  stream_.gzip_flag = IGZIP_DEFLATE;
  stream_.hist_bits = static_cast<std::uint16_t>(std::bit_width(window_bytes) - 1);
}

Result<Progress> IsalDeflate::run(Bytes input, MutableBytes output, Flush flush) noexcept {
  const Bytes in = input.first(std::min(input.size(), kMaxViewBytes));
  const MutableBytes out = output.first(std::min(output.size(), kMaxViewBytes));
  const bool all = in.size() == input.size();
  stream_.next_in = readable(in);
  stream_.avail_in = static_cast<std::uint32_t>(in.size());
  stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream_.avail_out = static_cast<std::uint32_t>(out.size());
  stream_.end_of_stream = all && flush == Flush::finish ? 1 : 0;
  stream_.flush = all && flush == Flush::flush ? SYNC_FLUSH : NO_FLUSH;
  if (isal_deflate(&stream_) != COMP_OK) {
    return fail(Errc::internal_error, "ISA-L refused its parameters");
  }
  Progress progress{in.size() - stream_.avail_in, out.size() - stream_.avail_out,
                    StepState::need_input};
  const auto state = stream_.internal_state.state;
  if (state == ZSTATE_END) {
    progress.state = StepState::done;
  } else if (flush == Flush::finish || progress.consumed < input.size()) {
    progress.state = StepState::need_output;
  } else if (flush == Flush::flush && stream_.avail_out == 0 && state != ZSTATE_NEW_HDR) {
    // With room left all is out; without, only the start of a new block says so (igzip_lib.h).
    progress.state = StepState::need_output;
  }
  return progress;
}

}  // namespace frdpu::core
