#include "core/estimator.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/codec_factory.h"

namespace frdpu::core {
namespace {

// Data is worth a codec when it gets smaller by more than this share.
constexpr double kLeastSaving = 0.02;

// Encodes the sample and throws the result away. Returns: its size, or the sample's own where no
// workspace is free.
std::size_t trial_bytes(Bytes sample, WorkspacePools& pools) noexcept {
  const EncoderParams params{.coding = Coding::lz4,
                             .level = 1,
                             .window_bytes = 0,
                             .content_bytes = sample.size(),
                             .whole = false,
                             .dictionary = nullptr};
  auto encoder = make_encoder(params, pools);
  if (!encoder) return sample.size();
  std::array<std::byte, 4 * kKiB> scrap;
  std::size_t total = 0;
  while (true) {
    const auto step = (*encoder)->step(sample, scrap, Flush::finish);
    if (!step) return total + sample.size();
    total += step->produced;
    sample = sample.subspan(step->consumed);
    if (step->state == StepState::done) return total;
  }
}

}  // namespace

double entropy_bits_per_byte(Bytes data) noexcept {
  return entropy_bits_per_byte(std::span(&data, 1));
}

double entropy_bits_per_byte(std::span<const Bytes> pieces) noexcept {
  std::array<std::uint64_t, 256> counts{};
  std::uint64_t bytes = 0;
  for (const Bytes piece : pieces) {
    for (const std::byte byte : piece) ++counts[std::to_integer<std::size_t>(byte)];
    bytes += piece.size();
  }
  if (bytes == 0) return 0;
  const auto total = static_cast<double>(bytes);
  double bits = 0;
  for (const std::uint64_t count : counts) {
    const auto each = static_cast<double>(count);
    if (count > 0) bits -= each * std::log2(each / total);
  }
  return bits / total;
}

CodingChoice choose_coding(Bytes start, Aim aim, WorkspacePools& pools) noexcept {
  const Bytes sample = start.first(std::min(start.size(), kChoiceSampleBytes));
  if (sample.empty()) return {};
  const auto size = static_cast<double>(sample.size());
  const double repeats = 1 - static_cast<double>(trial_bytes(sample, pools)) / size;
  // A short sample has few distinct bytes: its entropy looks lower than the data's by about this
  // much (Miller-Madow: (symbols - 1) / 2n nats).
  const double bias = 255 / (2 * size) / std::log(2.0);
  const double skew = 1 - std::min(8.0, entropy_bits_per_byte(sample) + bias) / 8;
  if (std::max(repeats, skew) < kLeastSaving) return {};
  // Where nothing repeats our engine has nothing to say; zstd still has its entropy coder.
  if (aim == Aim::speed && repeats < kLeastSaving) return {Coding::zstd, 1};
  return usual_choice(aim);
}

CodingChoice usual_choice(Aim aim) noexcept {
  switch (aim) {
    case Aim::speed:
      return {Coding::lz4, 1};
    case Aim::size:
      return {Coding::br, 9};
    case Aim::balanced:
      break;
  }
  return {Coding::zstd, 3};
}

}  // namespace frdpu::core
