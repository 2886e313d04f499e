#include "core/frame_check.h"

#include <algorithm>

namespace frdpu::core {
namespace {

// Bytes that mark a frame. A break of the format within them, behind a first frame, means that
// there is no second frame but something else.
std::uint64_t magic_bytes(Coding coding) noexcept {
  switch (coding) {
    case Coding::gzip:
      return 2;
    case Coding::zstd:
    case Coding::lz4:
      return 4;
    default:
      return 0;
  }
}

}  // namespace

bool takes_more_frames(Coding coding) noexcept {
  return magic_bytes(coding) != 0;
}

Result<std::optional<FrameHeader>> read_frame_header(Coding coding, Bytes prefix, bool input_ends,
                                                     const DecodeLimits& limits,
                                                     const BodySoFar& before) noexcept {
  auto parsed = parse_frame_header(coding, prefix, input_ends);
  if (parsed) return parsed;
  Error& error = parsed.error();
  error.offset = error.offset.value_or(0);
  if (error.code == Errc::corrupt_input && before.frames != 0 &&
      *error.offset < magic_bytes(coding)) {
    error = {.code = Errc::trailing_data, .detail = "bytes after the end", .offset = 0};
  }
  if (error.code == Errc::window_too_large && limits.max_window_bytes != 0) {
    error.limit = limits.max_window_bytes;
  }
  return parsed;
}

Result<void> check_limits(const FrameHeader& header, const DecodeLimits& limits,
                          const BodySoFar& before) noexcept {
  if (limits.max_frames != 0 && before.frames >= limits.max_frames) {
    return std::unexpected(Error{.code = Errc::frame_limit_exceeded,
                                 .detail = "the body has more frames or members than allowed",
                                 .limit = limits.max_frames,
                                 .observed = before.frames + 1,
                                 .offset = 0});
  }
  if (header.skippable) return {};
  const std::uint64_t window_limit = decoding_window_limit(
      header.coding,
      static_cast<std::uint32_t>(std::min<std::uint64_t>(limits.max_window_bytes, UINT32_MAX)));
  if (limits.max_window_bytes != 0 && header.window_bytes && *header.window_bytes > window_limit) {
    return std::unexpected(Error{.code = Errc::window_too_large,
                                 .detail = "the frame's window is larger than allowed",
                                 .limit = window_limit,
                                 .observed = header.window_bytes,
                                 .offset = 0});
  }
  const std::uint64_t declared =
      saturating_add(before.output_bytes, header.content_bytes.value_or(0));
  if (limits.max_output_bytes != 0 && declared > limits.max_output_bytes) {
    return std::unexpected(Error{.code = Errc::output_limit_exceeded,
                                 .detail = "the frame declares more output than allowed",
                                 .limit = limits.max_output_bytes,
                                 .observed = declared,
                                 .offset = 0});
  }
  return {};
}

Result<const Dictionary*> find_dictionary(const FrameHeader& header,
                                          DictionarySource* dictionaries) noexcept {
  if (!header.dictionary_id) return nullptr;
  const Dictionary* found = nullptr;
  if (traits(header.coding).takes_dictionary && dictionaries != nullptr) {
    found = dictionaries->find(*header.dictionary_id);
  }
  // To zstd raw content has no id, so that no frame can mean it.
  const bool nameless = header.coding == Coding::zstd && found && !found->is_zstd_format();
  if (found != nullptr && !nameless) return found;
  return std::unexpected(Error{.code = Errc::missing_dictionary,
                               .detail = "the frame names a dictionary that is not here",
                               .observed = *header.dictionary_id,
                               .offset = 0});
}

Error no_workspace(const FrameHeader& header, const WorkspacePools& pools) noexcept {
  return {.code = Errc::window_too_large,
          .detail = "no workspace is large enough for the frame's window",
          .limit = pools.max_window_bytes(),
          .observed = header.window_bytes,
          .offset = 0};
}

Result<void> check_frame(const FrameHeader& header, const DecodeLimits& limits,
                         const BodySoFar& before, const WorkspacePools& pools,
                         DictionarySource* dictionaries) noexcept {
  if (auto checked = check_limits(header, limits, before); !checked) return checked;
  if (header.skippable) return {};
  if (auto found = find_dictionary(header, dictionaries); !found) {
    return std::unexpected(found.error());
  }
  if (!pools.has_room_for(header.coding, Direction::decompress, header.workspace_bytes)) {
    return std::unexpected(no_workspace(header, pools));
  }
  return {};
}

}  // namespace frdpu::core
