#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/bytes.h"

/// Text written into memory that somebody else owns.
namespace frdpu::proto {

/// Writes until the memory is full; from then on it writes nothing and remembers that.
/// Life cycle: one text; ask `overflowed()` once, at the end.
/// Ownership: views `out`, which must outlive it. Cost: no allocation.
class TextWriter {
 public:
  explicit TextWriter(core::MutableBytes out) noexcept : out_(out) {}

  void put(char c) noexcept {
    if (!take_room(1)) return;
    out_[size_++] = static_cast<std::byte>(c);
  }

  void put(std::string_view text) noexcept {
    if (!take_room(text.size()) || text.empty()) return;
    std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }

  /// Writes a whole number, decimal unless told otherwise; hexadecimal digits are lower case.
  void put_number(std::uint64_t value, int base = 10) noexcept {
    constexpr std::size_t kMaxDigits = 20;  // 2^64 - 1 in decimal
    if (kMaxDigits <= out_.size() - size_) {
      char* const place = reinterpret_cast<char*>(out_.data() + size_);
      size_ += static_cast<std::size_t>(std::to_chars(place, place + kMaxDigits, value, base).ptr -
                                        place);
      return;
    }
    char digits[kMaxDigits];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    put(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

  /// Returns the bytes written so far; where it overflowed, they are the front of the text.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Returns the size of a whole text, or 0 where it did not fit.
  [[nodiscard]] std::size_t size_if_whole() const noexcept { return overflowed_ ? 0 : size_; }

 private:
  bool take_room(std::size_t bytes) noexcept {
    if (bytes <= out_.size() - size_) return true;
    overflowed_ = true;
    out_ = out_.first(size_);  // from now on nothing fits
    return false;
  }

  core::MutableBytes out_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace frdpu::proto
