// Any bytes at levels 1 to 3, which our engine encodes among others, as a whole body in any window:
// zlib and libdeflate give exactly the input back, the result is within the bound and no larger
// than stored, and does not depend on what was in the workspace. The first bytes choose the
// settings; the rest is the input, stretched for some.
#include <libdeflate.h>
#include <zlib.h>

#include <memory>

#include "core/raw_deflate.h"
#include "core/zlib_codec.h"
#include "tests/fuzz/lz4_fuzz_support.h"

namespace {

using namespace frdpu;
using namespace frdpu::fuzz;

Buffer inflated(core::Bytes frame, std::size_t size, int window_bits) {
  Buffer out(size + 1);
  z_stream stream{};
  require(inflateInit2(&stream, window_bits) == Z_OK, "zlib does not start");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(frame.data()));
  stream.avail_in = static_cast<uInt>(frame.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&stream, Z_FINISH);
  require(code == Z_STREAM_END && stream.avail_in == 0, "zlib refuses it");
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

void check_libdeflate(core::Bytes frame, const Buffer& input) {
  static libdeflate_decompressor* const decompressor = libdeflate_alloc_decompressor();
  Buffer out(input.size());
  std::size_t size = 0;
  const libdeflate_result result = libdeflate_deflate_decompress(
      decompressor, frame.data(), frame.size(), out.data(), out.size(), &size);
  require(result == LIBDEFLATE_SUCCESS && size == input.size() && out == input,
          "libdeflate reads something else");
}

/// Our engine alone, in a buffer filled with `fill`. Returns: nothing where the room is too small.
Buffer raw_encoded(int level, std::uint64_t content_bytes, std::uint32_t window, unsigned fill,
                   core::Bytes input, std::size_t room) {
  const std::size_t bytes = core::EngineDeflate::buffer_bytes(level, content_bytes);
  const Workspace buffer(bytes);
  std::fill_n(buffer.bytes().data(), bytes, std::byte(fill));
  const auto engine =
      std::make_unique<core::EngineDeflate>(level, content_bytes, window, buffer.bytes());
  Buffer out(room);
  const auto progress = engine->run(input, out, core::Flush::finish);
  require(progress.has_value(), "the engine fails");
  if (progress->state != core::StepState::done) return {};
  out.resize(progress->produced);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  constexpr std::uint32_t kWindows[] = {32768, 16384, 4096, 512};
  constexpr std::size_t kStretches[] = {300,    1400,   4095,   8193,   16'385,
                                        32'769, 65'535, 65'537, 140'000};
  const int level = static_cast<int>(1 + choices.below(3));
  const std::uint32_t window = kWindows[choices.below(std::size(kWindows))];
  const std::size_t large = choices.below(30);  // rarely: large inputs are slow
  const std::size_t stretch = large < std::size(kStretches) ? kStretches[large] : 0;
  const std::uint64_t pledged = choices.below(2) == 0 ? 0 : choices.below(70'000);
  const std::size_t missing = choices.below(300);
  const Buffer input = stretched(choices.rest(), stretch);

  const core::EncoderParams params{.coding = core::Coding::gzip,
                                   .level = level,
                                   .window_bytes = window,
                                   .content_bytes = input.size(),
                                   .whole = true};
  const Workspace workspace(core::zlib_encoder_workspace_bytes(params));
  std::fill_n(workspace.bytes().data(), workspace.bytes().size(), std::byte{});
  const auto encoder = core::place_zlib_encoder(params, workspace.bytes());
  require(encoder.has_value(), "no encoder");
  Buffer out(core::zlib_bound(input.size()));
  const auto step = (*encoder)->step(input, out, core::Flush::finish);
  require(step && step->state == core::StepState::done && step->consumed == input.size(),
          "a whole body is not encoded");
  std::destroy_at(*encoder);
  out.resize(step->produced);
  require(inflated(out, input.size(), 16 + 15) == input, "zlib reads something else");

  // Whatever size was pledged to the engine, and whatever the buffer held.
  const int own_level = level == 1 ? 1 : 3;
  const std::uint64_t laid_out = pledged == 0 ? input.size() : pledged;
  const std::size_t room = core::zlib_bound(input.size());
  const Buffer raw = raw_encoded(own_level, laid_out, window, 0, input, room);
  require(!raw.empty(), "the bound is no room");
  require(raw == raw_encoded(own_level, laid_out, window, 0xA5, input, room),
          "what was in the buffer shows");
  require(raw.size() <= input.size() + 5 * (input.size() / 65535 + 1), "larger than stored");
  require(inflated(raw, input.size(), -static_cast<int>(std::bit_width(window) - 1)) == input,
          "zlib reads something else in this window");
  check_libdeflate(raw, input);
  const std::size_t less = raw.size() + 8 - std::min(missing, raw.size() + 8);
  const Buffer again = raw_encoded(own_level, laid_out, window, 0x5A, input, less);
  require(again.empty() || again == raw, "less room shows");
  return 0;
}
