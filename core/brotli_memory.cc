#include "core/brotli_memory.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/brotli_encoder.h"

namespace frdpu::core {
namespace {

// High-water marks in KiB, the largest of corpus and of inputs made to be bad: many commands, long
// metablocks, many block types, many matches, in every order and cut every way.

// Whole bodies by size: up to 1, 2, 4, 8, 16, 32, 64 KiB.
constexpr std::size_t kSmallestBody = 1024;
constexpr std::size_t kLargestBody = 64 * kKiB;
constexpr std::uint32_t kWholeKiB[12][7] = {
    {21, 23, 51, 59, 171, 203, 267},
    {18, 34, 56, 100, 188, 364, 716},
    {284, 301, 334, 394, 546, 610, 868},
    {290, 305, 335, 395, 547, 611, 864},
    {558, 576, 613, 688, 835, 1131, 1849},
    {563, 585, 631, 719, 899, 1226, 2093},
    {563, 585, 631, 719, 899, 1226, 2093},
    {567, 594, 646, 747, 956, 1368, 2132},
    {567, 594, 646, 747, 956, 1368, 2132},
    {1332, 1358, 1411, 1513, 1713, 2108, 2905},
    {1257, 1541, 2897, 5341, 9775, 13368, 21019},
    {1257, 1673, 1982, 3513, 4445, 7534, 11858},
};

// Everything else by window: up to 64, 128, 256 KiB.
constexpr std::uint32_t kStreamKiB[12][3] = {
    {875, 875, 875},      {1826, 1826, 1826},   {1275, 1567, 1823},    {1285, 1818, 1818},
    {2014, 3151, 3482},   {2248, 3785, 5462},   {2248, 4807, 6479},    {2311, 10989, 12659},
    {2311, 19181, 20851}, {3079, 36894, 38345}, {27564, 39102, 42603}, {11858, 19714, 32071},
};
constexpr int kLastMeasuredLgwin = 18;

std::uint32_t measured_kib(const BrotliPlan& plan, const EncoderParams& params) noexcept {
  const auto quality = static_cast<std::size_t>(plan.quality);
  const std::uint64_t content = params.content_bytes.value_or(UINT64_MAX);
  const bool within_window = content <= (std::uint64_t{1} << plan.lgwin);
  if (params.whole && content <= kLargestBody && within_window) {
    const std::uint64_t step = content <= kSmallestBody ? 0 : (content - 1) / kSmallestBody;
    return kWholeKiB[quality][std::bit_width(step)];
  }
  return kStreamKiB[quality][std::clamp(plan.lgwin, 16, kLastMeasuredLgwin) - 16];
}

// Larger windows cost their buffer, twice the window, and from quality 10 on two trees of 4 bytes
// a position. Nothing else grows, since metablocks do not.
std::size_t beyond_measured_bytes(const BrotliPlan& plan) noexcept {
  if (plan.lgwin <= kLastMeasuredLgwin) return 0;
  const std::size_t more = (std::size_t{1} << plan.lgwin) - (std::size_t{1} << kLastMeasuredLgwin);
  return more * (plan.quality < 10 ? 2 : 2 + 8);
}

}  // namespace

std::size_t brotli_heap_bytes(const BrotliPlan& plan, const EncoderParams& params) noexcept {
  const std::size_t measured = std::size_t{measured_kib(plan, params)} * kKiB;
  return measured + measured / 8 + 16 * kKiB + beyond_measured_bytes(plan);
}

}  // namespace frdpu::core
