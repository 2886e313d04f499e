#include "core/pool/pooled_block.h"

#include <cstring>

namespace frdpu::core {

void detail::release_slow(BlockHeader* block, std::uintptr_t owner) noexcept {
  if (owner != 0) Magazine::of(owner)->home->come_home(block, owner);
}

void PooledBlock::zero() noexcept {
  std::memset(data(), 0, size());
}

Result<MutableBytes> PooledBlock::slice(std::size_t offset, std::size_t length) const noexcept {
  const std::size_t bytes = size();
  if (offset > bytes || length > bytes - offset) {
    return std::unexpected(Error{.code = Errc::invalid_size,
                                 .detail = "the range does not lie within the block",
                                 .limit = bytes,
                                 .observed = length,
                                 .offset = offset});
  }
  return MutableBytes(data() + offset, length);
}

Result<void> PooledBlock::write_bytes(std::size_t offset, Bytes from) noexcept {
  const Result<MutableBytes> to = slice(offset, from.size());
  if (!to) return std::unexpected(to.error());
  if (!from.empty()) std::memmove(to->data(), from.data(), from.size());
  return {};
}

Result<void> PooledBlock::read_bytes(std::size_t offset, MutableBytes into) const noexcept {
  const Result<MutableBytes> from = slice(offset, into.size());
  if (!from) return std::unexpected(from.error());
  if (!into.empty()) std::memmove(into.data(), from->data(), into.size());
  return {};
}

}  // namespace frdpu::core
