#pragma once

#include <cstddef>
#include <span>

#include "core/bytes.h"
#include "core/error.h"
#include "core/pool/pooled_block.h"

namespace frdpu::core {

class FixedPool;

/// Bytes in pool blocks, in order: what waits between a socket and a codec. Filled at the tail,
/// consumed at the front; each block goes home as soon as its last byte was consumed.
///
///   | ....consumed | unread ... | <-> | unread ... | <-> | unread ... | tail room |
///     front block                                          last block
///
/// The links lie in the blocks' annotations, so that a chain never allocates.
/// Ownership: the chain has its blocks. Threads: one at a time.
class BlockChain {
 public:
  BlockChain() noexcept = default;
  BlockChain(BlockChain&& other) noexcept { swap(other); }
  BlockChain& operator=(BlockChain&& other) noexcept {
    if (this != &other) {
      clear();
      swap(other);
    }
    return *this;
  }
  ~BlockChain() { clear(); }

  /// True when there is no unread byte. A last block with nothing but tail room may remain.
  [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }
  /// Unread bytes.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
  /// Blocks held.
  [[nodiscard]] std::size_t blocks() const noexcept { return blocks_; }

  /// Unread bytes but those of a last block that has tail room.
  [[nodiscard]] std::size_t full_bytes() const noexcept;

  /// Views the unread bytes of the first block; empty when the chain is.
  /// Ownership: the view dies with `consume` of its last byte, `clear` and the chain.
  [[nodiscard]] Bytes front() const noexcept;

  /// Drops bytes from the front and releases the blocks that this empties.
  /// Requires: `n <= size()`.
  void consume(std::size_t n) noexcept;

  /// Views the free room of the last block: up to its `size()`, or with `with_slack` up to its
  /// `capacity()`. Empty when there is no block.
  [[nodiscard]] MutableBytes tail_room(bool with_slack = false) const noexcept;

  /// Adds the first `n` bytes of the tail room to the chain. Requires: they were written, and
  /// `n <= tail_room(true).size()`.
  void commit(std::size_t n) noexcept;

  /// Adds a block of which the bytes from `begin` to `end` are payload; both 0 for one to be
  /// filled. A last block without a byte is released first.
  /// Requires: `begin <= end <= block.capacity()`.
  void push_back(PooledBlock block, std::size_t begin, std::size_t end) noexcept;

  /// Fills a gather list with views of the unread bytes, front first. Returns: how many views were
  /// filled; when that is all of them there may be more bytes.
  [[nodiscard]] std::size_t views(std::span<Bytes> into) const noexcept;

  /// Moves all blocks of another chain behind this one's. Cost: O(1).
  void append(BlockChain&& other) noexcept;

  /// Takes the first `n` bytes off as a chain of their own. Whole blocks move; the part of a block
  /// in front of the cut is copied into one from `pool`.
  /// Requires: `n <= size()`, and a pool whose blocks hold what a block of this chain holds.
  /// Errors: pool_exhausted; the chain is as it was. Cost: the blocks moved, one copy at most.
  [[nodiscard]] Result<BlockChain> take_front(std::size_t n, FixedPool& pool) noexcept;

  /// Releases everything.
  void clear() noexcept;

  void swap(BlockChain& other) noexcept;

 private:
  struct Link;
  [[nodiscard]] static Link& link(std::byte* payload) noexcept;
  /// Unlinks the first block; what it holds is no longer counted.
  [[nodiscard]] PooledBlock pop_front() noexcept;
  void drop_front() noexcept;
  void drop_empty_tail() noexcept;

  std::byte* first_ = nullptr;  // payloads; the blocks are detached
  std::byte* last_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t blocks_ = 0;
};

}  // namespace frdpu::core
