#include "core/block_chain.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "core/pool/fixed_pool.h"

namespace frdpu::core {

// Lives in the annotation of each block.
struct BlockChain::Link {
  std::byte* next = nullptr;
  std::size_t begin = 0;
  std::size_t end = 0;
};

BlockChain::Link& BlockChain::link(std::byte* payload) noexcept {
  static_assert(sizeof(Link) <= PooledBlock::kAnnotationBytes);
  PooledBlock block = PooledBlock::attach(payload);
  std::byte* const at = block.annotation();
  static_cast<void>(block.detach());
  return *std::launder(reinterpret_cast<Link*>(at));
}

Bytes BlockChain::front() const noexcept {
  if (first_ == nullptr) return {};
  const Link& at = link(first_);
  return {first_ + at.begin, at.end - at.begin};
}

PooledBlock BlockChain::pop_front() noexcept {
  std::byte* const gone = first_;
  const Link& at = link(gone);
  bytes_ -= at.end - at.begin;
  first_ = at.next;
  if (first_ == nullptr) last_ = nullptr;
  --blocks_;
  return PooledBlock::attach(gone);
}

void BlockChain::drop_front() noexcept {
  pop_front().release();
}

void BlockChain::drop_empty_tail() noexcept {
  // Only the last block can be without a byte; it is rarely there with others before it.
  if (last_ == nullptr || link(last_).begin != link(last_).end) return;
  std::byte* before = nullptr;
  for (std::byte* at = first_; at != last_; at = link(at).next) before = at;
  PooledBlock::attach(std::exchange(last_, before)).release();
  if (before == nullptr) {
    first_ = nullptr;
  } else {
    link(before).next = nullptr;
  }
  --blocks_;
}

void BlockChain::consume(std::size_t n) noexcept {
  assert(n <= bytes_);
  while (n > 0) {
    Link& at = link(first_);
    const std::size_t step = std::min(n, at.end - at.begin);
    at.begin += step;
    bytes_ -= step;
    n -= step;
    if (at.begin == at.end) drop_front();
  }
}

MutableBytes BlockChain::tail_room(bool with_slack) const noexcept {
  if (last_ == nullptr) return {};
  PooledBlock block = PooledBlock::attach(last_);
  const std::size_t room = with_slack ? block.capacity() : block.size();
  static_cast<void>(block.detach());
  const std::size_t end = link(last_).end;
  return end < room ? MutableBytes(last_ + end, room - end) : MutableBytes();
}

std::size_t BlockChain::full_bytes() const noexcept {
  if (tail_room().empty()) return bytes_;
  const Link& last = link(last_);
  return bytes_ - (last.end - last.begin);
}

void BlockChain::commit(std::size_t n) noexcept {
  assert(n <= tail_room(true).size());
  if (n == 0) return;
  link(last_).end += n;
  bytes_ += n;
}

void BlockChain::push_back(PooledBlock block, std::size_t begin, std::size_t end) noexcept {
  assert(begin <= end && end <= block.capacity());
  drop_empty_tail();
  new (block.annotation()) Link{.next = nullptr, .begin = begin, .end = end};
  std::byte* const added = block.detach();
  if (last_ == nullptr) {
    first_ = added;
  } else {
    link(last_).next = added;
  }
  last_ = added;
  bytes_ += end - begin;
  ++blocks_;
}

std::size_t BlockChain::views(std::span<Bytes> into) const noexcept {
  std::size_t count = 0;
  for (std::byte* at = first_; at != nullptr && count < into.size(); at = link(at).next) {
    const Link& here = link(at);
    if (here.begin != here.end) into[count++] = Bytes(at + here.begin, here.end - here.begin);
  }
  return count;
}

void BlockChain::append(BlockChain&& other) noexcept {
  if (this == &other || other.first_ == nullptr) return;
  drop_empty_tail();
  if (last_ == nullptr) {
    first_ = other.first_;
  } else {
    link(last_).next = other.first_;
  }
  last_ = std::exchange(other.last_, nullptr);
  other.first_ = nullptr;
  bytes_ += std::exchange(other.bytes_, 0);
  blocks_ += std::exchange(other.blocks_, 0);
}

Result<BlockChain> BlockChain::take_front(std::size_t n, FixedPool& pool) noexcept {
  assert(n <= bytes_);
  BlockChain taken;
  while (n > 0) {
    const Link at = link(first_);
    const std::size_t here = std::min(n, at.end - at.begin);
    if (here == at.end - at.begin) {
      taken.push_back(pop_front(), at.begin, at.end);
    } else {
      auto part = pool.acquire();
      if (!part) {
        taken.append(std::move(*this));
        swap(taken);
        return std::unexpected(part.error());
      }
      std::memcpy(part->data(), first_ + at.begin, here);
      taken.push_back(std::move(*part), 0, here);
      consume(here);
    }
    n -= here;
  }
  return taken;
}

void BlockChain::clear() noexcept {
  while (first_ != nullptr) drop_front();
}

void BlockChain::swap(BlockChain& other) noexcept {
  std::swap(first_, other.first_);
  std::swap(last_, other.last_);
  std::swap(bytes_, other.bytes_);
  std::swap(blocks_, other.blocks_);
}

}  // namespace frdpu::core
