// A pipeline over pooled buffers: one thread makes records, one compresses them, one checks them.
// Buffers are handed from thread to thread, and each is released by whoever has it last. Memory is
// bounded by the pool, speed by its slowest stage: who finds a queue full, waits.
#include <frdpu/core/engine/compression_engine.h>
#include <frdpu/core/pool/buffer_pool.h>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace core = frdpu::core;

namespace {

constexpr std::size_t kRecords = 2000;
constexpr std::size_t kQueueDepth = 8;
// What is in both queues, and what each stage has in hand.
constexpr std::size_t kBuffersInFlight = 2 * kQueueDepth + 4;

/// Hands buffers from one thread to the next; an empty one says that no more will come.
class Queue {
 public:
  void push(core::PooledBuffer buffer) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return buffers_.size() < kQueueDepth; });
    buffers_.push_back(std::move(buffer));
    changed_.notify_all();
  }
  core::PooledBuffer pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !buffers_.empty(); });
    core::PooledBuffer buffer = std::move(buffers_.front());
    buffers_.pop_front();
    changed_.notify_all();
    return buffer;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<core::PooledBuffer> buffers_;
};

std::string record(std::size_t number) {
  std::string text;
  while (text.size() < 30'000) {
    text += "record=" + std::to_string(number) + " line=" + std::to_string(text.size()) + "\n";
  }
  return text;
}

/// Compresses into a buffer of its own. The bound is known beforehand, so nothing can be too small.
core::Result<core::PooledBuffer> compress(core::CompressionEngine& engine, core::BufferPool& pool,
                                          core::Bytes plain) {
  auto packed = pool.get_buffer(core::CompressionEngine::compress_bound(plain.size()));
  if (!packed) return packed;
  const auto size = engine.compress(plain, packed->room());
  if (!size) return std::unexpected(size.error());
  if (auto set = packed->resize(*size); !set) return std::unexpected(set.error());
  return packed;
}

}  // namespace

int main() {
  auto made = core::BufferPool::create(
      {.small = {0, 1}, .medium = {kQueueDepth, kBuffersInFlight}, .large = {0, 1}});
  if (!made) {
    std::cerr << "no pool: " << made.error().detail << '\n';
    return 1;
  }
  core::BufferPool pool = *std::move(made);
  Queue plain;
  Queue packed;
  std::size_t checked = 0;

  std::thread compressor([&] {
    core::CompressionEngine engine;
    while (core::PooledBuffer buffer = plain.pop()) {
      auto result = compress(engine, pool, buffer.bytes());
      if (!result) break;  // an empty buffer ends the next stage early, and the count shows it
      packed.push(*std::move(result));
    }
    packed.push({});
    std::cout << "compressor: " << engine.stats() << '\n';
  });
  std::thread checker([&] {
    core::CompressionEngine engine;
    while (const core::PooledBuffer buffer = packed.pop()) {
      if (engine.decompress_to_text(buffer.bytes()) == record(checked)) ++checked;
    }
  });

  for (std::size_t number = 0; number < kRecords; ++number) {
    const std::string text = record(number);
    auto buffer = pool.get_buffer(text.size());
    if (!buffer || !buffer->append(core::as_bytes(text))) break;
    plain.push(*std::move(buffer));
  }
  plain.push({});
  compressor.join();
  checker.join();

  std::cout << "checked " << checked << " of " << kRecords << " records\n" << pool.stats() << '\n';
  return checked == kRecords && pool.stats().in_use == 0 ? 0 : 1;
}
