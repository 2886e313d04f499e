#include "server/dictionary_training.h"

#include <algorithm>
#include <new>

namespace frdpu::server {
namespace {

using core::Errc;

constexpr std::size_t kHeldBackEvery = 8;
constexpr std::size_t kHeldBackFirst = 3;  // the eight that must be there have one of them

std::unexpected<core::Error> exceeded(const char* detail, std::uint64_t limit,
                                      std::uint64_t observed) noexcept {
  return std::unexpected(core::Error{
      .code = Errc::fixed_limit_exceeded, .detail = detail, .limit = limit, .observed = observed});
}

std::unexpected<core::Error> no_memory() noexcept {
  return core::fail(Errc::overloaded, "There is no memory for a training.");
}

}  // namespace

TrainingSamples::Part& TrainingSamples::part_of(std::size_t sample) noexcept {
  return sample % kHeldBackEvery == kHeldBackFirst ? held_back_ : taught_;
}

core::Result<void> TrainingSamples::check_room(std::uint64_t more_bytes) const noexcept {
  const std::uint64_t sum = bytes() + more_bytes;
  if (sum <= kMostBytes) return {};
  return exceeded("The samples are too large together.", kMostBytes, sum);
}

core::Result<void> TrainingSamples::append(core::Bytes part) noexcept {
  if (part.empty()) return {};
  if (const auto room = check_room(part.size()); !room) return room;
  if (!in_sample_ && count() >= kMostSamples) {
    return exceeded("There are too many samples.", kMostSamples, kMostSamples + 1);
  }
  try {
    Part& of = part_of(in_sample_ ? count() - 1 : count());
    if (!in_sample_) of.sizes.push_back(0);
    in_sample_ = true;
    of.bytes.insert(of.bytes.end(), part.begin(), part.end());
    of.sizes.back() += part.size();
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  return {};
}

core::Result<TrainedDictionary> TrainingSamples::train(std::size_t size_bytes) const noexcept {
  if (count() < kFewestSamples) {
    return std::unexpected(
        core::Error{.code = Errc::too_few_samples,
                    .detail = "Training needs at least 8 samples that are not empty.",
                    .limit = kFewestSamples,
                    .observed = count()});
  }
  try {
    TrainedDictionary trained;
    trained.content.resize(size_bytes);
    const auto used = core::train_zstd_dictionary(taught_.list(), trained.content);
    if (!used) return std::unexpected(used.error());
    trained.content.resize(*used);

    std::vector<std::byte> scratch(
        core::zstd_frame_bound(*std::ranges::max_element(held_back_.sizes)));
    const auto with = core::zstd_frame_bytes(held_back_.list(), trained.content, scratch);
    const auto without = core::zstd_frame_bytes(held_back_.list(), {}, scratch);
    if (!with) return std::unexpected(with.error());
    if (!without) return std::unexpected(without.error());
    const auto bytes = static_cast<double>(held_back_.bytes.size());
    trained.ratio_with = bytes / static_cast<double>(*with);
    trained.ratio_without = bytes / static_cast<double>(*without);
    return trained;
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

}  // namespace frdpu::server
