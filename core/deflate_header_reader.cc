#include "core/deflate_header_reader.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

namespace frdpu::core {
namespace {

constexpr std::uint32_t kHeaderChecksum = 0x02;
constexpr std::uint32_t kExtra = 0x04;
constexpr std::uint32_t kName = 0x08;
constexpr std::uint32_t kComment = 0x10;
constexpr std::uint32_t kReserved = 0xE0;

}  // namespace

DeflateHeaderReader::DeflateHeaderReader(Format format) noexcept
    : part_(format == Format::gzip   ? Part::fixed
            : format == Format::zlib ? Part::zlib
                                     : Part::done) {}

Result<std::size_t> DeflateHeaderReader::take(Bytes input) noexcept {
  std::size_t taken = 0;
  while (!done() && taken < input.size()) {
    const auto bytes = take_part(input.subspan(taken));
    if (!bytes) return bytes;
    taken += *bytes;
    offset_ += *bytes;
    if (!part_done_) continue;
    part_done_ = false;
    held_bytes_ = 0;
    Result<void> good{};
    if (part_ == Part::fixed) good = check_fixed();
    if (part_ == Part::checksum) good = check_sum();
    if (part_ == Part::zlib) good = check_zlib();
    if (!good) {
      Error error = good.error();
      error.offset = offset_;
      return std::unexpected(error);
    }
    enter_after(part_);
  }
  return taken;
}

Result<std::size_t> DeflateHeaderReader::take_part(Bytes input) noexcept {
  std::size_t taken = 0;
  switch (part_) {
    case Part::fixed:
      taken = gather(input, 10);
      break;
    case Part::extra_length:
    case Part::checksum:
    case Part::zlib:
      taken = gather(input, 2);
      break;
    case Part::extra:
      taken = std::min(extra_left_, input.size());
      extra_left_ -= taken;
      part_done_ = extra_left_ == 0;
      break;
    case Part::name:
    case Part::comment:
      taken = skip_text(input);
      break;
    case Part::done:
      return fail(Errc::internal_error, "a header was read past its end");
  }
  if (part_ != Part::checksum && part_ != Part::zlib) {
    sum_ = crc32_gzip_refl(sum_, reinterpret_cast<const unsigned char*>(input.data()), taken);
  }
  return taken;
}

std::size_t DeflateHeaderReader::gather(Bytes input, std::size_t wanted) noexcept {
  const std::size_t taken = std::min(wanted - held_bytes_, input.size());
  std::memcpy(held_.data() + held_bytes_, input.data(), taken);
  held_bytes_ += taken;
  part_done_ = held_bytes_ == wanted;
  return taken;
}

std::size_t DeflateHeaderReader::skip_text(Bytes input) noexcept {
  const void* const end = std::memchr(input.data(), 0, input.size());
  if (end == nullptr) return input.size();
  part_done_ = true;
  return static_cast<std::size_t>(static_cast<const std::byte*>(end) - input.data()) + 1;
}

Result<void> DeflateHeaderReader::check_fixed() noexcept {
  if (held(0) != 0x1F || held(1) != 0x8B) return fail(Errc::corrupt_input, "no gzip header");
  if (held(2) != 8) return fail(Errc::corrupt_input, "a gzip method that is not deflate");
  flags_ = held(3);
  if ((flags_ & kReserved) != 0) return fail(Errc::corrupt_input, "reserved gzip header flags");
  return {};
}

Result<void> DeflateHeaderReader::check_sum() noexcept {
  if ((held(0) | held(1) << 8) == (sum_ & 0xFFFF)) return {};
  return fail(Errc::checksum_mismatch, "the gzip header's checksum does not match");
}

Result<void> DeflateHeaderReader::check_zlib() noexcept {
  if ((held(0) * 256 + held(1)) % 31 != 0 || (held(0) & 15) != 8 || held(0) >> 4 > 7) {
    return fail(Errc::corrupt_input, "no zlib header");
  }
  if ((held(1) & 0x20) == 0) return {};
  return fail(Errc::missing_dictionary, "a zlib stream with a preset dictionary");
}

// Passes over the fields that the flags say are not there.
void DeflateHeaderReader::enter_after(Part part) noexcept {
  if (part == Part::extra_length) extra_left_ = held(0) | held(1) << 8;
  const auto comes = [&](Part next, std::uint32_t flag) {
    return part < next && (flags_ & flag) != 0;
  };
  if (part == Part::zlib) {
    part_ = Part::done;
  } else if (comes(Part::extra_length, kExtra)) {
    part_ = Part::extra_length;
  } else if (part == Part::extra_length && extra_left_ != 0) {
    part_ = Part::extra;
  } else if (comes(Part::name, kName)) {
    part_ = Part::name;
  } else if (comes(Part::comment, kComment)) {
    part_ = Part::comment;
  } else if (comes(Part::checksum, kHeaderChecksum)) {
    part_ = Part::checksum;
  } else {
    part_ = Part::done;
  }
}

}  // namespace frdpu::core
