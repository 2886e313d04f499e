#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/request_head.h"

/// What the latest head said, for those that come again.
namespace frdpu::proto {

/// Keeps one good head and what was read from it. A program sends the same head with each request,
/// but for its Content-Length; reading it anew is a third of what the service does for a small one.
///
/// Life: `recall` a head; where that has nothing, `take` it, read what `take` returns, and `keep`.
/// Ownership: a copy of the head, which what is read looks into until the next `take`.
/// Invariant: what is recalled is what reading the head would give. A head with an Authorization is
/// never kept: how long the next takes would tell how much of it somebody guessed.
/// Threads: one at a time. Cost: a comparison of the bytes; `take` a copy. No allocation.
class HeadMemo {
 public:
  /// Longer heads are not kept.
  static constexpr std::size_t kMaxBytes = 512;

  HeadMemo() = default;
  HeadMemo(const HeadMemo&) = delete;
  HeadMemo& operator=(const HeadMemo&) = delete;

  /// Returns what a whole head says, where it is the kept one but for the digits of its
  /// Content-Length; null otherwise. Valid until the next call of any function.
  [[nodiscard]] const ReadHead* recall(std::string_view head) noexcept;

  /// Forgets what was kept. Returns: a copy of the head, or the head itself when it is too long.
  [[nodiscard]] std::string_view take(std::string_view head) noexcept;

  /// Counts the heads that were taken: as long as it is the same, so is what heads say, but for the
  /// Content-Length. 0: none was.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// Keeps what was read. Requires: it was read from what `take` returned, without an error.
  void keep(const ReadHead& read) noexcept;

 private:
  std::array<char, kMaxBytes> copy_;
  std::size_t taken_bytes_ = 0;  // in the copy
  std::uint64_t number_ = 0;
  // What is kept: nothing, or the copy as two parts around the digits. Without a Content-Length the
  // second part is empty.
  bool kept_ = false;
  std::string_view before_;
  std::string_view behind_;
  ReadHead read_;
};

}  // namespace frdpu::proto
