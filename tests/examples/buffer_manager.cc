// A server's buffer manager that degrades step by step instead of falling over: the right pool,
// then larger buffers, then a few from the heap, then a refusal; and once too much was refused, low
// priority work is turned away before it takes anything. Time is simulated, so that every run
// shows the same evening: load rises past what the memory holds, and goes away again.
#include <frdpu/core/pool/buffer_pool.h>
#include <frdpu/core/pool/resource_monitor.h>
#include <chrono>
#include <deque>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>

namespace core = frdpu::core;
using Monitor = core::ResourceMonitor;

namespace {

/// What a server would own one of: buffers for requests, and whether to take them.
class BufferManager {
 public:
  static core::Result<BufferManager> create() {
    auto buffers = core::BufferPool::create(
        {.small = {8, 64},
         .medium = {0, 16},
         .large = {0, 1},
         .policy = {.next_pool = core::Fallback::allowed, .heap_blocks = 8}});
    if (!buffers) return std::unexpected(buffers.error());
    auto monitor = Monitor::create(1, {.shed_above = 0.10, .recovery = std::chrono::seconds(2)});
    if (!monitor) return std::unexpected(monitor.error());
    return BufferManager(*std::move(buffers), *std::move(monitor));
  }

  /// Takes a buffer for a request. Errors: overloaded while load is being shed and the request can
  /// wait; pool_exhausted when even the last resort is used up. Both are a 503 with Retry-After.
  core::Result<core::PooledBuffer> admit(std::size_t bytes, bool can_wait) {
    if (can_wait && monitor_.should_shed()) {
      return core::fail(core::Errc::overloaded, "load is being shed");
    }
    return buffers_.get_buffer(bytes);
  }

  /// For a timer.
  void tick(Monitor::Clock::time_point now) {
    monitor_.sample(0, buffers_.stats(0), now);
    buffers_.maintain();
  }

  [[nodiscard]] Monitor::Health health() const { return monitor_.health(); }
  [[nodiscard]] core::PoolStats small() const { return buffers_.stats(0); }
  [[nodiscard]] core::PoolStats heap() const { return buffers_.heap_stats(); }
  [[nodiscard]] std::size_t in_use() const { return buffers_.stats().in_use + heap().in_use; }

 private:
  BufferManager(core::BufferPool buffers, Monitor monitor)
      : buffers_(std::move(buffers)), monitor_(std::move(monitor)) {}
  core::BufferPool buffers_;
  Monitor monitor_;
};

const char* name(Monitor::Health health) {
  switch (health) {
    case Monitor::Health::healthy:
      return "healthy";
    case Monitor::Health::degraded:
      return "degraded";
    case Monitor::Health::failing:
      return "failing";
  }
  return "";
}

}  // namespace

int main() {
  auto made = BufferManager::create();
  if (!made) {
    std::cerr << made.error().detail << '\n';
    return 1;
  }
  BufferManager manager = *std::move(made);
  const std::string request(700, '?');
  std::deque<core::PooledBuffer> under_way;
  bool seen[3] = {};
  std::size_t refused = 0;
  std::size_t shed = 0;
  Monitor::Clock::time_point now{};
  std::cout << "second arrivals       small heap refused shed health\n";
  for (int second = 0; second < 24; ++second) {
    const std::size_t arrivals = second >= 6 && second < 14 ? 60 : 20;
    for (std::size_t i = 0; i < arrivals; ++i) {
      auto buffer = manager.admit(request.size(), i % 2 == 0);
      if (buffer && buffer->append(core::as_bytes(request))) {
        under_way.push_back(*std::move(buffer));
      } else {
        ++(buffer.error().code == core::Errc::overloaded ? shed : refused);
      }
    }
    now += std::chrono::seconds(1);
    manager.tick(now);
    seen[static_cast<int>(manager.health())] = true;
    std::cout << std::setw(6) << second << std::setw(9) << arrivals << std::setw(12)
              << manager.small().in_use << std::setw(5) << manager.heap().in_use << std::setw(8)
              << refused << std::setw(5) << shed << ' ' << name(manager.health()) << '\n';
    // 30 requests a second are answered.
    for (int i = 0; i < 30 && !under_way.empty(); ++i) under_way.pop_front();
  }
  under_way.clear();
  std::cout << manager.small() << '\n' << manager.heap() << '\n';
  const bool went_through_all = seen[0] && seen[1] && seen[2];
  const bool recovered = manager.health() != Monitor::Health::failing;
  return went_through_all && recovered && shed > 0 && manager.in_use() == 0 ? 0 : 1;
}
