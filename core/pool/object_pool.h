#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/pool/degradation.h"
#include "core/pool/pool_stats.h"

namespace frdpu::core {

template <class T>
class PooledObject;

/// Prepared objects that are expensive to make: codec contexts, connections, entities of a frame
/// loop. Bounded for real: what is out counts as well as what waits.
///
/// Life: `create`, then use. Movable; objects may outlive the pool and are then destroyed when they
/// come home. Threads: any; factory and reset are called without a lock, by several at once.
template <class T>
class ObjectPool {
 public:
  /// Makes an object, or returns nullptr where it cannot. May throw, which passes through; both
  /// count as exhaustion.
  using Factory = std::function<std::unique_ptr<T>()>;
  /// Makes a used object ready for its next user. Returns: false for one that is beyond repair,
  /// which is destroyed instead. Must not throw.
  using Reset = std::function<bool(T&)>;

  struct Options {
    std::string_view name{};      ///< for statistics; copied
    std::size_t max_objects = 0;  ///< the most that exist at once
    /// Here `heap_blocks` allows so many objects beyond the maximum, made and destroyed for one
    /// use each and counted as fallbacks. `next_pool` means nothing.
    DegradationPolicy policy{};
  };

  /// Sets the pool up, without an object. The factory may return a `T` instead of a pointer, the
  /// reset may return nothing.
  /// Errors: invalid_size for a maximum of 0; configuration when memory is missing.
  template <class Make, class Clean>
  requires std::invocable<Make&> && std::invocable<Clean&, T&>
  [[nodiscard]] static Result<ObjectPool> create(const Options& options, Make make, Clean clean) {
    if (options.max_objects == 0) return fail(Errc::invalid_size, "a pool of no objects");
    std::shared_ptr<State> state;
    try {
      state = std::make_shared<State>();
      state->name = options.name;
      state->set(std::move(make), std::move(clean));
    } catch (const std::bad_alloc&) {
      return fail(Errc::configuration, "no memory for the pool itself");
    }
    state->max = options.max_objects;
    state->surplus_max = options.policy.heap_blocks;
    return ObjectPool(std::move(state));
  }

  /// Objects of default-constructed `T`, reset by nothing.
  [[nodiscard]] static Result<ObjectPool> create(
      const Options& options) requires std::default_initializable<T> {
    return create(
        options, [] { return std::make_unique<T>(); }, [](T&) {});
  }

  ObjectPool(ObjectPool&&) noexcept = default;
  ObjectPool& operator=(ObjectPool&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~ObjectPool() { close(); }

  /// Takes an object that waits, or has one made.
  /// Errors: pool_exhausted when `max_objects` are out and the policy allows no more, or when the
  /// factory made none. Cost: a lock; a call of the factory until there are enough.
  [[nodiscard]] Result<PooledObject<T>> acquire();

  /// Makes objects until so many wait or the maximum exists. Returns: how many were made.
  std::size_t prepare(std::size_t waiting);

  [[nodiscard]] bool has_available() const {
    const std::lock_guard lock(state_->mutex);
    return !state_->idle.empty() || state_->may_make();
  }

  /// `block_bytes` is the object's own size. The name lives as long as the pool.
  [[nodiscard]] PoolStats stats() const {
    const std::lock_guard lock(state_->mutex);
    PoolStats stats = state_->stats;
    stats.pool = state_->name;
    stats.block_bytes = sizeof(T);
    stats.blocks = state_->max;
    stats.available = stats.blocks - std::min(stats.in_use, stats.blocks);
    return stats;
  }

  /// Counts from zero again; the peak becomes what is out now.
  void reset_stats() {
    const std::lock_guard lock(state_->mutex);
    state_->stats = {.in_use = state_->stats.in_use, .peak = state_->stats.in_use};
  }

  /// Destroys what waits. Returns: how many.
  std::size_t shrink() {
    std::size_t count = 0;
    for (std::size_t left = waiting(); left > 0; --left, ++count) {
      std::unique_ptr<T> gone;
      {
        const std::lock_guard lock(state_->mutex);
        if (state_->idle.empty()) break;
        gone = std::move(state_->idle.back());
        state_->idle.pop_back();
      }
      // Its place is free only when it is gone: the bound counts what exists.
      gone.reset();
      const std::lock_guard lock(state_->mutex);
      --state_->existing;
    }
    return count;
  }

 private:
  friend class PooledObject<T>;

  // Shared by the pool and what is out, so that neither has to outlive the other.
  struct State {
    std::string name;
    std::size_t max = 0;
    std::size_t surplus_max = 0;
    Factory make;
    Reset clean;

    std::mutex mutex;  // guards all below
    std::vector<std::unique_ptr<T>> idle;
    std::size_t existing = 0;  // idle, out, or being made
    bool closed = false;
    PoolStats stats;

    template <class From, class By>
    void set(From from, By by) {
      if constexpr (std::same_as<std::invoke_result_t<From&>, T>) {
        make = [from = std::move(from)]() mutable { return std::make_unique<T>(from()); };
      } else {
        make = std::move(from);
      }
      if constexpr (std::is_void_v<std::invoke_result_t<By&, T&>>) {
        clean = [by = std::move(by)](T& object) mutable {
          by(object);
          return true;
        };
      } else {
        clean = std::move(by);
      }
    }

    void count_acquisition() noexcept {
      ++stats.acquisitions;
      stats.peak = std::max(stats.peak, ++stats.in_use);
    }

    [[nodiscard]] bool may_make() const noexcept {
      return existing < max || existing - max < surplus_max;
    }

    // With room for every object that may come home, so that a release never allocates.
    // Returns: false when there is no memory for that.
    [[nodiscard]] bool add_place() noexcept {
      try {
        if (idle.capacity() <= existing) idle.reserve(std::min(2 * existing + 8, max));
      } catch (const std::bad_alloc&) {
        return false;
      }
      ++existing;
      return true;
    }

    void give_back(std::unique_ptr<T> object) noexcept {
      const bool fit = clean(*object);
      std::unique_lock lock(mutex);
      const bool keep = fit && !closed && existing <= max;
      if (keep) {
        idle.push_back(std::move(object));
      } else {
        lock.unlock();
        object.reset();  // before its place is free, as in shrink
        lock.lock();
        --existing;
      }
      ++stats.releases;
      --stats.in_use;
    }
  };

  // The place of an object that is being made: free again unless one came, also for an exception.
  struct Place {
    State& state;
    bool counts_exhaustion = false;
    bool filled = false;
    ~Place() {
      if (filled) return;
      const std::lock_guard lock(state.mutex);
      --state.existing;
      state.stats.exhaustions += counts_exhaustion ? 1 : 0;
    }
  };

  explicit ObjectPool(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(state_->mutex);
    return state_->idle.size();
  }

  void close() noexcept {
    if (state_ == nullptr) return;
    std::vector<std::unique_ptr<T>> gone;
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    gone.swap(state_->idle);
  }

  std::shared_ptr<State> state_;
};

/// An object that is out of its pool. Move-only; gives itself back when it goes.
/// Ownership: may outlive its pool. Threads: as the object's.
template <class T>
class PooledObject {
 public:
  PooledObject() noexcept = default;
  PooledObject(PooledObject&&) noexcept = default;
  PooledObject& operator=(PooledObject&& other) noexcept {
    if (this != &other) {
      release();
      state_ = std::move(other.state_);
      object_ = std::move(other.object_);
    }
    return *this;
  }
  ~PooledObject() { release(); }

  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_.get(); }
  [[nodiscard]] T* get() const noexcept { return object_.get(); }

  /// Gives the object back, reset; the handle is empty afterwards.
  void release() noexcept {
    if (object_ == nullptr) return;
    const auto state = std::move(state_);
    state->give_back(std::move(object_));
  }

 private:
  friend class ObjectPool<T>;
  using State = typename ObjectPool<T>::State;
  PooledObject(std::shared_ptr<State> state, std::unique_ptr<T> object) noexcept
      : state_(std::move(state)), object_(std::move(object)) {}

  std::shared_ptr<State> state_;
  std::unique_ptr<T> object_;
};

template <class T>
Result<PooledObject<T>> ObjectPool<T>::acquire() {
  State& state = *state_;
  bool is_surplus = false;
  {
    const std::lock_guard lock(state.mutex);
    if (!state.idle.empty()) {
      std::unique_ptr<T> object = std::move(state.idle.back());
      state.idle.pop_back();
      state.count_acquisition();
      return PooledObject<T>(state_, std::move(object));
    }
    is_surplus = state.existing >= state.max;
    state.stats.exhaustions += is_surplus ? 1 : 0;
    if (!state.may_make()) {
      return std::unexpected(
          Error{.code = Errc::pool_exhausted, .detail = "every object is out", .limit = state.max});
    }
    if (!state.add_place()) {
      state.stats.exhaustions += is_surplus ? 0 : 1;
      return fail(Errc::pool_exhausted, "no memory for the pool's list");
    }
  }
  // Without the lock: a factory may take long.
  Place place{.state = state, .counts_exhaustion = !is_surplus};
  std::unique_ptr<T> object = state.make();
  if (object == nullptr) return fail(Errc::pool_exhausted, "the factory made no object");
  const std::lock_guard lock(state.mutex);
  place.filled = true;
  state.stats.fallbacks += is_surplus ? 1 : 0;
  state.count_acquisition();
  return PooledObject<T>(state_, std::move(object));
}

template <class T>
std::size_t ObjectPool<T>::prepare(std::size_t waiting) {
  State& state = *state_;
  for (std::size_t made = 0;; ++made) {
    {
      const std::lock_guard lock(state.mutex);
      const bool enough = state.idle.size() >= waiting || state.existing >= state.max;
      if (enough || !state.add_place()) return made;
    }
    Place place{.state = state};
    std::unique_ptr<T> object = state.make();
    if (object == nullptr) return made;
    const std::lock_guard lock(state.mutex);
    state.idle.push_back(std::move(object));
    place.filled = true;
  }
}

}  // namespace frdpu::core
