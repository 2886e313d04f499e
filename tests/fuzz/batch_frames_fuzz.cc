// Framed items, whole and in pieces: both readings must agree. The first byte picks side and cut.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proto/batch_frames.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

// Everything that a reading found, as one text; and whether it ended well.
std::pair<std::string, bool> read(core::Bytes body, std::size_t cut, proto::FrameSide side) {
  std::string found;
  proto::FrameReader reader(side);
  const std::size_t body_bytes = body.size();
  while (!body.empty()) {
    core::Bytes piece = body.first(std::min(cut, body.size()));
    body = body.subspan(piece.size());
    for (;;) {
      const auto step = reader.step(piece);
      if (!step) {
        require(step.error().offset.value_or(body_bytes + 1) <= body_bytes);
        return {found, false};
      }
      require(step->consumed <= piece.size() && step->data.size() <= step->consumed);
      piece = piece.subspan(step->consumed);
      if (step->event == proto::FrameEvent::need_input) break;
      if (step->event == proto::FrameEvent::item_begin) found += step->failed ? '!' : '[';
      if (step->event == proto::FrameEvent::item_data) found += core::as_text(step->data);
      if (step->event == proto::FrameEvent::item_end) found += ']';
    }
    require(piece.empty());
  }
  return {found, reader.finish().has_value()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? proto::FrameSide::response : proto::FrameSide::request;
  const std::size_t cut = 1 + (data[0] >> 1);
  const core::Bytes body = std::as_bytes(std::span(data + 1, size - 1));
  const auto whole = read(body, body.size() + 1, side);
  const auto pieces = read(body, cut, side);
  require(whole.second == pieces.second);
  if (whole.second) require(whole.first == pieces.first);
  return 0;
}
