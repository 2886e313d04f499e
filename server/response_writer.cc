#include "server/response_writer.h"

#include <algorithm>
#include <array>

namespace frdpu::server {

void ResponseWriter::open(core::PooledBlock text_block) noexcept {
  text_ = std::move(text_block);
  text_begin_ = text_split_ = text_end_ = 0;
}

void ResponseWriter::reset() noexcept {
  text_.release();
  text_begin_ = text_split_ = text_end_ = 0;
  body_.clear();
  batch_body_bytes_ = 0;
}

void ResponseWriter::put_text(std::string_view text) noexcept {
  std::ranges::copy(core::as_bytes(text), text_room().begin());
  commit_text(text.size());
}

void ResponseWriter::put_whole_body() noexcept {
  const std::size_t bytes = body_.size();
  const std::size_t room = std::min(text_room().size(), core::kMtuBlockBytes);
  if (body_.blocks() != 1 || bytes > room) return put_body(bytes);
  std::ranges::copy(body_.front(), text_room().begin());
  commit_text(bytes);
  body_.clear();
}

std::size_t ResponseWriter::gather(std::span<iovec, kMaxViews> views) const noexcept {
  std::size_t count = 0;
  const auto add = [&](const std::byte* data, std::size_t bytes) {
    if (bytes > 0) views[count++] = {.iov_base = const_cast<std::byte*>(data), .iov_len = bytes};
  };
  const std::size_t text_behind = std::max(text_begin_, text_split_);
  add(text_.data() + text_begin_, text_behind - text_begin_);
  std::array<core::Bytes, kMaxViews - 2> pieces;
  const std::size_t listed = body_.views(pieces);
  std::size_t left = batch_body_bytes_;
  for (std::size_t i = 0; i < listed && left > 0; ++i) {
    const core::Bytes piece = pieces[i].first(std::min(left, pieces[i].size()));
    add(piece.data(), piece.size());
    left -= piece.size();
  }
  if (left == 0) add(text_.data() + text_behind, text_end_ - text_behind);
  return count;
}

void ResponseWriter::sent(std::size_t bytes) noexcept {
  const std::size_t of_text = std::min(bytes, std::max(text_begin_, text_split_) - text_begin_);
  const std::size_t of_body = std::min(bytes - of_text, batch_body_bytes_);
  text_begin_ += bytes - of_body;
  batch_body_bytes_ -= of_body;
  body_.consume(of_body);
  if (batch_sent()) text_begin_ = text_split_ = text_end_ = 0;
}

}  // namespace frdpu::server
