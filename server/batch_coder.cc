#include "server/batch_coder.h"

#include <algorithm>
#include <utility>

#include "core/coding_sniffer.h"
#include "proto/negotiation.h"
#include "proto/problem.h"
#include "server/block_pools.h"

namespace frdpu::server {
namespace {

using core::Errc;
using core::StepState;

// With this much room every transform must go on (core/codec.h).
constexpr std::size_t kEnoughRoomBytes = 64;

// What a codec's reset costs, over the bytes of a small item, in nanoseconds: a first guess.
constexpr std::uint64_t kItemCostOfAByte = 4;
// Decoded bytes cost about 1.5 ns each, and there are some four for each that came.
constexpr std::uint64_t kDecodeCostOfAByte = 6;

bool is_exhausted(const core::Error& error) noexcept {
  return error.code == Errc::pool_exhausted;
}

proto::RequestError too_long(Errc code, std::uint64_t bytes) noexcept {
  return {.error = {.code = code,
                    .detail = "The item is longer than a batch takes: send it by itself",
                    .limit = BatchCoder::kMaxItemBytes,
                    .observed = bytes},
          .fixed_limit = true};
}

proto::RequestError all_used_up(Errc code, std::uint64_t limit, std::uint64_t observed) noexcept {
  return {.error = {.code = code,
                    .detail = "The items in front of this one used up what a request may",
                    .limit = limit,
                    .observed = observed}};
}

}  // namespace

BatchCoder::BatchCoder(const Plan& plan, core::WorkspacePools& workspaces,
                       core::FixedPool& pool) noexcept
    : plan_(plan),
      workspaces_(workspaces),
      pool_(pool),
      coding_(plan.encode ? plan.encode->coding : plan.source.value_or(core::Coding::identity)) {}

std::chrono::nanoseconds BatchCoder::cost_of(std::uint64_t bytes, bool decodes) noexcept {
  return std::chrono::nanoseconds((kItemCostOfAByte + (decodes ? kDecodeCostOfAByte : 0)) * bytes);
}

core::Result<core::Progress> BatchCoder::step(core::Bytes input, core::MutableBytes output,
                                              core::Flush flush) noexcept {
  Views views{input, output};
  const auto state = run(views, flush == core::Flush::finish);
  const std::size_t consumed = input.size() - views.input.size();
  const std::size_t produced = output.size() - views.output.size();
  if (state) return core::Progress{consumed, produced, *state};
  if (std::exchange(paused_, false)) return core::Progress{consumed, produced, StepState::paused};
  if (is_exhausted(state.error()) && consumed + produced > 0) {
    return core::Progress{consumed, produced, StepState::need_output};
  }
  return std::unexpected(state.error());
}

core::Result<StepState> BatchCoder::run(Views& views, bool input_ends) noexcept {
  for (;;) {
    if (!write_result(views)) return StepState::need_output;
    if (is_late()) return std::unexpected(core::Error{});
    const proto::FrameReader before = reader_;
    const auto found = reader_.step(views.input);
    if (!found) return std::unexpected(found.error());
    core::Result<void> done;
    std::size_t taken = found->consumed;
    switch (found->event) {
      case proto::FrameEvent::need_input:
        views.input = views.input.subspan(taken);
        if (!input_ends) return StepState::need_input;
        if (auto ended = reader_.finish(); !ended) return std::unexpected(ended.error());
        return StepState::done;
      case proto::FrameEvent::item_begin:
        begin_item(found->length);
        break;
      case proto::FrameEvent::item_data: {
        core::Bytes rest = found->data;
        done = take_data(rest, views);
        taken -= rest.size();
        if (!rest.empty()) {  // the reader took them, we did not
          reader_ = before;
          if (taken > 0) (void)reader_.step(views.input.first(taken));
        }
        break;
      }
      case proto::FrameEvent::item_end:
        done = end_item(views);
        if (!done) reader_ = before;
        break;
    }
    views.input = views.input.subspan(taken);
    if (!done) return std::unexpected(done.error());
  }
}

void BatchCoder::begin_item(std::uint32_t bytes) noexcept {
  item_ = Item::open;
  item_bytes_ = bytes;
  if (bytes > kMaxItemBytes) fail_item(too_long(Errc::body_too_large, bytes));
}

core::Result<void> BatchCoder::take_data(core::Bytes& data, Views& views) noexcept {
  if (item_ == Item::open && data.size() == item_bytes_ && data.size() <= core::k64kBlockBytes &&
      codec_ == nullptr && gathered_.empty()) {
    return code_whole(data, views);
  }
  while (item_ == Item::open && !data.empty()) {
    core::MutableBytes room = gathered_.tail_room();
    if (room.empty()) {
      if (auto worked = work_on_gathered(false); !worked) return worked;
      if (item_ != Item::open) break;
      auto block = pool_.acquire();
      if (!block) return std::unexpected(block.error());
      gathered_.push_back(std::move(*block), 0, 0);
      room = gathered_.tail_room();
    }
    const std::size_t bytes = std::min(room.size(), data.size());
    std::copy_n(data.data(), bytes, room.data());
    gathered_.commit(bytes);
    data = data.subspan(bytes);
  }
  if (item_ == Item::failed) data = {};  // nobody needs the rest
  return {};
}

core::Result<void> BatchCoder::work_on_gathered(bool last) noexcept {
  if (gathered_.empty() && !last) return {};
  core::Bytes part = gathered_.front();
  auto worked = code_part(part, last);
  gathered_.consume(gathered_.size() - std::min(part.size(), gathered_.size()));
  return worked;
}

core::Result<void> BatchCoder::end_item(Views& views) noexcept {
  if (item_ == Item::open && codec_ == nullptr) {
    core::Bytes item = gathered_.front();
    auto coded = code_whole(item, views);
    gathered_.consume(gathered_.size() - std::min(item.size(), gathered_.size()));
    if (!coded) return coded;
  }
  if (item_ == Item::open) {
    if (auto worked = work_on_gathered(true); !worked) return worked;
  }
  gathered_.clear();
  return item_ == Item::failed ? keep_failure() : core::Result<void>{};
}

// Of an item of up to 64 KiB: into the answer's room where that suffices for what is known of its
// result, else into `result_`.
core::Result<void> BatchCoder::code_whole(core::Bytes& item, Views& views) noexcept {
  if (auto opened = open_codec(item, true); !opened || item_ == Item::failed) {
    item = opened ? core::Bytes{} : item;
    return opened;
  }
  const std::size_t needed =
      plan_.encode ? core::encoder_bound(coding_, item.size()) : kEnoughRoomBytes;
  const bool in_place = views.output.size() >= proto::kItemHeaderBytes + needed;
  core::PooledBlock block;
  core::MutableBytes room;
  if (in_place) {
    room = views.output.subspan(proto::kItemHeaderBytes);
  } else {
    auto acquired = acquire();
    if (!acquired) {
      abandon_codec();
      return std::unexpected(acquired.error());
    }
    block = std::move(*acquired);
    room = plan_.encode ? core::MutableBytes(block.data(), block.capacity()) : block.bytes();
  }
  const auto stepped = codec_->step(item, room, core::Flush::finish);
  if (!stepped) {
    if (is_exhausted(stepped.error())) {
      abandon_codec();
      return std::unexpected(stepped.error());
    }
    fail_item({.error = stepped.error()});
    item = {};
    return {};
  }
  if (in_place && stepped->state == StepState::done) {
    const auto header = proto::item_header(static_cast<std::uint32_t>(stepped->produced));
    std::ranges::copy(header, views.output.begin());
    views.output = views.output.subspan(header.size() + stepped->produced);
    item = {};
    finish_item(stepped->produced);
    return {};
  }
  if (in_place) {  // more than there is room for: what was decoded so far is kept elsewhere
    auto acquired = acquire();
    if (!acquired) {
      abandon_codec();
      return std::unexpected(acquired.error());
    }
    block = std::move(*acquired);
    std::copy_n(room.data(), stepped->produced, block.data());
  }
  result_.push_back(std::move(block), 0, stepped->produced);
  item = item.subspan(stepped->consumed);
  if (stepped->state == StepState::done) {
    finish_item(stepped->produced);
    return {};
  }
  return code_part(item, true);
}

core::Result<void> BatchCoder::code_part(core::Bytes& part, bool last) noexcept {
  if (codec_ == nullptr) {
    if (auto opened = open_codec(part, false); !opened) return opened;
  }
  unsigned idle_steps = 0;
  while (item_ == Item::open) {
    if (is_late()) return std::unexpected(core::Error{});
    const auto room = result_room();
    if (!room) return std::unexpected(room.error());
    const auto stepped = codec_->step(part, *room, last ? core::Flush::finish : core::Flush::none);
    if (!stepped) {
      if (is_exhausted(stepped.error())) return std::unexpected(stepped.error());
      fail_item({.error = stepped.error()});
      break;
    }
    part = part.subspan(stepped->consumed);
    result_.commit(stepped->produced);
    if (result_.size() > kMaxItemBytes) {
      fail_item(too_long(Errc::output_limit_exceeded, result_.size()));
    } else if (stepped->state == StepState::done) {
      finish_item(result_.size());
    } else if (stepped->consumed + stepped->produced > 0) {
      idle_steps = 0;
    } else if (part.empty() && !last) {
      return {};
    } else if (++idle_steps > 1) {
      fail_item({.error = {.code = Errc::internal_error, .detail = "a codec gets nowhere"}});
    }
  }
  part = {};
  return {};
}

core::Result<void> BatchCoder::open_codec(core::Bytes first, bool whole) noexcept {
  if (plan_.encode) {
    core::EncoderParams params = *plan_.encode;
    params.content_bytes = item_bytes_;
    params.whole = whole;
    auto encoder = core::make_encoder(params, workspaces_);
    if (!encoder) {
      if (is_exhausted(encoder.error())) return std::unexpected(encoder.error());
      fail_item({.error = encoder.error()});
      return {};
    }
    encoder_ = std::move(*encoder);
    codec_ = encoder_.get();
    return {};
  }
  std::optional<core::Coding> source = plan_.source;
  if (!source && first.empty()) {
    fail_item({.error = {.code = Errc::truncated_input,
                         .detail = "an empty item is no compressed data"}});
    return {};
  }
  if (!source) source = core::sniff(first);
  if (!source) {
    fail_item(proto::unrecognised_source());
    return {};
  }
  coding_ = *source;
  const auto limits = limits_left();
  if (!limits) {
    fail_item(limits.error());
    return {};
  }
  codec_ = &decoder_.emplace(coding_, *limits, workspaces_, plan_.dictionaries);
  return {};
}

// A limit of 0 is none.
proto::RequestResult<core::DecodeLimits> BatchCoder::limits_left() const noexcept {
  core::DecodeLimits left = plan_.limits;
  if (left.max_output_bytes > 0) {
    if (decoded_bytes_ >= left.max_output_bytes) {
      return std::unexpected(
          all_used_up(Errc::output_limit_exceeded, left.max_output_bytes, decoded_bytes_));
    }
    left.max_output_bytes -= decoded_bytes_;
  }
  if (left.max_frames > 0) {
    if (frames_ >= left.max_frames) {
      return std::unexpected(all_used_up(Errc::frame_limit_exceeded, left.max_frames, frames_));
    }
    left.max_frames -= frames_;
  }
  if (left.max_ratio > 0 && decoded_bytes_ > core::kRatioFreeBytes &&
      decoded_bytes_ / left.max_ratio > encoded_bytes_) {
    return std::unexpected(
        all_used_up(Errc::ratio_limit_exceeded, left.max_ratio,
                    decoded_bytes_ / std::max<std::uint64_t>(encoded_bytes_, 1)));
  }
  return left;
}

// What it did is done again, and counted then.
void BatchCoder::abandon_codec() noexcept {
  decoder_.reset();
  encoder_.reset();
  codec_ = nullptr;
}

bool BatchCoder::is_late() noexcept {
  return paused_ = std::chrono::steady_clock::now() >= end_;
}

// Results that are kept leave the last blocks to those who send theirs, but for the first one.
core::Result<core::PooledBlock> BatchCoder::acquire() noexcept {
  if (result_.blocks() == 0) return pool_.acquire();
  return pool_.acquire_sparing(blocks_for_results(pool_.max_blocks(), true));
}

void BatchCoder::close_codec() noexcept {
  if (decoder_) {
    encoded_bytes_ += decoder_->consumed_bytes();
    decoded_bytes_ += decoder_->produced_bytes();
    frames_ += decoder_->frames();
    codec_bytes_[static_cast<std::size_t>(coding_)].input += decoder_->consumed_bytes();
  }
  abandon_codec();
}

core::Result<core::MutableBytes> BatchCoder::result_room() noexcept {
  if (result_.tail_room().size() < kEnoughRoomBytes) {
    auto block = acquire();
    if (!block) return std::unexpected(block.error());
    result_.push_back(std::move(*block), 0, 0);
  }
  return result_.tail_room();
}

void BatchCoder::finish_item(std::uint64_t result_bytes) noexcept {
  CodecBytes& total = codec_bytes_[static_cast<std::size_t>(coding_)];
  if (encoder_) total.input += item_bytes_;  // decoders say themselves what they took
  total.output += result_bytes;
  close_codec();
  item_ = Item::coded;
  if (result_.blocks() == 0) return;  // it is in the answer
  std::ranges::copy(proto::item_header(static_cast<std::uint32_t>(result_.size())),
                    header_.begin());
  header_left_.set(core::Bytes(header_).first(proto::kItemHeaderBytes));
  result_is_whole_ = true;
}

void BatchCoder::fail_item(const proto::RequestError& error) noexcept {
  close_codec();
  gathered_.clear();
  result_.clear();
  item_ = Item::failed;
  failure_ = error;
}

core::Result<void> BatchCoder::keep_failure() noexcept {
  auto block = pool_.acquire();
  if (!block) return std::unexpected(block.error());
  const std::size_t bytes = proto::write_problem(block->bytes(), failure_);
  result_.push_back(std::move(*block), 0, bytes);
  header_ = proto::failed_item_header(static_cast<std::uint32_t>(bytes));
  header_left_.set(header_);
  result_is_whole_ = true;
  item_ = Item::coded;
  return {};
}

// Returns: whether there is nothing left of it.
bool BatchCoder::write_result(Views& views) noexcept {
  if (!result_is_whole_) return true;
  views.output = views.output.subspan(header_left_.write_to(views.output));
  while (!result_.empty() && !views.output.empty()) {
    const core::Bytes front = result_.front();
    const std::size_t bytes = std::min(front.size(), views.output.size());
    std::copy_n(front.data(), bytes, views.output.data());
    views.output = views.output.subspan(bytes);
    result_.consume(bytes);
  }
  if (!header_left_.empty() || !result_.empty()) return false;
  result_.clear();
  result_is_whole_ = false;
  return true;
}

}  // namespace frdpu::server
