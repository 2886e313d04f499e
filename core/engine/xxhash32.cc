#include "core/engine/xxhash32.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/engine/lz4_format.h"

namespace frdpu::core {
namespace {

constexpr std::uint32_t kPrime1 = 0x9E3779B1;
constexpr std::uint32_t kPrime2 = 0x85EBCA77;
constexpr std::uint32_t kPrime3 = 0xC2B2AE3D;
constexpr std::uint32_t kPrime4 = 0x27D4EB2F;
constexpr std::uint32_t kPrime5 = 0x165667B1;

std::uint32_t round(std::uint32_t lane, const std::uint8_t* from) noexcept {
  return std::rotl(lane + lz4::load_le32(from) * kPrime2, 13) * kPrime1;
}

/// Runs whole stripes through the four lanes. They stay in registers: the chains are independent.
const std::uint8_t* run_stripes(std::array<std::uint32_t, 4>& lanes, const std::uint8_t* from,
                                std::size_t stripes) noexcept {
  auto [a, b, c, d] = lanes;
  for (; stripes != 0; --stripes, from += 16) {
    a = round(a, from);
    b = round(b, from + 4);
    c = round(c, from + 8);
    d = round(d, from + 12);
  }
  lanes = {a, b, c, d};
  return from;
}

}  // namespace

void Xxhash32::reset() noexcept {
  lanes_ = {kPrime1 + kPrime2, kPrime2, 0, 0u - kPrime1};
  held_bytes_ = 0;
  total_bytes_ = 0;
}

void Xxhash32::update(Bytes bytes) noexcept {
  if (bytes.empty()) return;
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* const end = from + bytes.size();
  total_bytes_ += bytes.size();
  if (held_bytes_ != 0) {
    const std::size_t taken = std::min(kStripeBytes - held_bytes_, bytes.size());
    std::memcpy(held_.data() + held_bytes_, from, taken);
    held_bytes_ += taken;
    from += taken;
    if (held_bytes_ < kStripeBytes) return;
    run_stripes(lanes_, held_.data(), 1);
  }
  from = run_stripes(lanes_, from, static_cast<std::size_t>(end - from) / kStripeBytes);
  held_bytes_ = static_cast<std::size_t>(end - from);
  if (held_bytes_ != 0) std::memcpy(held_.data(), from, held_bytes_);
}

std::uint32_t Xxhash32::digest() const noexcept {
  std::uint32_t hash = kPrime5;  // fewer than 16 bytes never reach the lanes
  if (total_bytes_ >= kStripeBytes) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
  }
  hash += static_cast<std::uint32_t>(total_bytes_);
  const std::uint8_t* from = held_.data();
  const std::uint8_t* const end = from + held_bytes_;
  for (; end - from >= 4; from += 4) {
    hash = std::rotl(hash + lz4::load_le32(from) * kPrime3, 17) * kPrime4;
  }
  for (; from < end; ++from) hash = std::rotl(hash + *from * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

std::uint32_t Xxhash32::of(Bytes bytes) noexcept {
  Xxhash32 hash;
  hash.update(bytes);
  return hash.digest();
}

}  // namespace frdpu::core
