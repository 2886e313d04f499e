#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
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
/// Life: `create`, `acquire` from any thread. Movable; objects may outlive the pool and are then
/// destroyed when they come home.
template <class T>
class ObjectPool {
 public:
  /// Makes an object, or returns nullptr where it cannot. May throw; nothing is counted then.
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
  /// Errors: invalid_size for a maximum of 0.
  template <class Make, class Clean>
  requires std::invocable<Make&> && std::invocable<Clean&, T&>
  [[nodiscard]] static Result<ObjectPool> create(const Options& options, Make make, Clean clean) {
    if (options.max_objects == 0) return fail(Errc::invalid_size, "a pool of no objects");
    auto state = std::make_shared<State>();
    state->name = options.name;
    state->max = options.max_objects;
    state->surplus_max = options.policy.heap_blocks;
    if constexpr (std::same_as<std::invoke_result_t<Make&>, T>) {
      state->make = [make = std::move(make)]() mutable { return std::make_unique<T>(make()); };
    } else {
      state->make = std::move(make);
    }
    if constexpr (std::is_void_v<std::invoke_result_t<Clean&, T&>>) {
      state->clean = [clean = std::move(clean)](T& object) mutable {
        clean(object);
        return true;
      };
    } else {
      state->clean = std::move(clean);
    }
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
    return !state_->idle.empty() || state_->existing < state_->max + state_->surplus_max;
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
    std::vector<std::unique_ptr<T>> gone;
    {
      const std::lock_guard lock(state_->mutex);
      gone.reserve(state_->idle.size());
      std::ranges::move(state_->idle, std::back_inserter(gone));
      state_->idle.clear();  // keeps its room
    }
    const std::size_t count = gone.size();
    gone.clear();
    const std::lock_guard lock(state_->mutex);
    state_->existing -= count;
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

    void count_acquisition() noexcept {
      ++stats.acquisitions;
      stats.peak = std::max(stats.peak, ++stats.in_use);
    }

    // With room for every object that may come home, so that a release never allocates.
    void add_place() {
      idle.reserve(std::min(existing + 1, max));
      ++existing;
    }

    void give_back(std::unique_ptr<T> object) noexcept {
      const bool fit = clean(*object);
      std::unique_lock lock(mutex);
      const bool keep = fit && !closed && existing <= max;
      if (keep) {
        idle.push_back(std::move(object));
      } else {
        // Its place is free only when it is gone: the bound counts what exists.
        lock.unlock();
        object.reset();
        lock.lock();
        --existing;
      }
      ++stats.releases;
      --stats.in_use;
    }
  };

  explicit ObjectPool(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

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
  {
    const std::lock_guard lock(state.mutex);
    if (!state.idle.empty()) {
      std::unique_ptr<T> object = std::move(state.idle.back());
      state.idle.pop_back();
      state.count_acquisition();
      return PooledObject<T>(state_, std::move(object));
    }
    if (state.existing >= state.max) {
      ++state.stats.exhaustions;
      if (state.existing >= state.max + state.surplus_max) {
        return std::unexpected(Error{
            .code = Errc::pool_exhausted, .detail = "every object is out", .limit = state.max});
      }
      ++state.stats.fallbacks;
    }
    state.add_place();
  }
  // Without the lock: a factory may take long. The place goes back if it fails or throws.
  struct Place {
    State& state;
    bool filled = false;
    ~Place() {
      const std::lock_guard lock(state.mutex);
      if (filled) {
        state.count_acquisition();
      } else {
        --state.existing;
        ++state.stats.exhaustions;
      }
    }
  };
  std::unique_ptr<T> object;
  {
    Place place{state};
    object = state.make();
    place.filled = object != nullptr;
  }
  if (object == nullptr) return fail(Errc::pool_exhausted, "the factory made no object");
  return PooledObject<T>(state_, std::move(object));
}

template <class T>
std::size_t ObjectPool<T>::prepare(std::size_t waiting) {
  std::size_t made = 0;
  for (;;) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->idle.size() >= waiting || state_->existing >= state_->max) return made;
    }
    std::unique_ptr<T> object = state_->make();
    if (object == nullptr) return made;
    const std::lock_guard lock(state_->mutex);
    if (state_->existing >= state_->max) return made;
    state_->add_place();
    state_->idle.push_back(std::move(object));
    ++made;
  }
}

}  // namespace frdpu::core
