#pragma once

#include <cstddef>
#include <cstdint>

/// Decodes one LZ4 block, in one go or cut anywhere.
///
/// Three loops share the work. The short one takes sequences while there is more room in both views
/// than a sequence touches, and copies in blocks that may run past the sequence's end (never past
/// the view's). What is too close to an end or too long for that is copied exactly, a sequence at a
/// time (match_copy.h has both kinds of copies). Where the views do not hold a whole sequence, the
/// careful one goes byte by byte, and can stop and resume within it.
namespace frdpu::core::lz4 {

/// What a run may read and write. `in` and `out` move on.
struct DecodeViews {
  const std::uint8_t* in;
  const std::uint8_t* in_end;
  std::uint8_t* floor;  ///< matches may refer down to here within the output view
  std::uint8_t* out;
  std::uint8_t* out_end;
  const std::uint8_t* history_end;  ///< the bytes that go before `floor`, wherever they are
  std::size_t history_bytes;
};

enum class DecodeOutcome : std::uint8_t { need_input, need_output, done, corrupt };

/// Life: begin(), run() until `done` or `corrupt`, begin() for the next block.
/// Invariant: whatever the input, nothing outside the views and the history is touched.
/// Threads: one at a time. Cost: no allocation.
class BlockDecoder {
 public:
  /// Starts a block of `block_bytes` encoded bytes that may decode to `limit_bytes` at most.
  void begin(std::size_t block_bytes, std::size_t limit_bytes) noexcept;

  /// Goes on as far as the views allow.
  /// Requires: between runs of one block, what was written moves into the history (or stays above
  /// `floor`), at least the latest 65,535 bytes of it.
  [[nodiscard]] DecodeOutcome run(DecodeViews& views) noexcept;

  /// What was wrong, after `corrupt`. Static storage.
  [[nodiscard]] const char* problem() const noexcept { return problem_; }

 private:
  enum class Phase : std::uint8_t {
    token,
    literal_length,
    literals,
    offset_low,
    offset_high,
    match_length,
    match
  };

  DecodeOutcome run_fast(DecodeViews& views) noexcept;
  DecodeOutcome run_careful(DecodeViews& views) noexcept;
  bool read_length(DecodeViews& views, std::size_t& length) noexcept;
  bool copy_match(DecodeViews& views) noexcept;
  DecodeOutcome corrupt(const char* problem) noexcept;

  std::size_t in_left_ = 0;   // of the block
  std::size_t out_left_ = 0;  // that the block may still decode to
  std::size_t literals_ = 0;  // still to be copied
  std::size_t match_ = 0;     // still to be copied, or the length as far as it was read
  std::size_t offset_ = 0;
  Phase phase_ = Phase::token;
  const char* problem_ = "";
};

}  // namespace frdpu::core::lz4
