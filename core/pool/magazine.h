#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/pool/thread_support.h"

#if defined(__SANITIZE_ADDRESS__)
#define FRDPU_POISONS_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FRDPU_POISONS_BLOCKS 1
#endif
#endif
#ifdef FRDPU_POISONS_BLOCKS
#include <sanitizer/asan_interface.h>
#endif

/// The fast path of every pool: a block's header line and one thread's stock of blocks.
namespace frdpu::core::detail {

struct BlockHeader;

/// Where a block goes that the fast path cannot take home.
class BlockHome {
 public:
  BlockHome() = default;
  BlockHome(const BlockHome&) = delete;
  BlockHome& operator=(const BlockHome&) = delete;

  /// Takes a block whose owner word held `owner` (not 0) until this release.
  virtual void come_home(BlockHeader* block, std::uintptr_t owner) noexcept = 0;

 protected:
  ~BlockHome() = default;
};

/// The 64 bytes in front of a payload. They read as zeros until the block is first handed out.
struct BlockHeader {
  /// The truth about the block: 0 at home; a Magazine* while it is out (the one that counted its
  /// acquisition); with kOrphan added once its pool is gone. Every release exchanges it, so that a
  /// second one is found whatever the threads.
  std::atomic<std::uintptr_t> owner;
  std::array<std::byte, 24> reserved;
  std::array<std::byte, 32> annotation;  ///< scratch of whoever has the block

  static constexpr std::uintptr_t kOrphan = 1;

  [[nodiscard]] std::byte* payload() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] static BlockHeader* of(std::byte* payload) noexcept {
    return reinterpret_cast<BlockHeader*>(payload) - 1;
  }
};
static_assert(sizeof(BlockHeader) == 64);

/// One thread's stock of one pool's blocks: a stack in a ring of slots, stolen from at its bottom.
///
///   positions:  ... | gone | head ... blocks ... tail | free ... room_end | ...
///   tail = inflow + releases - acquisitions
///
/// The two counters that statistics need anyway are also the stack's pointer, so that a pop stores
/// one counter, a push one counter and a slot. Only the owner writes these; `head` and `room_end`
/// move under the pool's lock.
///
/// Popping and stealing meet as in Cilk's THE protocol: the owner lowers the tail and then reads
/// `head`, the thief raises `head` and then reads the tail, each with a full fence between. The
/// owner's fence is the thief's membarrier(2), so a pop costs no atomic read-modify-write.
/// Where the system has no membarrier, the owner's store becomes an exchange.
struct alignas(64) Magazine {
  static constexpr std::size_t kSlots = 64;

  // Written by the owner only, read by all.
  std::atomic<std::uint64_t> acquisitions{0};
  std::atomic<std::uint64_t> releases{0};
  std::atomic<std::uint64_t> inflow{0};  ///< blocks taken over from the store; under the lock

  // Written under the pool's lock, read by the owner all the time.
  alignas(64) std::atomic<std::uint64_t> head{0};
  std::atomic<std::uint64_t> room_end{0};  ///< behind the last position that may be filled
  std::atomic<std::uintptr_t> thread{0};   ///< key of the owner; 0 without one
  /// The owner may have this many more acquisitions than releases before the pool's peak has to be
  /// looked at; the allowances of all magazines add up to no more than the peak.
  std::atomic<std::int64_t> allowance{0};
  BlockHome* home = nullptr;
  std::size_t block_bytes = 0;
  std::size_t block_capacity = 0;
  bool asymmetric = false;
  bool poisons = false;  ///< the library itself was built with AddressSanitizer
  Magazine* next = nullptr;

  alignas(64) std::array<std::atomic<BlockHeader*>, kSlots> slots{};

  [[nodiscard]] std::uintptr_t tag() const noexcept {
    return reinterpret_cast<std::uintptr_t>(this);
  }
  [[nodiscard]] static Magazine* of(std::uintptr_t owner) noexcept {
    return reinterpret_cast<Magazine*>(owner & ~BlockHeader::kOrphan);
  }
  [[nodiscard]] std::atomic<BlockHeader*>& slot(std::uint64_t position) noexcept {
    return slots[position % kSlots];
  }

  /// Takes the block that came last, and counts. `within_allowance` becomes false when the pool has
  /// to look at its peak. Returns: nullptr when there is none, or a thief is at work; then the
  /// pool's lock decides. Threads: owner.
  [[nodiscard]] BlockHeader* pop(bool& within_allowance) noexcept {
    const std::uint64_t acquired = acquisitions.load(std::memory_order_relaxed);
    const std::uint64_t released = releases.load(std::memory_order_relaxed);
    const std::uint64_t last = inflow.load(std::memory_order_relaxed) + released - acquired - 1;
    if (before(last, head.load(std::memory_order_relaxed))) [[unlikely]]
      return nullptr;
    if (asymmetric) [[likely]] {
      acquisitions.store(acquired + 1, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      acquisitions.exchange(acquired + 1, std::memory_order_seq_cst);
    }
    if (before(last, head.load(std::memory_order_seq_cst))) [[unlikely]] {
      acquisitions.store(acquired, std::memory_order_release);
      return nullptr;
    }
    within_allowance = static_cast<std::int64_t>(acquired + 1 - released) <=
                       allowance.load(std::memory_order_relaxed);
    return slot(last).load(std::memory_order_relaxed);
  }

  /// Adds a block that was released, and counts. Returns: false, with nothing done, when there is
  /// no room. The store to `releases` is the last access. Threads: owner.
  [[nodiscard]] bool push(BlockHeader* block) noexcept {
    const std::uint64_t released = releases.load(std::memory_order_relaxed);
    const std::uint64_t tail = inflow.load(std::memory_order_relaxed) + released -
                               acquisitions.load(std::memory_order_relaxed);
    if (tail == room_end.load(std::memory_order_acquire)) [[unlikely]]
      return false;
    slot(tail).store(block, std::memory_order_relaxed);
    releases.store(released + 1, std::memory_order_release);
    return true;
  }

  /// Adds fresh blocks to an empty magazine. Requires: the pool's lock; `count` up to the capacity.
  /// Threads: owner.
  void refill(BlockHeader* const* blocks, std::size_t count) noexcept;

  /// Takes blocks from the bottom: up to `want`. Requires: the pool's lock. Threads: owner.
  [[nodiscard]] std::size_t unload(BlockHeader** out, std::size_t want) noexcept;

  /// Takes blocks from the bottom: half of them, rounded up, or all. Requires: the pool's lock.
  /// Returns: how many; 0 too when the system refuses the fence. Cost: a membarrier.
  [[nodiscard]] std::size_t steal(BlockHeader** out, bool all) noexcept;

  /// Blocks in it, as far as anyone but the owner can say.
  [[nodiscard]] std::size_t size() const noexcept {
    const auto blocks = static_cast<std::int64_t>(tail() - head.load(std::memory_order_relaxed));
    return blocks > 0 ? static_cast<std::size_t>(blocks) : 0;
  }

  /// Acquisitions but for one that is being tried and will fail: its owner comes to the pool's lock
  /// next, without having changed anything. Requires: the lock.
  [[nodiscard]] std::uint64_t settled_acquisitions() const noexcept {
    const std::uint64_t acquired = acquisitions.load(std::memory_order_acquire);
    const std::uint64_t possible = inflow.load(std::memory_order_relaxed) +
                                   releases.load(std::memory_order_acquire) -
                                   head.load(std::memory_order_relaxed);
    return before(possible, acquired) ? possible : acquired;
  }

  /// Acquisitions less releases: negative for a thread that releases what others acquired.
  [[nodiscard]] std::int64_t balance() const noexcept {
    // In this order, so that what happens meanwhile can only make the result smaller.
    const std::uint64_t acquired = acquisitions.load(std::memory_order_acquire);
    return static_cast<std::int64_t>(acquired - releases.load(std::memory_order_acquire));
  }

 private:
  [[nodiscard]] static bool before(std::uint64_t position, std::uint64_t other) noexcept {
    return static_cast<std::int64_t>(position - other) < 0;
  }
  [[nodiscard]] std::uint64_t tail() const noexcept {
    // Releases first: what happens meanwhile can only make the result smaller.
    const std::uint64_t released = releases.load(std::memory_order_seq_cst);
    return inflow.load(std::memory_order_relaxed) + released -
           acquisitions.load(std::memory_order_seq_cst);
  }
};

#ifdef FRDPU_POISONS_BLOCKS
// Under AddressSanitizer the payload of a block at home may not be touched. Only the first part,
// so that a workspace of 90 MiB does not cost a memset of its whole shadow. And only where the
// library was built so as well as its user: otherwise one side would hide what the other hands out.
inline constexpr std::size_t kPoisonedBytes = 65536;
inline void hide_payload(BlockHeader* block, const Magazine& by) noexcept {
  if (!by.poisons) return;
  ASAN_POISON_MEMORY_REGION(block->payload(), std::min(by.block_capacity, kPoisonedBytes));
}
inline void show_payload(BlockHeader* block, const Magazine& by) noexcept {
  if (!by.poisons) return;
  ASAN_UNPOISON_MEMORY_REGION(block->payload(), std::min(by.block_capacity, kPoisonedBytes));
}
#else
inline void hide_payload(BlockHeader*, const Magazine&) noexcept {}
inline void show_payload(BlockHeader*, const Magazine&) noexcept {}
#endif

}  // namespace frdpu::core::detail
