#include "core/engine/frame_encoder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "core/engine/lz4_format.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

constexpr std::size_t kBlockBytes = 64 * kKiB;
constexpr std::size_t kBlockFieldBytes = 4;
constexpr std::size_t kFrameEndBytes = 8;  // end mark and content checksum
// Payloads of up to so many bytes share what was learned of a dictionary: of 1,400 B with one of
// 64 KiB level 1 takes a third of the time. Source: measured, core/README.md.
constexpr std::uint64_t kSharedUpToBytes = 16 * kKiB;
// Room behind a block that copies may run over.
constexpr std::size_t kSlackBytes = 32;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
  return (bytes + 63) & ~std::size_t{63};
}

// Where tables that are kept begin: behind the header and the encoder that goes with them.
constexpr std::size_t kLearnedOffset =
    Workspace::kHeaderBytes + round_up(sizeof(lz4::BlockEncoder));
static_assert(std::is_trivially_copyable_v<lz4::BlockEncoder>);

/// What one frame block can take up, its size field included.
constexpr std::size_t block_room(std::size_t block_bytes) noexcept {
  return kBlockFieldBytes + block_bytes + kSlackBytes;
}

const std::uint8_t* raw(Bytes bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

std::uint8_t* raw(MutableBytes bytes) noexcept {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}

std::unexpected<Error> wrong_size(const char* detail, std::uint64_t limit,
                                  std::uint64_t observed) noexcept {
  return std::unexpected<Error>(
      Error{.code = Errc::invalid_size, .detail = detail, .limit = limit, .observed = observed});
}

}  // namespace

std::size_t lz4_bound(std::size_t input_bytes) noexcept {
  const std::size_t blocks = input_bytes / kBlockBytes + 1;
  constexpr std::size_t kFrame = lz4::kMaxFrameHeaderBytes + kFrameEndBytes + kSlackBytes;
  const std::size_t extra = blocks * kBlockFieldBytes + kFrame;
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  return input_bytes > kMost - extra ? kMost : input_bytes + extra;
}

std::size_t FrameEncoder::Layout::total_bytes() const noexcept {
  const std::size_t learned = learned_bytes == 0 ? 0 : kLearnedOffset + round_up(learned_bytes);
  return learned + round_up(sizeof(FrameEncoder)) + round_up(table_bytes) +
         round_up(gathered_bytes) + round_up(encoded_bytes);
}

FrameEncoder::Layout FrameEncoder::layout_for(const EncoderParams& params) noexcept {
  const std::size_t window = params.window_bytes != 0
                                 ? params.window_bytes
                                 : traits(Coding::lz4).window_bytes.default_value;
  std::uint64_t content = params.content_bytes.value_or(UINT64_MAX);
  const std::size_t dictionary =
      params.dictionary == nullptr ? 0 : std::min(params.dictionary->content().size(), window);
  const bool shares = dictionary != 0 && content <= kSharedUpToBytes &&
                      lz4::BlockEncoder::learned_bytes({.level = params.level}) != 0;
  // One layout for all of them. Packets have an eighth of the table where it is copied anew for
  // each (fast_parser.cc); with all of it they are 5 % smaller here, for no measurable time.
  if (shares) content = kSharedUpToBytes;

  Layout layout;
  layout.config.level = params.level;
  layout.config.window = window;
  layout.config.block_bytes =
      static_cast<std::size_t>(std::min<std::uint64_t>(content, kBlockBytes));
  layout.config.reach =
      static_cast<std::size_t>(std::min<std::uint64_t>(window + kBlockBytes, content) + dictionary);
  layout.direct = params.whole && params.dictionary == nullptr;
  layout.table_bytes = lz4::BlockEncoder::table_bytes(layout.config);
  if (shares) layout.learned_bytes = lz4::BlockEncoder::learned_bytes(layout.config);
  if (!layout.direct) {
    layout.gathered_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(
        window + kBlockBytes, dictionary + std::min<std::uint64_t>(content, window + kBlockBytes)));
    layout.encoded_bytes =
        std::max(block_room(layout.config.block_bytes), lz4::kMaxFrameHeaderBytes + kFrameEndBytes);
  }
  return layout;
}

std::size_t lz4_encoder_workspace_bytes(const EncoderParams& params) noexcept {
  if (!traits(Coding::lz4).levels.contains(static_cast<std::uint64_t>(params.level))) return 0;
  return FrameEncoder::layout_for(params).total_bytes();
}

namespace {

//   | header | BlockEncoder | its tables | FrameEncoder | working tables | gathered | encoded |
//     ---------- kept -----------------
Result<Encoder*> place_with_learned(const EncoderParams& params, const FrameEncoder::Layout& layout,
                                    MutableBytes region) noexcept {
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  Workspace& workspace = **opened;
  std::byte* const kept = region.data() + Workspace::kHeaderBytes;
  std::byte* const kept_tables = region.data() + kLearnedOffset;
  std::byte* const object = kept_tables + round_up(layout.learned_bytes);
  std::byte* const parts = object + round_up(sizeof(FrameEncoder));
  const PreparedFor key{.coding = Coding::lz4,
                        .direction = Direction::compress,
                        .level = static_cast<std::int16_t>(params.level),
                        .window_bytes = static_cast<std::uint32_t>(layout.config.window),
                        .variant = params.dictionary->serial()};
  if (workspace.is_prepared_for(key)) {
    std::memcpy(parts, kept_tables, layout.learned_bytes);
    const auto* learned = std::launder(reinterpret_cast<const lz4::BlockEncoder*>(kept));
    return ::new (static_cast<void*>(object))
        FrameEncoder(params, layout, reinterpret_cast<std::uint8_t*>(parts), *learned);
  }
  workspace.clear();
  auto* const encoder = ::new (static_cast<void*>(object))
      FrameEncoder(params, layout, reinterpret_cast<std::uint8_t*>(parts));
  ::new (static_cast<void*>(kept)) lz4::BlockEncoder(encoder->learned());
  std::memcpy(kept_tables, parts, layout.learned_bytes);
  workspace.seal(key);
  return encoder;
}

}  // namespace

Result<Encoder*> place_lz4_encoder(const EncoderParams& params, MutableBytes workspace) noexcept {
  const CodingTraits& allowed = traits(Coding::lz4);
  if (!allowed.levels.contains(static_cast<std::uint64_t>(params.level))) {
    return fail(Errc::invalid_level, "lz4 has levels 1 to 9");
  }
  if (params.window_bytes != 0 && !allowed.window_bytes.contains(params.window_bytes)) {
    return fail(Errc::invalid_window, "lz4 has windows of 256 to 65,535 bytes");
  }
  const FrameEncoder::Layout layout = FrameEncoder::layout_for(params);
  if (workspace.size() < layout.total_bytes() ||
      reinterpret_cast<std::uintptr_t>(workspace.data()) % 64 != 0) {
    return wrong_size("the LZ4 encoder's workspace does not fit", layout.total_bytes(),
                      workspace.size());
  }
  if (layout.learned_bytes != 0) return place_with_learned(params, layout, workspace);
  std::uint8_t* const parts = raw(workspace) + round_up(sizeof(FrameEncoder));
  return ::new (workspace.data()) FrameEncoder(params, layout, parts);
}

FrameEncoder::FrameEncoder(const EncoderParams& params, const Layout& layout,
                           std::uint8_t* parts) noexcept
    : layout_(layout),
      pledged_bytes_(params.content_bytes),
      dictionary_id_(params.dictionary == nullptr ? 0 : params.dictionary->id()),
      blocks_(layout.config, parts),
      gathered_(parts + round_up(layout.table_bytes)),
      block_begin_(gathered_),
      gathered_end_(gathered_),
      encoded_(gathered_ + round_up(layout.gathered_bytes)) {
  blocks_.forget(gathered_);
  if (params.dictionary != nullptr) learn_dictionary(params.dictionary->content());
}

FrameEncoder::FrameEncoder(const EncoderParams& params, const Layout& layout, std::uint8_t* parts,
                           const lz4::BlockEncoder& learned) noexcept
    : layout_(layout),
      pledged_bytes_(params.content_bytes),
      dictionary_id_(params.dictionary->id()),
      blocks_(learned),
      gathered_(parts + round_up(layout.table_bytes)),
      block_begin_(gathered_ + std::min(params.dictionary->content().size(), layout.config.window)),
      gathered_end_(block_begin_),
      encoded_(gathered_ + round_up(layout.gathered_bytes)) {}

void FrameEncoder::learn_dictionary(Bytes content) noexcept {
  content = content.last(std::min(content.size(), layout_.config.window));
  if (content.empty()) return;
  std::memcpy(gathered_, content.data(), content.size());
  block_begin_ = gathered_end_ = gathered_ + content.size();
  blocks_.learn(gathered_, block_begin_);
}

/// Puts the header among the encoded bytes; as late as there is a block, or none at all, to follow.
void FrameEncoder::begin_frame() noexcept {
  begun_ = true;
  // A single block has nothing to be linked to; readers can then forget it at once.
  const auto held = static_cast<std::size_t>(gathered_end_ - block_begin_);
  const bool single_block = pledged_bytes_ == held;
  std::uint8_t header[lz4::kMaxFrameHeaderBytes];
  pending_to_ = lz4::write_frame_header({.independent = single_block,
                                         .content_bytes = pledged_bytes_,
                                         .dictionary_id = dictionary_id_},
                                        header);
  std::memcpy(encoded_, header, pending_to_);
}

Result<Progress> FrameEncoder::step(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (layout_.direct) return step_direct(input, output, flush);
  Progress progress;
  for (;;) {
    if (pending_from_ != pending_to_) {
      const MutableBytes room = output.subspan(progress.produced);
      const std::size_t count = std::min(room.size(), pending_to_ - pending_from_);
      if (count != 0) std::memcpy(room.data(), encoded_ + pending_from_, count);
      pending_from_ += count;
      progress.produced += count;
      if (pending_from_ != pending_to_) {
        progress.state = StepState::need_output;
        return progress;
      }
    }
    pending_from_ = pending_to_ = 0;
    if (ended_) {
      progress.state = StepState::done;
      return progress;
    }
    const std::size_t taken = gather(input.subspan(progress.consumed));
    progress.consumed += taken;
    const bool input_taken = progress.consumed == input.size();
    const auto held = static_cast<std::size_t>(gathered_end_ - block_begin_);
    const bool whole_block = held == layout_.config.block_bytes && held != 0;
    const bool block_ready = whole_block || (held != 0 && input_taken && flush != Flush::none);
    if (!begun_ && (block_ready || (input_taken && flush == Flush::finish))) {
      begin_frame();
      continue;
    }
    if (block_ready) {
      progress.produced += encode_block(output.subspan(progress.produced));
      continue;
    }
    if (!input_taken) {
      return wrong_size("more input came than was pledged", pledged_bytes_.value_or(0),
                        consumed_ + input.size() - progress.consumed);
    }
    if (flush != Flush::finish) {
      progress.state = StepState::need_input;
      return progress;
    }
    if (pledged_bytes_ && consumed_ != *pledged_bytes_) {
      return wrong_size("less input came than was pledged", *pledged_bytes_, consumed_);
    }
    pending_to_ = end_frame(encoded_);
    ended_ = true;
  }
}

/// Takes input behind the block so far, up to a whole block and to what was pledged; the room was
/// sized by that. Returns: bytes taken.
std::size_t FrameEncoder::gather(Bytes input) noexcept {
  const auto held = static_cast<std::size_t>(gathered_end_ - block_begin_);
  std::size_t count = std::min(input.size(), layout_.config.block_bytes - held);
  if (pledged_bytes_) {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, *pledged_bytes_ - consumed_));
  }
  if (count == 0) return 0;
  const auto used = static_cast<std::size_t>(gathered_end_ - gathered_);
  if (used + count > layout_.gathered_bytes) {
    // Keep the window before the block. It may be shorter than the window at the start only.
    const auto history = static_cast<std::size_t>(block_begin_ - gathered_);
    const std::size_t dropped = history - std::min(history, layout_.config.window);
    std::memmove(gathered_, gathered_ + dropped, used - dropped);
    block_begin_ -= dropped;
    gathered_end_ -= dropped;
    blocks_.moved_down(dropped);
  }
  std::memcpy(gathered_end_, input.data(), count);
  content_hash_.update(input.first(count));
  gathered_end_ += count;
  consumed_ += count;
  return count;
}

/// Encodes the gathered block, into the output where that has room for whatever comes, otherwise
/// into the workspace. Returns: bytes of output written.
std::size_t FrameEncoder::encode_block(MutableBytes output) noexcept {
  const auto held = static_cast<std::size_t>(gathered_end_ - block_begin_);
  const bool direct = output.size() >= block_room(held);
  std::uint8_t* const to = direct ? raw(output) : encoded_;
  const std::size_t room = direct ? output.size() : layout_.encoded_bytes;
  const std::size_t written = write_block({.floor = gathered_,
                                           .begin = block_begin_,
                                           .end = gathered_end_,
                                           .out = to,
                                           .out_end = to + room});
  block_begin_ = gathered_end_;
  if (!direct) pending_to_ = written;
  return direct ? written : 0;
}

/// Writes a block with its size field, raw when that is not longer. Returns: bytes written.
/// Requires: room for `block_room()` of the block.
std::size_t FrameEncoder::write_block(const lz4::EncodeViews& views) noexcept {
  const auto size = static_cast<std::size_t>(views.end - views.begin);
  lz4::EncodeViews body = views;
  body.out += kBlockFieldBytes;
  body.out_end = std::min(views.out_end, body.out + size + kSlackBytes);
  const std::size_t encoded = blocks_.encode(body);
  if (encoded == 0 || encoded >= size) {
    lz4::store_le32(views.out, static_cast<std::uint32_t>(size) | lz4::kRawBlockFlag);
    std::memcpy(body.out, views.begin, size);
    return kBlockFieldBytes + size;
  }
  lz4::store_le32(views.out, static_cast<std::uint32_t>(encoded));
  return kBlockFieldBytes + encoded;
}

std::size_t FrameEncoder::end_frame(std::uint8_t* to) noexcept {
  lz4::store_le32(to, 0);
  lz4::store_le32(to + 4, content_hash_.digest());
  return kFrameEndBytes;
}

/// The `whole` path: all input at once, and room for all output.
Result<Progress> FrameEncoder::step_direct(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (pledged_bytes_ && input.size() != *pledged_bytes_) {
    return wrong_size("the input is not of the size that was pledged", *pledged_bytes_,
                      input.size());
  }
  if (flush != Flush::finish || output.size() < lz4_bound(input.size())) {
    return wrong_size("whole input needs finish and room for the bound", lz4_bound(input.size()),
                      output.size());
  }
  std::uint8_t header[lz4::kMaxFrameHeaderBytes];
  const std::size_t header_bytes = lz4::write_frame_header(
      {.independent = input.size() <= kBlockBytes, .content_bytes = input.size()}, header);
  std::uint8_t* out = raw(output);
  std::uint8_t* const out_end = out + output.size();
  std::memcpy(out, header, header_bytes);
  out += header_bytes;

  const std::uint8_t* const begin = raw(input);
  blocks_.forget(begin);
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t size = std::min(kBlockBytes, input.size() - at);
    content_hash_.update(input.subspan(at, size));
    out += write_block({.floor = begin,
                        .begin = begin + at,
                        .end = begin + at + size,
                        .out = out,
                        .out_end = out_end});
    at += size;
  }
  out += end_frame(out);
  return Progress{.consumed = input.size(),
                  .produced = static_cast<std::size_t>(out - raw(output)),
                  .state = StepState::done};
}

}  // namespace frdpu::core
