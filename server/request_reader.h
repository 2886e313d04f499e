#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "core/block_chain.h"
#include "core/pool/fixed_pool.h"
#include "proto/chunk_reader.h"
#include "proto/head_memo.h"
#include "proto/request_error.h"
#include "proto/request_head.h"

namespace frdpu::server {

class BlockPools;
struct Config;

/// Turns the bytes of a connection into requests: a head, then a body as a chain of blocks. Knows
/// no socket: it offers room, is told what arrived there, and says what it has.
///
///   head block   | head | first body bytes or the next request | free |
///   body chain   body bytes, in blocks of their own, as the codec takes them
///   raw chain    (chunked only) framing and data as received, where they did not come with the
///                head; what lies there behind the body is the next request's
///
/// Life: for each request `rooms`/`received` and `parse_head` until there is a head, then
/// `rooms`/`received` until `body_ended`, then `next_request`. Before the socket is asked,
/// `take_received` is. Views in `head()` die with `next_request`.
/// Threads: one at a time. Cost: body bytes that arrive with the head are copied once, those of
/// chunked bodies, and of what came behind one, too; all others lie where the socket put them. No
/// allocation.
class RequestReader {
 public:
  enum class HeadState : std::uint8_t { incomplete, complete };

  explicit RequestReader(const Config& config) noexcept;

  /// Says where blocks come from, before the first byte of a connection, and whether a read can
  /// fill more than the first of `rooms`.
  void use(BlockPools& blocks, bool fills_rooms = true) noexcept {
    blocks_ = &blocks;
    fills_rooms_ = fills_rooms;
  }

  /// Drops everything and gives all blocks back.
  void reset() noexcept;

  /// Where the next bytes from the socket should go, one behind the other; none when none are
  /// wanted now. More than one for a chunked body that comes faster than it is taken, where blocks
  /// are plenty: the system acknowledges each read, and the sender's part of that is done in the
  /// reader's time.
  /// Errors: pool_exhausted: try again later; headers_too_large, uri_too_long while in the head.
  /// Ownership: the views die with `received`.
  [[nodiscard]] core::Result<std::span<const core::MutableBytes>> rooms() noexcept;
  static constexpr std::size_t kMaxRooms = 4;

  /// Notes that `bytes` bytes, maybe none, were put where `rooms` said.
  void received(std::size_t bytes) noexcept;

  /// Puts there what came behind the request before, as if it came now. Returns: how much; 0 when
  /// the socket is to be asked. Requires: `rooms` was called just now, and offered some.
  [[nodiscard]] std::size_t take_received() noexcept;

  /// Looks for a whole head in what was received. Every rule of HTTP framing is checked here.
  /// Errors: the refusal; nothing behind the head may be read as a request then.
  [[nodiscard]] proto::RequestResult<HeadState> parse_head() noexcept;

  /// Takes body bytes out of what was received. Call after `received` and when the chain has
  /// become shorter.
  /// Errors: malformed_request, body_too_large, headers_too_large (the trailer); pool_exhausted:
  /// try again later.
  [[nodiscard]] core::Result<void> parse_body() noexcept;

  /// True when the fields of the head are known, be it refused or not.
  [[nodiscard]] bool head_complete() const noexcept { return head_done_; }
  [[nodiscard]] const proto::RawHead& line() const noexcept { return read_.line; }
  [[nodiscard]] const proto::RequestHead& head() const noexcept { return read_.fields; }
  /// The same for two heads: they say the same, but for the length of the body.
  [[nodiscard]] std::uint64_t head_number() const noexcept { return memo_.number(); }
  [[nodiscard]] bool has_body() const noexcept { return framing().has_body(); }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept {
    if (framing().kind == proto::BodyKind::chunked) return std::nullopt;
    return framing().length;
  }

  /// Body bytes that wait to be taken.
  [[nodiscard]] core::BlockChain& body() noexcept { return body_; }
  /// True when the whole body is in `body()` or was taken from it.
  [[nodiscard]] bool body_ended() const noexcept { return body_ended_; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  /// Bytes of the body that were not taken yet, arrived or not, as far as its length is known.
  [[nodiscard]] std::uint64_t left_bytes() const noexcept { return body_left_ + body_.size(); }
  /// True when part of the body has arrived already, so that nobody waits for `100 Continue`.
  [[nodiscard]] bool body_begun() const noexcept { return body_bytes_ > 0 || !raw_.empty(); }

  /// Whether more bytes of the body are wanted now.
  [[nodiscard]] bool wants_input() const noexcept { return !body_ended_ && !is_full(); }

  /// Blocks of body that are read ahead of the codec at most.
  void set_read_ahead(std::size_t blocks) noexcept { read_ahead_blocks_ = blocks; }

  /// True when bytes of a head were received, however few.
  [[nodiscard]] bool head_begun() const noexcept { return begin_ < end_; }

  /// Goes on to the next request. Requires: `body_ended`. Returns: whether bytes of it are there.
  [[nodiscard]] bool next_request() noexcept;

 private:
  [[nodiscard]] const proto::BodyFraming& framing() const noexcept {
    return read_.fields.framing();
  }
  [[nodiscard]] bool is_full() const noexcept {
    return body_.blocks() > read_ahead_blocks_ && body_.tail_room().empty();
  }
  [[nodiscard]] bool is_chunked() const noexcept {
    return head_done_ && framing().kind == proto::BodyKind::chunked;
  }
  [[nodiscard]] core::Result<core::MutableBytes> room() noexcept;
  void add_extra_rooms() noexcept;
  void received_raw(std::size_t bytes) noexcept;
  void note_body(std::size_t bytes) noexcept;
  [[nodiscard]] core::Result<core::MutableBytes> head_room() noexcept;
  [[nodiscard]] core::Result<void> grow_head_block() noexcept;
  [[nodiscard]] core::Result<core::MutableBytes> body_room(std::size_t wanted) noexcept;
  [[nodiscard]] core::Result<void> take_chunks(core::Bytes block, std::size_t& begin,
                                               std::size_t end) noexcept;
  [[nodiscard]] proto::RequestResult<HeadState> accept_head(std::size_t head_end) noexcept;
  [[nodiscard]] proto::RequestResult<void> read_head(std::string_view text) noexcept;

  const Config& config_;
  BlockPools* blocks_ = nullptr;
  core::PooledBlock block_;  // [begin_, end_): received and not yet used
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t scanned_ = 0;  // head bytes searched for the empty line already
  bool head_done_ = false;
  bool empty_line_skipped_ = false;

  proto::HeadMemo memo_;
  proto::ReadHead read_;

  proto::ChunkReader chunks_;
  core::BlockChain raw_;  // received and not yet used
  core::BlockChain body_;
  std::uint64_t body_left_ = 0;  // of a body with Content-Length
  std::uint64_t body_bytes_ = 0;
  bool body_ended_ = true;
  std::size_t read_ahead_blocks_ = 2;

  std::array<core::MutableBytes, kMaxRooms> rooms_;
  std::size_t room_count_ = 0;
  std::array<core::PooledBlock, kMaxRooms - 1> extras_;  // the rooms behind the first
  bool fills_rooms_ = true;
  bool comes_fast_ = false;  // the latest read filled all its room
};

}  // namespace frdpu::server
