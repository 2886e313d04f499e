#include "server/response_writer.h"

#include <algorithm>
#include <array>

namespace frdpu::server {

void ResponseWriter::open(core::PooledBlock text_block) noexcept {
  text_ = std::move(text_block);
  text_begin_ = text_end_ = 0;
}

void ResponseWriter::reset() noexcept {
  text_.release();
  text_begin_ = text_end_ = 0;
  body_.clear();
  batch_body_bytes_ = 0;
  body_bytes_sent_ = 0;
}

void ResponseWriter::put_text(std::string_view text) noexcept {
  std::ranges::copy(core::as_bytes(text), text_room().begin());
  commit_text(text.size());
}

std::size_t ResponseWriter::gather(std::span<iovec, kMaxViews> views) const noexcept {
  std::size_t count = 0;
  if (text_begin_ < text_end_) {
    views[count++] = {.iov_base = text_.data() + text_begin_, .iov_len = text_end_ - text_begin_};
  }
  std::array<core::Bytes, kMaxViews - 1> pieces;
  const std::size_t listed = body_.views(pieces);
  std::size_t left = batch_body_bytes_;
  for (std::size_t i = 0; i < listed && left > 0; ++i) {
    const core::Bytes piece = pieces[i].first(std::min(left, pieces[i].size()));
    views[count++] = {.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};
    left -= piece.size();
  }
  return count;
}

void ResponseWriter::sent(std::size_t bytes) noexcept {
  const std::size_t of_text = std::min(bytes, text_end_ - text_begin_);
  text_begin_ += of_text;
  if (text_begin_ == text_end_) text_begin_ = text_end_ = 0;
  const std::size_t of_body = std::min(bytes - of_text, batch_body_bytes_);
  batch_body_bytes_ -= of_body;
  body_bytes_sent_ += of_body;
  body_.consume(of_body);
}

}  // namespace frdpu::server
