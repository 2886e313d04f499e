#include "server/request_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/block_pools.h"
#include "server/config.h"

namespace frdpu::server {
namespace {

using core::Errc;

proto::RequestError because(const core::Error& error) noexcept {
  return {.error = error};
}

core::Error over_limit(Errc code, const char* detail, std::uint64_t limit,
                       std::uint64_t observed) noexcept {
  return {.code = code, .detail = detail, .limit = limit, .observed = observed};
}

}  // namespace

void RequestReader::reset() noexcept {
  block_.release();
  begin_ = end_ = scanned_ = 0;
  head_done_ = empty_line_skipped_ = false;
  parser_.reset();
  line_ = {};
  head_ = {};
  framing_ = {};
  raw_.release();
  raw_begin_ = raw_end_ = 0;
  body_.clear();
  body_left_ = body_bytes_ = 0;
  body_ended_ = true;
  read_ahead_blocks_ = 2;
}

core::Result<core::MutableBytes> RequestReader::room() noexcept {
  if (!head_done_) return head_room();
  if (body_ended_ || body_.blocks() > read_ahead_blocks_) return core::MutableBytes{};
  if (framing_.kind == proto::BodyKind::chunked) {
    if (!raw_) {
      auto block = blocks_->acquire(core::k64kBlockBytes);
      if (!block) return std::unexpected(block.error());
      raw_ = std::move(*block);
    }
    return raw_.bytes().subspan(raw_end_);
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
  auto block = blocks_->acquire(wanted);
  if (!block) return std::unexpected(block.error());
  body_.push_back(std::move(*block), 0, 0);
  return body_.tail_room();
}

void RequestReader::received(std::size_t bytes) noexcept {
  if (!head_done_) {
    end_ += bytes;
  } else if (framing_.kind == proto::BodyKind::chunked) {
    raw_end_ += bytes;
  } else {
    body_.commit(bytes);
    body_left_ -= bytes;
    body_bytes_ += bytes;
    body_ended_ = body_left_ == 0;
  }
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
  auto scanned = proto::scan_raw_head(text);
  if (!scanned) return std::unexpected(scanned.error());
  line_ = *scanned;
  parser_.emplace(head_, static_cast<ChunkSink&>(*this));
  if (auto parsed = parser_->parse_head(text); !parsed) {
    return std::unexpected(because(parsed.error()));
  }
  auto framing = head_.finish(line_.version);
  if (!framing) return std::unexpected(framing.error());
  framing_ = *framing;
  head_done_ = true;
  begin_ = head_end;
  body_bytes_ = 0;
  body_left_ = framing_.length;
  body_ended_ = !framing_.has_body();
  const std::size_t limit = config_.max_body_bytes;
  if (limit > 0 && body_left_ > limit) {
    return std::unexpected(because(
        over_limit(Errc::body_too_large, "the body is longer than the limit", limit, body_left_)));
  }
  return HeadState::complete;
}

core::Result<void> RequestReader::parse_body() noexcept {
  if (!head_done_ || body_ended_) return {};
  if (framing_.kind == proto::BodyKind::chunked) return parse_raw();
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
    received(take);
  }
  return {};
}

core::Result<void> RequestReader::parse_raw() noexcept {
  if (begin_ < end_) {  // chunk framing that came with the head
    auto room = this->room();
    if (!room) return std::unexpected(room.error());
    const std::size_t take = std::min(room->size(), end_ - begin_);
    std::memcpy(room->data(), block_.data() + begin_, take);
    begin_ += take;
    raw_end_ += take;
  }
  const std::size_t limit = config_.max_body_bytes;
  while (raw_begin_ < raw_end_ && body_.blocks() <= read_ahead_blocks_) {
    if (auto room = body_room(core::k64kBlockBytes); !room) return std::unexpected(room.error());
    auto used = parser_->parse_chunks(core::Bytes(raw_.data() + raw_begin_, raw_end_ - raw_begin_));
    if (!used) return std::unexpected(used.error());
    raw_begin_ += *used;
    if (limit > 0 && body_bytes_ > limit) {
      return std::unexpected(over_limit(Errc::body_too_large, "the body is longer than the limit",
                                        limit, body_bytes_));
    }
    if (parser_->is_done()) {
      body_ended_ = true;
      return {};
    }
    if (*used == 0) break;
  }
  // What is left is part of a line, or data for which the chain has no room yet.
  if (raw_begin_ > 0 && raw_end_ == raw_.size()) {
    std::memmove(raw_.data(), raw_.data() + raw_begin_, raw_end_ - raw_begin_);
    raw_end_ -= raw_begin_;
    raw_begin_ = 0;
  }
  if (raw_begin_ == raw_end_) {
    raw_begin_ = raw_end_ = 0;
  } else if (body_.blocks() <= read_ahead_blocks_ &&
             raw_end_ - raw_begin_ > config_.max_header_bytes) {
    return core::fail(Errc::malformed_request, "a chunk's size line or a trailer is too long");
  }
  return {};
}

std::size_t RequestReader::take_chunk_data(core::Bytes data) noexcept {
  const core::MutableBytes room = body_.tail_room();
  const std::size_t take = std::min(room.size(), data.size());
  if (take == 0) return 0;  // no room yet
  std::memcpy(room.data(), data.data(), take);
  body_.commit(take);
  body_bytes_ += take;
  return take;
}

bool RequestReader::next_request() noexcept {
  body_.clear();
  if (raw_ && raw_begin_ < raw_end_) {
    block_ = std::move(raw_);
    begin_ = raw_begin_;
    end_ = raw_end_;
  }
  core::PooledBlock rest = std::move(block_);
  const std::size_t begin = begin_;
  const std::size_t end = end_;
  reset();
  if (begin == end) return false;
  block_ = std::move(rest);
  begin_ = scanned_ = begin;
  end_ = end;
  return true;
}

}  // namespace frdpu::server
