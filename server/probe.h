#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/decode_limits.h"
#include "core/dictionary.h"
#include "core/frame_check.h"
#include "core/frame_header.h"
#include "core/workspace_pool.h"
#include "server/operation.h"

namespace frdpu::server {

/// /v1/probe: what the header of a compressed body says, and whether /v1/decompress would begin it
/// under the limits in force. Decompresses nothing and takes no memory: it keeps the few bytes of
/// one header, whatever the length of the body.
///
///   | skippable | skippable | first frame that holds data | the rest |
///     passed over             its header is the answer      discarded
///
/// No byte behind the first 64 KiB is looked at. Where all of them are skippable frames, nothing is
/// known that speaks against the body: accepted, and everything else is null.
///
/// The answer: {"coding", "window_bytes", "content_bytes", "dictionary_id", "checksum", "accepted",
/// "refused_because"}; null where the format does not say; of a header that cannot be read, all but
/// the coding.
class Probe final : public Operation {
 public:
  /// Bytes of the body that are looked at, at most. Source: API.md.
  static constexpr std::uint64_t kLookBytes = 64 * core::kKiB;

  /// `coding`: as the request names it; without one the first bytes decide, as for /v1/decompress.
  /// Ownership: `pools` and `dictionaries` (may be null: then every dictionary is missing) must
  /// outlive the probe.
  Probe(std::optional<core::Coding> coding, const core::DecodeLimits& limits,
        const core::WorkspacePools& pools, core::DictionarySource* dictionaries) noexcept
      : named_(coding), limits_(limits), pools_(pools), dictionaries_(dictionaries) {}

  /// Takes all input there is.
  /// Errors: unsupported_coding where no coding is named and the bytes are those of none;
  /// truncated_input for an empty body, as /v1/decompress has it: there is no header to tell of.
  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;

  [[nodiscard]] std::chrono::nanoseconds cost_estimate(std::uint64_t bytes) const noexcept override;

 private:
  enum class Phase : std::uint8_t { at_header, skipping, judged };

  [[nodiscard]] core::Result<void> look(core::Bytes bytes) noexcept;
  [[nodiscard]] core::Result<void> end() noexcept;
  [[nodiscard]] core::Result<void> judge(bool input_ends) noexcept;
  [[nodiscard]] std::optional<core::Coding> coding_of(core::Bytes prefix) const noexcept;
  void skip(std::size_t bytes) noexcept;
  void refuse(core::Errc code) noexcept;
  void write_answer() noexcept;

  const std::optional<core::Coding> named_;
  const core::DecodeLimits limits_;
  const core::WorkspacePools& pools_;
  core::DictionarySource* const dictionaries_;

  Phase phase_ = Phase::at_header;
  std::uint64_t looked_bytes_ = 0;
  bool cut_off_ = false;          // the body goes on behind what is looked at
  std::uint64_t frames_ = 0;      // skippable ones that ended
  std::uint64_t skip_bytes_ = 0;  // left of one
  std::array<std::byte, core::kMaxFrameHeaderBytes> held_;
  std::size_t held_bytes_ = 0;  // from the start of a frame

  core::Coding coding_ = core::Coding::identity;
  core::FrameHeader header_{};  // of the frame that is judged
  std::optional<core::Errc> refused_because_{};

  std::array<std::byte, 320> text_;
  PendingOutput answer_;
  bool answered_ = false;
};

}  // namespace frdpu::server
