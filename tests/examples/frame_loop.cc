// A frame loop whose entities come from an ObjectPool: after the first frames nothing is allocated
// any more, and when the pool is empty a spark is simply not drawn, instead of a late frame.
#include <frdpu/core/pool/object_pool.h>
#include <cmath>
#include <iostream>
#include <utility>
#include <vector>

namespace core = frdpu::core;

namespace {

struct Spark {
  float x = 0, y = 0, speed_x = 0, speed_y = 0;
  int frames_left = 0;
  std::vector<float> trail;  // kept from one life to the next: that is why it pays to pool

  void launch(int number) {
    const auto angle = static_cast<float>(number) * 2.39996f;  // the golden angle: all directions
    speed_x = std::cos(angle);
    speed_y = std::sin(angle) + 2;
    frames_left = 40 + number % 50;
  }
  /// Returns: false when its time is over.
  bool update() {
    trail.push_back(y);
    x += speed_x;
    y += speed_y;
    speed_y -= 0.05f;
    return --frames_left > 0;
  }
};

using Pool = core::ObjectPool<Spark>;
using Live = std::vector<core::PooledObject<Spark>>;

/// Starts up to `count` sparks. Returns: how many there was no object for.
int spawn(Pool& pool, Live& live, int count, int& launched) {
  for (int i = 0; i < count; ++i) {
    auto spark = pool.acquire();
    if (!spark) return count - i;
    (*spark)->launch(launched++);
    live.push_back(*std::move(spark));
  }
  return 0;
}

}  // namespace

int main() {
  constexpr std::size_t kMaxSparks = 500;
  int made = 0;
  auto created = Pool::create(
      {.name = "sparks", .max_objects = kMaxSparks},
      [&made] {
        ++made;
        Spark spark;
        spark.trail.reserve(128);
        return spark;
      },
      [](Spark& spark) {
        spark.trail.clear();  // keeps its memory
        spark.x = spark.y = 0;
      });
  if (!created) {
    std::cerr << created.error().detail << '\n';
    return 1;
  }
  Pool pool = *std::move(created);
  pool.prepare(100);

  Live live;
  live.reserve(kMaxSparks);
  int launched = 0;
  int skipped = 0;
  int made_in_the_end = 0;
  for (int frame = 0; frame < 600; ++frame) {
    if (frame == 300) made_in_the_end = made;
    skipped += spawn(pool, live, frame % 60 == 0 ? 200 : 5, launched);
    // The handles of what is over give their objects back, reset.
    std::erase_if(live, [](const auto& spark) { return !spark->update(); });
  }
  live.clear();

  const core::PoolStats stats = pool.stats();
  std::cout << launched << " sparks of " << made << " objects, " << skipped << " not drawn\n"
            << stats << '\n';
  const bool bounded = made <= static_cast<int>(kMaxSparks) && stats.peak <= kMaxSparks;
  return bounded && made == made_in_the_end && launched > 2000 && stats.in_use == 0 ? 0 : 1;
}
