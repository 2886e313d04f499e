#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "core/bytes.h"
#include "core/coding.h"
#include "core/error.h"

/// Memory for the state of one codec: one region, handed over by the caller, never grown.
///
///   region (64-aligned)
///   +-------------------+----------------------+----------------------+-----------+
///   | Workspace (128 B) | prepared state       | object, scratch      | free      |
///   | key, arena marks  | (below the seal)     | (above the seal)     |           |
///   +-------------------+----------------------+----------------------+-----------+
///
/// A codec opens the region. Finds it the key of its own earlier work there, it rewinds to the
/// seal and resets the prepared state; otherwise it clears, builds the state and seals it.
namespace frdpu::core {

/// What the state in a workspace was prepared for. Two equal keys mean: a reset is enough.
struct PreparedFor {
  Coding coding = Coding::identity;
  Direction direction = Direction::compress;
  std::int16_t level = 0;
  std::uint32_t window_bytes = 0;
  std::uint64_t variant = 0;  ///< whatever else the state depends on, packed by the codec

  friend bool operator==(const PreparedFor&, const PreparedFor&) = default;
};

/// The bump arena and the key in the first bytes of a region.
/// Invariant: header <= seal <= used <= capacity. Threads: owner only.
class alignas(64) Workspace {
 public:
  /// Bytes of every region that the arena itself needs.
  static constexpr std::size_t kHeaderBytes = 128;
  /// What `allocate` aligns to when nothing else is asked for; enough for every library here.
  static constexpr std::size_t kAlignment = 16;

  /// Makes a region of fresh memory one that holds no workspace. Memory that a general allocator
  /// hands out may be an earlier workspace whose end somebody else has written to since: `open`
  /// would take it for a prepared one. Blocks of a pool of their own need no format.
  static void format(MutableBytes region) noexcept {
    std::memset(region.data(), 0, std::min(region.size(), kHeaderBytes));
  }

  /// Finds the workspace in a region, or starts an empty one when the region holds none.
  /// Errors: invalid_size when the region is not 64-aligned or smaller than the header.
  /// Ownership: a view of the region. Cost: O(1), touches 128 bytes.
  [[nodiscard]] static Result<Workspace*> open(MutableBytes region) noexcept;

  /// True when the state below the seal was prepared for exactly this.
  [[nodiscard]] bool is_prepared_for(const PreparedFor& key) const noexcept {
    return sealed_ && key_ == key;
  }

  /// Drops everything, the prepared state too. Cost: O(1); no byte of the arena is touched.
  void clear() noexcept;

  /// Drops what was allocated since `seal`. Cost: O(1).
  void rewind() noexcept {
    used_ = seal_;
    latest_ = 0;
  }

  /// Keeps all that was allocated so far as prepared state for `key`.
  void seal(const PreparedFor& key) noexcept;

  /// Takes bytes from the arena, not zeroed. `alignment` is a power of two, at most 64.
  /// Returns: null when the region has no room left; the refusal is remembered in `refused_bytes`.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = kAlignment) noexcept;

  /// Gives back the latest allocation; any other only comes back with `rewind` or `clear`.
  void deallocate(void* address) noexcept;

  /// Makes an object in the arena, 64-aligned. Returns: null when there is no room.
  /// Ownership: the caller destroys it; its memory stays with the region.
  template <class T, class... Args>
  [[nodiscard]] T* emplace(Args&&... args) noexcept {
    static_assert(std::is_nothrow_constructible_v<T, Args...> && alignof(T) <= 64);
    void* place = allocate(sizeof(T), 64);
    return place == nullptr ? nullptr : ::new (place) T(std::forward<Args>(args)...);
  }

  /// Everything that is still free, as one 64-aligned view, without taking it.
  [[nodiscard]] MutableBytes free_bytes() noexcept;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_; }
  /// The most that was ever in use since the region was opened first, header included.
  [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_; }
  /// The largest request that was refused since the last `clear`; 0 when none was.
  [[nodiscard]] std::size_t refused_bytes() const noexcept { return refused_; }

  /// The room that one allocation of `bytes` may take at most, padding included. The size of a
  /// region is `kHeaderBytes` plus the sum of these.
  [[nodiscard]] static constexpr std::size_t room_for(std::size_t bytes) noexcept {
    return (bytes + 63) & ~std::size_t{63};
  }

  /// Allocator hooks with a Workspace as `opaque`: zlib's `alloc_func` and `free_func` ...
  static void* zlib_alloc(void* opaque, unsigned items, unsigned bytes_each) noexcept;
  /// ... brotli's `brotli_alloc_func` and zstd's `ZSTD_allocFunction` ...
  static void* hook_alloc(void* opaque, std::size_t bytes) noexcept;
  /// ... and the free function of all of them.
  static void hook_free(void* opaque, void* address) noexcept;

 private:
  explicit Workspace(std::size_t capacity) noexcept : capacity_(capacity) {}

  std::uint64_t magic_ = 0;  // holds only together with the own address
  PreparedFor key_{};
  std::size_t capacity_;
  std::size_t used_ = kHeaderBytes;
  std::size_t seal_ = kHeaderBytes;
  std::size_t latest_ = 0;  // offset of the latest allocation; 0 when it cannot be given back
  std::size_t peak_ = kHeaderBytes;
  std::size_t refused_ = 0;
  bool sealed_ = false;
};

static_assert(sizeof(Workspace) == Workspace::kHeaderBytes);
static_assert(std::is_trivially_destructible_v<Workspace>);

}  // namespace frdpu::core
