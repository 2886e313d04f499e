#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"

/// The framing of batch calls and training samples, `application/vnd.frdpu.frames`.
///
///   item:         u32 LE length | bytes
///   failed item:  FF FF FF FF   | u32 LE length | problem JSON     (responses alone)
///
/// Items follow each other without padding; the end of the body is the end of the list.
namespace frdpu::proto {

inline constexpr std::string_view kFramesType = "application/vnd.frdpu.frames";

/// The length that says "this item failed". So the longest item is one byte shorter.
inline constexpr std::uint32_t kFailedItem = 0xFFFFFFFF;
inline constexpr std::size_t kItemHeaderBytes = 4;
inline constexpr std::size_t kFailedItemHeaderBytes = 8;

/// Who wrote the frames: only responses may hold failed items.
enum class FrameSide : std::uint8_t { request, response };

enum class FrameEvent : std::uint8_t {
  need_input,  ///< all input was taken
  item_begin,  ///< a length is known: `length`, `failed`
  item_data,   ///< some bytes of the item: `data`, never empty
  item_end,    ///< the item is complete
};

/// What one step found.
struct FrameStep {
  FrameEvent event = FrameEvent::need_input;
  std::size_t consumed = 0;  ///< bytes to take off the front of the input
  core::Bytes data{};        ///< a view into the input
  std::uint32_t length = 0;  ///< of the item under way
  bool failed = false;       ///< the item under way is a problem document
};

/// Reads framed items as they come, however they are cut.
///
/// Life cycle: `step` until `need_input`, with more input each time; `finish` at the body's end.
/// After an error only destruction is allowed. An item's length is the sender's claim: it must
/// never size an allocation.
class FrameReader {
 public:
  explicit FrameReader(FrameSide side = FrameSide::request) noexcept : side_(side) {}

  /// Finds the next event in what is left of the input.
  /// Errors: malformed_frames, with the offset from the start of the body, for a failed item in a
  /// request, and for a problem that claims to have failed itself.
  [[nodiscard]] core::Result<FrameStep> step(core::Bytes input) noexcept;

  /// Checks that the body ended between two items.
  /// Errors: malformed_frames, with the offset where the body ended.
  [[nodiscard]] core::Result<void> finish() const noexcept;

  /// Returns the items that have begun.
  [[nodiscard]] std::uint64_t items() const noexcept { return items_; }

 private:
  enum class State : std::uint8_t { header, problem_header, data, end };

  FrameSide side_;
  State state_ = State::header;
  std::uint8_t header_bytes_ = 0;  // of the length under way
  bool failed_ = false;
  std::uint32_t header_ = 0;
  std::uint32_t length_ = 0;
  std::uint32_t left_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t items_ = 0;
};

/// Returns what stands in front of an item. Requires: a length other than kFailedItem.
[[nodiscard]] std::array<std::byte, kItemHeaderBytes> item_header(std::uint32_t length) noexcept;

/// Returns what stands in front of a failed item's problem document. Requires: likewise.
[[nodiscard]] std::array<std::byte, kFailedItemHeaderBytes> failed_item_header(
    std::uint32_t problem_length) noexcept;

}  // namespace frdpu::proto
