#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "core/block_chain.h"
#include "core/pool/fixed_pool.h"

namespace frdpu::server {

/// Puts a response on the wire in gathered writes: some text (the head, a chunk's size line), body
/// bytes where they lie in their blocks, then the text that ends them.
///
///   batch:  | text block: head, size line | body chain | text block: the last chunk |
///
/// One batch is under way at a time; body bytes that arrive meanwhile wait for the next.
/// Ownership: the text block and the chain are the writer's. Threads: one at a time.
class ResponseWriter {
 public:
  /// The most views that one gathered write takes.
  static constexpr std::size_t kMaxViews = 16;

  /// Gives the writer the block for its text, an MTU block or larger.
  void open(core::PooledBlock text_block) noexcept;
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(text_); }

  /// Drops what was not sent and gives all blocks back.
  void reset() noexcept;

  /// Room for the batch's text. Requires: `open`, and that nothing of the batch was gathered yet.
  [[nodiscard]] core::MutableBytes text_room() noexcept { return text_.bytes().subspan(text_end_); }
  void commit_text(std::size_t bytes) noexcept { text_end_ += bytes; }

  /// Appends a short text. Requires: it fits `text_room`.
  void put_text(std::string_view text) noexcept;

  /// What is to be sent. Results are appended here at any time.
  [[nodiscard]] core::BlockChain& body() noexcept { return body_; }
  [[nodiscard]] const core::BlockChain& body() const noexcept { return body_; }

  /// Appends the next bytes of the body, once a batch. Text that is put later goes behind them.
  void put_body(std::size_t bytes) noexcept {
    batch_body_bytes_ = bytes;
    text_split_ = text_end_;
  }

  /// Appends the whole body, and nothing comes behind it. What is short and fits behind the text is
  /// copied there: one view costs the kernel less than two, by 0.1 us.
  void put_whole_body() noexcept;

  /// True when nothing of the current batch is left to send.
  [[nodiscard]] bool batch_sent() const noexcept {
    return text_begin_ == text_end_ && batch_body_bytes_ == 0;
  }

  /// Lists what is left of the batch. Returns: the number of views, at most `kMaxViews`.
  [[nodiscard]] std::size_t gather(std::span<iovec, kMaxViews> views) const noexcept;

  /// Notes that the first `bytes` of what `gather` listed are on their way; frees their blocks.
  void sent(std::size_t bytes) noexcept;

 private:
  core::PooledBlock text_;
  std::size_t text_begin_ = 0;
  std::size_t text_split_ = 0;  // where the body goes
  std::size_t text_end_ = 0;
  core::BlockChain body_;
  std::size_t batch_body_bytes_ = 0;
};

}  // namespace frdpu::server
