#pragma once

#include <cstdint>
#include <optional>

#include "core/decode_limits.h"
#include "core/dictionary.h"
#include "core/frame_header.h"
#include "core/workspace_pool.h"

/// Whether the next frame of a body may be begun, from its header alone. `BodyDecoder` asks before
/// it spends memory, and /v1/probe asks nothing else: both get the same answer from here.
///
///   read_frame_header -> check_limits -> find_dictionary -> a workspace, or `no_workspace`
///
/// Offsets of errors count from the frame's first byte.
/// Threads: any. Cost: a look at a few values; no allocation.
namespace frdpu::core {

/// What came before a frame in its body.
struct BodySoFar {
  std::uint64_t frames = 0;  ///< frames or members, empty and skippable ones too
  std::uint64_t output_bytes = 0;
};

/// Whether bodies of the coding may hold several frames or members in a row.
[[nodiscard]] bool takes_more_frames(Coding coding) noexcept;

/// `parse_frame_header` for the next frame of a body.
/// Errors: likewise, but trailing_data where bytes behind a first frame begin no second one;
/// window_too_large tells the operator's limit too.
[[nodiscard]] Result<std::optional<FrameHeader>> read_frame_header(
    Coding coding, Bytes prefix, bool input_ends, const DecodeLimits& limits,
    const BodySoFar& before) noexcept;

/// Errors: frame_limit_exceeded, window_too_large, output_limit_exceeded (by the size that the
/// header declares), with `limit` and `observed`. A skippable frame counts as a frame, no more.
[[nodiscard]] Result<void> check_limits(const FrameHeader& header, const DecodeLimits& limits,
                                        const BodySoFar& before) noexcept;

/// Returns the dictionary that the frame names; null where it names none.
/// Errors: missing_dictionary (`observed`: the id) when it is not there, or there is no source; for
/// zstd also when what has the id is raw content, which its frames cannot name.
[[nodiscard]] Result<const Dictionary*> find_dictionary(const FrameHeader& header,
                                                        DictionarySource* dictionaries) noexcept;

/// The refusal of a frame that no workspace is large enough for, free or not.
[[nodiscard]] Error no_workspace(const FrameHeader& header, const WorkspacePools& pools) noexcept;

/// All of it, in the decoder's order, without taking anything.
/// Errors: those of the others. Never pool_exhausted: what is in use now is not the frame's fault.
[[nodiscard]] Result<void> check_frame(const FrameHeader& header, const DecodeLimits& limits,
                                       const BodySoFar& before, const WorkspacePools& pools,
                                       DictionarySource* dictionaries) noexcept;

}  // namespace frdpu::core
