#include "server/request_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "server/block_pools.h"
#include "server/config.h"
#include "server/request_parser.h"

namespace frdpu::server {
namespace {

using core::Errc;

proto::RequestError because(const core::Error& error) noexcept {
  return {.error = error};
}

// A read that is filled to this size says that more is there.
constexpr std::size_t kFastReadBytes = 16 * core::kKiB;

core::Error over_limit(Errc code, const char* detail, std::uint64_t limit,
                       std::uint64_t observed) noexcept {
  return {.code = code, .detail = detail, .limit = limit, .observed = observed};
}

// What a chunk's line claims may be anything.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t total = a + b;
  return total < a ? std::numeric_limits<std::uint64_t>::max() : total;
}

}  // namespace

RequestReader::RequestReader(const Config& config) noexcept
    : config_(config), chunks_(config.max_header_bytes) {}

void RequestReader::reset() noexcept {
  if (!block_ && !head_done_ && !empty_line_skipped_ && raw_.blocks() == 0) return;  // as made
  block_.release();
  begin_ = end_ = scanned_ = 0;
  head_done_ = empty_line_skipped_ = false;
  read_ = {};
  chunks_ = proto::ChunkReader(config_.max_header_bytes);
  raw_.clear();
  for (core::PooledBlock& extra : extras_) extra.release();
  room_count_ = 0;
  comes_fast_ = false;
  body_.clear();
  body_left_ = body_bytes_ = 0;
  body_ended_ = true;
  read_ahead_blocks_ = 2;
}

core::Result<std::span<const core::MutableBytes>> RequestReader::rooms() noexcept {
  const auto first = room();
  if (!first) return std::unexpected(first.error());
  rooms_[0] = *first;
  room_count_ = first->empty() ? 0 : 1;
  if (room_count_ > 0 && comes_fast_ && is_chunked()) add_extra_rooms();
  return std::span(rooms_).first(room_count_);
}

void RequestReader::add_extra_rooms() noexcept {
  for (; room_count_ < kMaxRooms; ++room_count_) {
    core::PooledBlock& extra = extras_[room_count_ - 1];
    extra = blocks_->acquire_extra();
    if (!extra) return;
    rooms_[room_count_] = extra.bytes();
  }
}

core::Result<core::MutableBytes> RequestReader::room() noexcept {
  if (!head_done_) return head_room();
  if (!wants_input()) return core::MutableBytes{};
  if (is_chunked()) {
    if (raw_.tail_room().empty()) {
      auto block = blocks_->acquire_for_body(core::k64kBlockBytes, body_bytes_ > 0);
      if (!block) return std::unexpected(block.error());
      raw_.push_back(std::move(*block), 0, 0);
    }
    return raw_.tail_room();
  }
  auto room = body_room(
      static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, core::k64kBlockBytes)));
  if (!room) return room;
  return room->first(static_cast<std::size_t>(std::min<std::uint64_t>(room->size(), body_left_)));
}

core::Result<core::MutableBytes> RequestReader::head_room() noexcept {
  if (!block_) {
    auto block = blocks_->acquire(core::kMtuBlockBytes);
    if (!block) return std::unexpected(block.error());
    block_ = std::move(*block);
    begin_ = end_ = scanned_ = 0;
  }
  if (end_ == block_.size() && begin_ > 0) {
    std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (end_ == block_.size()) {
    if (auto grown = grow_head_block(); !grown) return std::unexpected(grown.error());
  }
  return block_.bytes().subspan(end_);
}

core::Result<void> RequestReader::grow_head_block() noexcept {
  if (block_.size() >= core::k64kBlockBytes) return core::fail(Errc::headers_too_large);
  auto larger = blocks_->acquire(core::k64kBlockBytes);
  if (!larger) return std::unexpected(larger.error());
  std::memcpy(larger->data(), block_.data(), end_);
  block_ = std::move(*larger);
  return {};
}

core::Result<core::MutableBytes> RequestReader::body_room(std::size_t wanted) noexcept {
  if (const core::MutableBytes tail = body_.tail_room(); !tail.empty()) return tail;
  auto block = blocks_->acquire_for_body(wanted, body_begun());
  if (!block) return std::unexpected(block.error());
  body_.push_back(std::move(*block), 0, 0);
  return body_.tail_room();
}

void RequestReader::received(std::size_t bytes) noexcept {
  if (!head_done_) {
    end_ += bytes;
  } else if (is_chunked()) {
    received_raw(bytes);
  } else {
    body_.commit(bytes);
    note_body(bytes);
  }
}

void RequestReader::received_raw(std::size_t bytes) noexcept {
  const std::size_t first = std::min(bytes, rooms_[0].size());
  raw_.commit(first);
  std::size_t left = bytes - first;
  bool filled = first == rooms_[0].size();
  for (std::size_t i = 1; i < room_count_; ++i) {
    const std::size_t here = std::min(left, rooms_[i].size());
    if (here > 0) raw_.push_back(std::move(extras_[i - 1]), 0, here);
    extras_[i - 1].release();
    left -= here;
    filled = here == rooms_[i].size();
  }
  room_count_ = 0;
  comes_fast_ = fills_rooms_ && filled && bytes >= kFastReadBytes;
  if (raw_.empty()) raw_.clear();  // who pauses holds no block for what may come
}

void RequestReader::note_body(std::size_t bytes) noexcept {
  body_left_ -= bytes;
  body_bytes_ += bytes;
  body_ended_ = body_left_ == 0;
}

std::size_t RequestReader::take_received() noexcept {
  if (raw_.empty() || is_chunked()) return 0;
  const core::Bytes from = raw_.front();
  const std::size_t bytes = std::min(from.size(), rooms_[0].size());
  std::memcpy(rooms_[0].data(), from.data(), bytes);
  raw_.consume(bytes);
  received(bytes);
  return bytes;
}

proto::RequestResult<RequestReader::HeadState> RequestReader::parse_head() noexcept {
  if (!block_) return HeadState::incomplete;  // not a byte has come
  const char* const text = reinterpret_cast<const char*>(block_.data());
  const std::size_t limit = config_.max_header_bytes;
  while (scanned_ < end_) {
    const void* const found = std::memchr(text + scanned_, '\n', end_ - scanned_);
    if (!found) break;
    const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - text);
    if (line_end == begin_ || text[line_end - 1] != '\r') {
      return proto::refuse(Errc::malformed_request, "a line does not end with CR LF");
    }
    if (line_end == begin_ + 1) {  // an empty line in front of the request line: RFC 9112, 2.2
      if (std::exchange(empty_line_skipped_, true)) {
        return proto::refuse(Errc::malformed_request, "There is no request line.");
      }
      begin_ = scanned_ = line_end + 1;
      continue;
    }
    scanned_ = line_end + 1;
    const bool empty_line = line_end >= begin_ + 3 && text[line_end - 2] == '\n';
    if (empty_line && scanned_ - begin_ <= limit) return accept_head(scanned_);
    if (empty_line) break;
  }
  if (!head_begun()) scanned_ = end_;
  const std::size_t size = end_ - begin_;
  if (size > limit) {
    const bool line_is_whole = std::memchr(text + begin_, '\n', limit) != nullptr;
    return std::unexpected(because(over_limit(
        line_is_whole ? Errc::headers_too_large : Errc::uri_too_long,
        line_is_whole ? "the head is too long" : "the request line is too long", limit, size)));
  }
  return HeadState::incomplete;
}

proto::RequestResult<RequestReader::HeadState> RequestReader::accept_head(
    std::size_t head_end) noexcept {
  const std::string_view text = core::as_text(block_.bytes().subspan(begin_, head_end - begin_));
  if (const proto::ReadHead* const known = memo_.recall(text)) {
    read_ = *known;
  } else if (auto read = read_head(memo_.take(text)); !read) {
    return std::unexpected(read.error());
  } else {
    memo_.keep(read_);
  }
  head_done_ = true;
  begin_ = head_end;
  body_bytes_ = 0;
  body_left_ = framing().length;
  body_ended_ = !framing().has_body();
  const std::size_t limit = config_.max_body_bytes;
  if (limit > 0 && body_left_ > limit) {
    return std::unexpected(because(
        over_limit(Errc::body_too_large, "the body is longer than the limit", limit, body_left_)));
  }
  return HeadState::complete;
}

proto::RequestResult<void> RequestReader::read_head(std::string_view text) noexcept {
  auto scanned = proto::scan_raw_head(text);
  if (!scanned) return std::unexpected(scanned.error());
  read_.line = *scanned;
  if (auto parsed = parse_request_head(text, read_.fields); !parsed) {
    return std::unexpected(because(parsed.error()));
  }
  auto framing = read_.fields.finish(read_.line.version);
  if (!framing) return std::unexpected(framing.error());
  return {};
}

core::Result<void> RequestReader::parse_body() noexcept {
  if (!head_done_ || body_ended_) return {};
  if (is_chunked()) {
    if (auto taken = take_chunks(block_.bytes(), begin_, end_); !taken) return taken;
    while (begin_ == end_ && !raw_.empty() && !body_ended_) {
      const core::Bytes front = raw_.front();
      std::size_t taken = 0;
      auto result = take_chunks(front, taken, front.size());
      raw_.consume(taken);
      if (!result || taken < front.size()) return result;
    }
    return {};
  }
  // What came with the head moves to the chain: the codec's view must be in one piece, and the
  // head's views must stay.
  while (begin_ < end_ && body_left_ > 0) {
    auto room = body_room(
        static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, core::k64kBlockBytes)));
    if (!room) return std::unexpected(room.error());
    const std::size_t take = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::min(room->size(), end_ - begin_), body_left_));
    std::memcpy(room->data(), block_.data() + begin_, take);
    begin_ += take;
    body_.commit(take);
    note_body(take);
  }
  return {};
}

// Takes what it can off the front of [begin, end); stops at a full chain and at the body's end.
core::Result<void> RequestReader::take_chunks(core::Bytes block, std::size_t& begin,
                                              std::size_t end) noexcept {
  while (begin < end && !body_ended_) {
    const core::Bytes rest = block.subspan(begin, end - begin);
    if (chunks_.data_left() == 0) {
      const auto framing = chunks_.read_framing(core::as_text(rest));
      if (!framing) return std::unexpected(framing.error());
      begin += *framing;
      body_ended_ = chunks_.done();
      const std::size_t limit = config_.max_body_bytes;
      if (limit > 0 && chunks_.data_left() > limit - body_bytes_) {
        return std::unexpected(over_limit(Errc::body_too_large, "the body is longer than the limit",
                                          limit, sum(body_bytes_, chunks_.data_left())));
      }
      continue;
    }
    if (is_full()) break;
    // A body that begins with a small chunk is often that chunk alone.
    const std::uint64_t wanted = body_bytes_ == 0 ? chunks_.data_left() : core::k64kBlockBytes;
    const auto room =
        body_room(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, core::k64kBlockBytes)));
    if (!room) return std::unexpected(room.error());
    const std::size_t take = static_cast<std::size_t>(
        std::min<std::uint64_t>({room->size(), rest.size(), chunks_.data_left()}));
    std::memcpy(room->data(), rest.data(), take);
    body_.commit(take);
    chunks_.took_data(take);
    body_bytes_ += take;
    begin += take;
  }
  return {};
}

bool RequestReader::next_request() noexcept {
  core::PooledBlock rest = std::move(block_);
  const std::size_t begin = begin_;
  const std::size_t end = end_;
  core::BlockChain raw = std::move(raw_);
  reset();
  if (begin == end && raw.empty()) return false;
  raw_ = std::move(raw);
  if (begin == end) return true;
  block_ = std::move(rest);
  begin_ = scanned_ = begin;
  end_ = end;
  return true;
}

}  // namespace frdpu::server
