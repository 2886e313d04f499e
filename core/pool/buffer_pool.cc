#include "core/pool/buffer_pool.h"

#include <algorithm>
#include <cstring>

namespace frdpu::core {

Result<void> PooledBuffer::resize(std::size_t length) noexcept {
  if (length > capacity()) {
    return std::unexpected(Error{.code = Errc::invalid_size,
                                 .detail = "the length is above the buffer's capacity",
                                 .limit = capacity(),
                                 .observed = length});
  }
  length_ = length;
  return {};
}

Result<void> PooledBuffer::append(Bytes bytes) noexcept {
  const MutableBytes free = room();
  if (bytes.size() > free.size()) {
    return std::unexpected(Error{.code = Errc::invalid_size,
                                 .detail = "the bytes do not fit into the buffer",
                                 .limit = free.size(),
                                 .observed = bytes.size()});
  }
  if (!bytes.empty()) std::memmove(free.data(), bytes.data(), bytes.size());
  length_ += bytes.size();
  return {};
}

Result<BufferPool> BufferPool::create(const Options& options, SlabSource& source) {
  const std::array<FixedPool::Options, kClasses> classes = {{
      {.name = "small",
       .block_bytes = kSmallBytes,
       .min_blocks = options.small.min,
       .max_blocks = options.small.max},
      {.name = "medium",
       .block_bytes = kMediumBytes,
       .min_blocks = options.medium.min,
       .max_blocks = options.medium.max},
      {.name = "large",
       .block_bytes = kLargeBytes,
       .min_blocks = options.large.min,
       .max_blocks = options.large.max},
  }};
  Result<PoolManager> pools = PoolManager::create(classes, options.policy, source);
  if (!pools) return std::unexpected(pools.error());
  return BufferPool(*std::move(pools));
}

Result<PooledBuffer> BufferPool::get_buffer(std::size_t bytes) noexcept {
  Result<PooledBlock> block = pools_.acquire(std::max<std::size_t>(bytes, 1));
  if (!block) return std::unexpected(block.error());
  return PooledBuffer(*std::move(block));
}

Result<void> BufferPool::grow(PooledBuffer& buffer, std::size_t bytes) noexcept {
  if (buffer && bytes <= buffer.capacity()) return {};
  Result<PooledBuffer> larger = get_buffer(bytes);
  if (!larger) return std::unexpected(larger.error());
  if (Result<void> copied = larger->append(buffer.bytes()); !copied) return copied;
  buffer = *std::move(larger);
  return {};
}

std::size_t BufferPool::clear() noexcept {
  std::size_t bytes = 0;
  for (FixedPool& pool : pools_.pools()) bytes += pool.shrink(0);
  return bytes;
}

std::size_t BufferPool::maintain() noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    const std::uint64_t acquisitions = stats(i).acquisitions;
    if (acquisitions == std::exchange(seen_acquisitions_[i], acquisitions)) {
      bytes += pools_.pools()[i].shrink();
    }
  }
  return bytes;
}

BufferPool& global_buffer_pool() {
  // The default bounds cannot be refused; only address space could be missing, a bad start.
  static BufferPool* const pool = new BufferPool(BufferPool::create({}).value());
  return *pool;
}

Result<PooledBuffer> get_small_buffer() noexcept {
  return global_buffer_pool().get_small_buffer();
}

Result<PooledBuffer> get_medium_buffer() noexcept {
  return global_buffer_pool().get_medium_buffer();
}

Result<PooledBuffer> get_large_buffer() noexcept {
  return global_buffer_pool().get_large_buffer();
}

Result<PooledBuffer> get_buffer(std::size_t bytes) noexcept {
  return global_buffer_pool().get_buffer(bytes);
}

}  // namespace frdpu::core
