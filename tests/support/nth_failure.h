#pragma once

#include <atomic>
#include <cstdint>

namespace frdpu::test {

/// Counts operations while it is armed, and says which of them is to fail.
/// Threads: `hits` from any; `arm` and `disarm` from one.
class NthFailure {
 public:
  /// The n-th operation from now on (1 is the next) fails; `forever`: and all after it.
  void arm(std::uint64_t n, bool forever = false) noexcept {
    count_ = 0;
    forever_ = forever;
    n_ = n;
  }
  void disarm() noexcept { n_ = 0; }

  /// Counts an operation. Returns: whether it is to fail.
  [[nodiscard]] bool hits() noexcept {
    const std::uint64_t n = n_;
    if (n == 0) return false;
    const std::uint64_t at = ++count_;
    return at == n || (forever_ && at > n);
  }

  /// Whether the operation came that was to fail.
  [[nodiscard]] bool fired() const noexcept { return n_ != 0 && count_ >= n_; }

 private:
  std::atomic<std::uint64_t> n_{0};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> forever_{false};
};

}  // namespace frdpu::test
