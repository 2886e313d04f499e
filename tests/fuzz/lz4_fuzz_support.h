#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "core/engine/frame_decoder.h"
#include "core/engine/frame_encoder.h"
#include "core/engine/lz4_frame_header.h"
#include "core/workspace.h"
#include "tests/fuzz/fuzz_support.h"

/// What the fuzz targets of the LZ4 engine share: codecs driven with views of exact size, so that a
/// sanitizer sees the byte behind them.
namespace frdpu::fuzz {

using Buffer = std::vector<std::byte>;

/// Sizes that views are cut to; the last stands for "whole".
inline std::size_t cut_size(Choices& choices) {
  constexpr std::size_t kCuts[] = {1, 2, 3, 7, 17, 31, 64, 100, 300, 1400, 20000, SIZE_MAX};
  return kCuts[choices.below(std::size(kCuts))];
}

inline Buffer to_buffer(core::Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// The bytes again and again, each time with one of them changed, up to a size: inputs larger than
/// what the fuzzer mutates, with matches at every distance.
inline Buffer stretched(core::Bytes bytes, std::size_t size) {
  Buffer out = to_buffer(bytes);
  out.reserve(size);
  for (std::size_t round = 1; !bytes.empty() && out.size() < size; ++round) {
    const std::size_t changed = round * 7919 % bytes.size();
    for (std::size_t i = 0; i < bytes.size() && out.size() < size; ++i) {
      out.push_back(i == changed ? std::byte(round * 31 & 0xFF) : bytes[i]);
    }
  }
  return out;
}

/// A 64-aligned workspace of exactly the asked size.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes)
      : bytes_(bytes), data_(::operator new(std::max<std::size_t>(bytes, 1), kAlign)) {
    core::Workspace::format({static_cast<std::byte*>(data_), bytes_});
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { ::operator delete(data_, kAlign); }
  [[nodiscard]] core::MutableBytes bytes() const {
    return {static_cast<std::byte*>(data_), bytes_};
  }

 private:
  static constexpr std::align_val_t kAlign{64};
  std::size_t bytes_;
  void* data_;
};

struct Outcome {
  Buffer output;
  std::size_t consumed = 0;
  bool done = false;
  std::optional<core::Errc> error{};
};

/// Runs a transform over input cut into pieces, with rooms of a size, until it ends, fails, wants
/// more than there is, or `most` bytes came out.
inline Outcome run(core::Transform& transform, core::Bytes input, std::size_t cut, std::size_t room,
                   core::Flush between, std::size_t most = SIZE_MAX) {
  Outcome outcome;
  Buffer out(room);
  for (int idle = 0; outcome.output.size() < most;) {
    const std::size_t size = std::min(cut, input.size() - outcome.consumed);
    const bool last = outcome.consumed + size == input.size();
    const Buffer view = to_buffer(input.subspan(outcome.consumed, size));
    const auto step = transform.step(view, out, last ? core::Flush::finish : between);
    if (!step) {
      outcome.error = step.error().code;
      return outcome;
    }
    require(step->consumed <= view.size() && step->produced <= out.size(), "went past its views");
    outcome.consumed += step->consumed;
    const auto end = out.begin() + static_cast<std::ptrdiff_t>(step->produced);
    outcome.output.insert(outcome.output.end(), out.begin(), end);
    std::fill(out.begin(), end, std::byte{0x5A});  // what a step wrote is gone for the next
    if (step->state == core::StepState::done) {
      outcome.done = true;
      return outcome;
    }
    idle = step->consumed + step->produced == 0 ? idle + 1 : 0;
    require(idle < 3, "gets nowhere");
  }
  return outcome;
}

/// Decodes the one frame that the input starts with. Returns: nothing for what is no frame.
inline std::optional<Outcome> decode_frame(core::Bytes input, std::size_t cut, std::size_t room,
                                           std::size_t most = SIZE_MAX,
                                           const core::Dictionary* dictionary = nullptr) {
  const auto header = core::parse_lz4_frame_header(input, true);
  if (!header || !*header) return std::nullopt;
  const Workspace workspace((*header)->workspace_bytes);
  const auto placed = core::place_lz4_decoder(**header, dictionary, workspace.bytes());
  if (!placed) return std::nullopt;
  core::Decoder& decoder = **placed;
  Outcome outcome = run(decoder, input, cut, room, core::Flush::none, most);
  outcome.consumed -= decoder.unread().size();
  std::destroy_at(&decoder);
  return outcome;
}

/// Encodes to one frame, which cannot fail.
inline Buffer encode_frame(const core::EncoderParams& params, core::Bytes input, std::size_t cut,
                           std::size_t room, core::Flush between) {
  const Workspace workspace(core::lz4_encoder_workspace_bytes(params));
  const auto placed = core::place_lz4_encoder(params, workspace.bytes());
  require(placed.has_value(), "no encoder");
  Outcome outcome = run(**placed, input, cut, room, between);
  require(outcome.done && outcome.consumed == input.size(), "an input is not encoded");
  std::destroy_at(*placed);
  return std::move(outcome.output);
}

}  // namespace frdpu::fuzz
