#include "proto/batch_frames.h"

#include <algorithm>
#include <cassert>

namespace frdpu::proto {
namespace {

using core::Errc;

std::unexpected<core::Error> malformed(const char* detail, std::uint64_t offset) noexcept {
  auto error = core::fail(Errc::malformed_frames, detail);
  error.error().offset = offset;
  return error;
}

constexpr std::byte octet(std::uint32_t value, unsigned index) noexcept {
  return static_cast<std::byte>(value >> (8 * index) & 0xFFu);
}

}  // namespace

core::Result<FrameStep> FrameReader::step(core::Bytes input) noexcept {
  FrameStep result;
  switch (state_) {
    case State::header:
    case State::problem_header:
      while (header_bytes_ < kItemHeaderBytes && result.consumed < input.size()) {
        const auto value = std::to_integer<std::uint32_t>(input[result.consumed++]);
        header_ |= value << (8 * header_bytes_++);
      }
      offset_ += result.consumed;
      if (header_bytes_ < kItemHeaderBytes) return result;
      length_ = header_;
      header_ = 0;
      header_bytes_ = 0;
      if (length_ == kFailedItem) {
        const std::uint64_t at = offset_ - kItemHeaderBytes;
        if (side_ == FrameSide::request) {
          return malformed("A request holds no failed items.", at);
        }
        if (state_ == State::problem_header) {
          return malformed("The problem of a failed item has failed.", at);
        }
        failed_ = true;
        state_ = State::problem_header;
        // The problem's length comes next; what has been taken so far is no event of its own.
        const auto next = step(input.subspan(result.consumed));
        if (!next) return next;
        result.consumed += next->consumed;
        result.event = next->event;
        result.length = next->length;
        result.failed = next->failed;
        return result;
      }
      failed_ = state_ == State::problem_header;
      left_ = length_;
      state_ = left_ == 0 ? State::end : State::data;
      ++items_;
      result.event = FrameEvent::item_begin;
      break;
    case State::data:
      if (input.empty()) return result;
      result.consumed = std::min<std::size_t>(left_, input.size());
      result.data = input.first(result.consumed);
      result.event = FrameEvent::item_data;
      offset_ += result.consumed;
      left_ -= static_cast<std::uint32_t>(result.consumed);
      if (left_ == 0) state_ = State::end;
      break;
    case State::end:
      state_ = State::header;
      result.event = FrameEvent::item_end;
      break;
  }
  result.length = length_;
  result.failed = failed_;
  return result;
}

core::Result<void> FrameReader::finish() const noexcept {
  if (state_ == State::end || (state_ == State::header && header_bytes_ == 0)) return {};
  return malformed("The body ends in the middle of an item.", offset_);
}

std::array<std::byte, kItemHeaderBytes> item_header(std::uint32_t length) noexcept {
  assert(length != kFailedItem);
  return {octet(length, 0), octet(length, 1), octet(length, 2), octet(length, 3)};
}

std::array<std::byte, kFailedItemHeaderBytes> failed_item_header(
    std::uint32_t problem_length) noexcept {
  std::array<std::byte, kFailedItemHeaderBytes> header;
  header.fill(std::byte{0xFF});
  std::ranges::copy(item_header(problem_length), header.begin() + kItemHeaderBytes);
  return header;
}

}  // namespace frdpu::proto
