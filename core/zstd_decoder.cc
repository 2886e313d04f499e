#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "core/dictionary.h"
#include "core/workspace.h"
#include "core/zstd_codec.h"

namespace frdpu::core {
namespace {

Error to_error(std::size_t code, std::uint64_t offset) noexcept {
  Error error{.code = Errc::corrupt_input, .detail = ZSTD_getErrorName(code), .offset = offset};
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_checksum_wrong:
      error.code = Errc::checksum_mismatch;
      break;
    case ZSTD_error_dictionary_wrong:
      error.code = Errc::missing_dictionary;
      break;
    case ZSTD_error_frameParameter_windowTooLarge:
      error.code = Errc::window_too_large;
      break;
    case ZSTD_error_memory_allocation:
    case ZSTD_error_stage_wrong:
    case ZSTD_error_init_missing:
    case ZSTD_error_workSpace_tooSmall:
      error.code = Errc::internal_error;
      break;
    default:
      break;
  }
  return error;
}

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder(ZSTD_DCtx* context, Workspace* workspace, const FrameHeader& header) noexcept
      : context_(context),
        workspace_(workspace),
        content_bytes_(header.content_bytes),
        wanted_(header.header_bytes + kBlockHeaderBytes) {}

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    // With all the output room at hand libzstd decodes a whole frame without its window buffer.
    // That way does not say where it failed, and is stricter than the other in places: what it
    // refuses is gone through again block by block, so that the outcome never depends on how the
    // input was cut.
    if (consumed_ == 0 && content_bytes_ && *content_bytes_ <= output.size() && !input.empty()) {
      const std::size_t wanted = ZSTD_decompressStream(context_, &out, &in);
      if (!ZSTD_isError(wanted)) {
        wanted_ = wanted;
        holds_output_ = out.pos == out.size;
      } else {
        in.pos = out.pos = 0;
        if (ZSTD_isError(ZSTD_DCtx_reset(context_, ZSTD_reset_session_only))) {
          return fail(Errc::internal_error, "a zstd context could not be reset");
        }
      }
    }
    if (auto fed = feed(in, out); !fed) return std::unexpected(fed.error());
    consumed_ += in.pos;
    produced_ += out.pos;
    Progress progress{in.pos, out.pos, StepState::need_input};
    if (wanted_ == 0) {
      // libzstd 1.5.4 overlooks this when the last frame block is empty and the frame streamed.
      if (content_bytes_ && *content_bytes_ != produced_) {
        return std::unexpected(Error{.code = Errc::corrupt_input,
                                     .detail = "the zstd frame declares another size",
                                     .offset = consumed_});
      }
      progress.state = StepState::done;
    } else if (in.pos < in.size || (holds_output_ && out.pos == out.size)) {
      progress.state = StepState::need_output;
    } else if (flush == Flush::finish) {
      return std::unexpected(Error{.code = Errc::truncated_input,
                                   .detail = "the zstd frame is cut off",
                                   .offset = consumed_});
    }
    return progress;
  }

 private:
  static constexpr std::size_t kBlockHeaderBytes = 3;

  // Hands over what the library wants next, a frame block at a time, so that an error is known
  // to lie in that block.
  Result<void> feed(ZSTD_inBuffer& in, ZSTD_outBuffer& out) noexcept {
    const std::size_t input_bytes = in.size;
    while (wanted_ != 0 && out.pos < out.size && (in.pos < input_bytes || holds_output_)) {
      const std::size_t before_in = in.pos;
      const std::size_t before_out = out.pos;
      in.size = in.pos + std::min(input_bytes - in.pos, wanted_);
      const std::size_t wanted = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(wanted)) {
        workspace_->clear();
        return std::unexpected(to_error(wanted, consumed_ + before_in));
      }
      wanted_ = wanted;
      holds_output_ = out.pos == out.size;
      if (in.pos == before_in && out.pos == before_out) break;
    }
    in.size = input_bytes;
    return {};
  }

  ZSTD_DCtx* context_;
  Workspace* workspace_;
  std::optional<std::uint64_t> content_bytes_;
  std::size_t wanted_;  // bytes the library asks for next; 0: the frame ended
  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
  bool holds_output_ = false;
};

constexpr std::size_t kObjectRoom = Workspace::room_for(sizeof(ZstdDecoder));

// The digested form of a dictionary, its content left where it is.
std::size_t dictionary_room(const FrameHeader& header) noexcept {
  return header.dictionary_id ? Workspace::room_for(ZSTD_estimateDDictSize(0, ZSTD_dlm_byRef)) : 0;
}

std::size_t context_bytes(const FrameHeader& header) noexcept {
  const std::uint64_t window = std::max<std::uint64_t>(header.window_bytes.value_or(0), 1024);
  if (window > std::uint64_t{1} << ZSTD_WINDOWLOG_MAX) return SIZE_MAX / 2;  // fits no region
  const std::uint64_t block = std::min<std::uint64_t>(window, ZSTD_BLOCKSIZE_MAX);
  const std::size_t buffer =
      ZSTD_decodingBufferSize_min(window, header.content_bytes.value_or(ZSTD_CONTENTSIZE_UNKNOWN));
  return ZSTD_estimateDCtxSize() + static_cast<std::size_t>(block) + buffer;
}

}  // namespace

std::size_t zstd_decoder_workspace_bytes(const FrameHeader& header) noexcept {
  if (header.skippable) return 0;
  return Workspace::kHeaderBytes + kObjectRoom + dictionary_room(header) +
         Workspace::room_for(context_bytes(header));
}

Result<Decoder*> place_zstd_decoder(const FrameHeader& header, const Dictionary* dictionary,
                                    MutableBytes region) noexcept {
  if (header.dictionary_id && dictionary == nullptr) {
    return std::unexpected(Error{.code = Errc::missing_dictionary,
                                 .detail = "the frame names a dictionary",
                                 .observed = *header.dictionary_id});
  }
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  if (header.skippable || region.size() < zstd_decoder_workspace_bytes(header)) {
    return fail(Errc::invalid_size, "the workspace is too small for this zstd frame");
  }
  Workspace* workspace = *opened;
  const std::size_t dictionary_bytes = dictionary_room(header);
  std::byte* const object = region.data() + Workspace::kHeaderBytes;
  std::byte* const digest = object + kObjectRoom;
  std::byte* const state = digest + dictionary_bytes;
  const PreparedFor key{
      .coding = Coding::zstd, .direction = Direction::decompress, .variant = dictionary_bytes};
  auto* context = reinterpret_cast<ZSTD_DCtx*>(state);
  if (workspace->is_prepared_for(key)) {
    workspace->rewind();
    if (ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters))) {
      workspace->clear();
      return fail(Errc::internal_error, "a zstd context could not be reset");
    }
  } else {
    workspace->clear();
    const auto rest_bytes = static_cast<std::size_t>(region.data() + region.size() - state);
    // Takes all that is there, so that the next frame may have a larger window.
    if (workspace->allocate(kObjectRoom + dictionary_bytes, 64) != object ||
        workspace->allocate(rest_bytes, 64) != state) {
      return fail(Errc::internal_error, "the workspace's layout is broken");
    }
    context = ZSTD_initStaticDCtx(state, rest_bytes);
    if (context == nullptr) return fail(Errc::invalid_size, "no room for a zstd context");
    workspace->seal(key);
  }
  if (dictionary_bytes != 0) {
    const Bytes content = dictionary->content();
    const ZSTD_DDict* digested = ZSTD_initStaticDDict(
        digest, dictionary_bytes, content.data(), content.size(), ZSTD_dlm_byRef, ZSTD_dct_auto);
    if (digested == nullptr || ZSTD_isError(ZSTD_DCtx_refDDict(context, digested))) {
      workspace->clear();
      return fail(Errc::corrupt_input, "the dictionary is broken");
    }
  }
  return ::new (static_cast<void*>(object)) ZstdDecoder(context, workspace, header);
}

Result<std::optional<FrameHeader>> parse_zstd_frame_header(Bytes prefix, bool input_ends) noexcept {
  ZSTD_frameHeader parsed{};
  const std::size_t wanted = ZSTD_getFrameHeader(&parsed, prefix.data(), prefix.size());
  if (ZSTD_isError(wanted)) {
    const bool foreign = ZSTD_getErrorCode(wanted) == ZSTD_error_prefix_unknown;
    return std::unexpected(to_error(wanted, foreign ? 0 : 4));
  }
  if (wanted != 0) {
    if (!input_ends) return std::nullopt;
    return std::unexpected(Error{.code = Errc::truncated_input,
                                 .detail = "the input ends within a zstd frame header",
                                 .offset = prefix.size()});
  }
  FrameHeader header{.coding = Coding::zstd};
  if (parsed.frameContentSize != ZSTD_CONTENTSIZE_UNKNOWN) {
    header.content_bytes = parsed.frameContentSize;
  }
  if (parsed.frameType == ZSTD_skippableFrame) {
    header.skippable = true;
    header.header_bytes = ZSTD_SKIPPABLEHEADERSIZE;
    return header;
  }
  header.window_bytes = parsed.windowSize;
  header.checksum = parsed.checksumFlag != 0;
  header.header_bytes = parsed.headerSize;
  if (parsed.dictID != 0) header.dictionary_id = parsed.dictID;
  header.workspace_bytes = zstd_decoder_workspace_bytes(header);
  return header;
}

}  // namespace frdpu::core
