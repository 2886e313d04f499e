#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

/// Text with storage of its own and a fixed capacity: what percent-decoding and small lists are
/// written into, so that a request needs no heap.
namespace frdpu::proto {

/// Life cycle: a value, empty at first; copies copy the bytes.
/// Invariant: size() <= Capacity, always.
template <std::size_t Capacity>
class FixedText {
  static_assert(Capacity <= 0xFFFF);

 public:
  /// Appends one character. Returns: false, with nothing changed, when the text is full.
  [[nodiscard]] constexpr bool push_back(char c) noexcept {
    if (size_ == Capacity) return false;
    chars_[size_++] = c;
    return true;
  }

  /// Appends all of `text` or nothing. Returns: whether it fitted.
  [[nodiscard]] constexpr bool append(std::string_view text) noexcept {
    if (text.size() > Capacity - size_) return false;
    std::copy(text.begin(), text.end(), chars_.begin() + size_);
    size_ = static_cast<std::uint16_t>(size_ + text.size());
    return true;
  }

  constexpr void clear() noexcept { size_ = 0; }

  /// Views the text. Ownership: dies with this object, and with the next change of it.
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {chars_.data(), size_}; }

  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] static constexpr std::size_t capacity() noexcept { return Capacity; }

 private:
  std::array<char, Capacity> chars_{};
  std::uint16_t size_ = 0;
};

}  // namespace frdpu::proto
