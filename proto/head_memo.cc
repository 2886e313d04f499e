#include "proto/head_memo.h"

#include <algorithm>
#include <charconv>

namespace frdpu::proto {
namespace {

// So many digits are a number whatever they are.
constexpr std::size_t kMaxDigits = 18;

}  // namespace

const ReadHead* HeadMemo::recall(std::string_view head) noexcept {
  if (!kept_ || head.size() < before_.size() + behind_.size()) return nullptr;
  const std::size_t digits_end = head.size() - behind_.size();
  if (head.substr(0, before_.size()) != before_ || head.substr(digits_end) != behind_) {
    return nullptr;
  }
  const std::string_view digits = head.substr(before_.size(), digits_end - before_.size());
  if (read_.fields.framing().kind != BodyKind::length) return digits.empty() ? &read_ : nullptr;
  std::uint64_t length = 0;
  const char* const end = digits.data() + digits.size();
  const auto [parsed_to, error] = std::from_chars(digits.data(), end, length);
  if (error != std::errc{} || parsed_to != end || digits.size() > kMaxDigits) return nullptr;
  read_.fields.set_content_length(length);
  return &read_;
}

std::string_view HeadMemo::take(std::string_view head) noexcept {
  kept_ = false;
  ++number_;
  taken_bytes_ = 0;
  if (head.size() > copy_.size()) return head;
  taken_bytes_ = head.size();
  std::ranges::copy(head, copy_.begin());
  return {copy_.data(), taken_bytes_};
}

void HeadMemo::keep(const ReadHead& read) noexcept {
  if (taken_bytes_ == 0 || read.fields.has_authorization()) return;
  const std::string_view whole(copy_.data(), taken_bytes_);
  const std::string_view digits = read.fields.content_length();
  const bool has_length = read.fields.framing().kind == BodyKind::length;
  const auto at =
      has_length ? static_cast<std::size_t>(digits.data() - whole.data()) : whole.size();
  before_ = whole.substr(0, at);
  behind_ = has_length ? whole.substr(at + digits.size()) : std::string_view{};
  read_ = read;
  kept_ = true;
}

}  // namespace frdpu::proto
