#include "server/probe.h"

#include <algorithm>
#include <cassert>

#include "core/coding_sniffer.h"
#include "proto/json_writer.h"
#include "proto/negotiation.h"

namespace frdpu::server {
namespace {

using core::Coding;
using core::Errc;

void optional_number(proto::JsonWriter& json, std::string_view name,
                     const std::optional<std::uint64_t>& value) noexcept {
  json.key(name);
  value ? json.number(*value) : json.null();
}

}  // namespace

core::Result<core::Progress> Probe::step(core::Bytes input, core::MutableBytes output,
                                         core::Flush flush) noexcept {
  if (!answered_) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), kLookBytes - looked_bytes_));
    if (auto looked = look(input.first(size)); !looked) return std::unexpected(looked.error());
    looked_bytes_ += size;
    cut_off_ = cut_off_ || size < input.size();
    if (flush != core::Flush::finish) return core::Progress{.consumed = input.size()};
    if (auto ended = end(); !ended) return std::unexpected(ended.error());
    write_answer();
  }
  const std::size_t written = answer_.write_to(output);
  return core::Progress{
      .consumed = input.size(),
      .produced = written,
      .state = answer_.empty() ? core::StepState::done : core::StepState::need_output};
}

std::chrono::nanoseconds Probe::cost_estimate(std::uint64_t /*bytes*/) const noexcept {
  return std::chrono::microseconds(2);
}

core::Result<void> Probe::look(core::Bytes bytes) noexcept {
  while (!bytes.empty() && phase_ != Phase::judged) {
    if (phase_ == Phase::skipping) {
      const auto passed =
          static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, bytes.size()));
      skip(passed);
      bytes = bytes.subspan(passed);
      continue;
    }
    const std::size_t taken = std::min(bytes.size(), held_.size() - held_bytes_);
    std::ranges::copy(bytes.first(taken), held_.begin() + held_bytes_);
    held_bytes_ += taken;
    bytes = bytes.subspan(taken);
    // Only a full array decides before the end, so that it never matters how the body is cut.
    if (held_bytes_ < held_.size()) continue;
    if (auto judged = judge(false); !judged) return judged;
  }
  return {};
}

// All that there is to look at is here.
core::Result<void> Probe::end() noexcept {
  if (looked_bytes_ == 0 && named_ != Coding::identity) {
    return core::fail(Errc::truncated_input, "an empty body is no compressed data");
  }
  while (phase_ == Phase::at_header && held_bytes_ > 0) {
    const std::size_t before = held_bytes_;
    if (auto judged = judge(!cut_off_); !judged) return judged;
    if (held_bytes_ == before) break;  // the header goes on behind what is looked at
  }
  if (phase_ == Phase::skipping && !cut_off_) refuse(Errc::truncated_input);
  return {};
}

// Decides about the frame whose first bytes are held, as far as they tell.
core::Result<void> Probe::judge(bool input_ends) noexcept {
  const core::Bytes prefix = core::Bytes(held_).first(held_bytes_);
  const auto coding = coding_of(prefix);
  if (!coding) return std::unexpected(proto::unrecognised_source().error);
  coding_ = *coding;
  const core::BodySoFar before{.frames = frames_};
  const auto parsed = core::read_frame_header(coding_, prefix, input_ends, limits_, before);
  if (!parsed) {
    refuse(parsed.error().code);
    return {};
  }
  const std::optional<core::FrameHeader>& header = *parsed;
  if (!header) {
    if (held_bytes_ < held_.size()) return {};
    return core::fail(Errc::internal_error, "a header parser asks for too much");
  }
  const auto checked = core::check_frame(*header, limits_, before, pools_, dictionaries_);
  if (!header->skippable) header_ = *header;
  if (!checked) {
    refuse(checked.error().code);
  } else if (header->skippable) {
    phase_ = Phase::skipping;
    skip_bytes_ = core::saturating_add(header->header_bytes, header->content_bytes.value_or(0));
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, held_bytes_));
    std::copy(held_.begin() + here, held_.begin() + held_bytes_, held_.begin());
    held_bytes_ -= here;
    skip(here);
  } else {
    phase_ = Phase::judged;
  }
  return {};
}

// The bytes of a whole body would be looked at by the same rule: what is behind skippable frames is
// lz4's or, for whatever else it is, zstd's.
std::optional<Coding> Probe::coding_of(core::Bytes prefix) const noexcept {
  if (named_) return named_;
  const auto sniffed = core::sniff(prefix);
  if (frames_ == 0 || sniffed == Coding::lz4) return sniffed;
  return Coding::zstd;
}

void Probe::skip(std::size_t bytes) noexcept {
  skip_bytes_ -= bytes;
  if (skip_bytes_ > 0) return;
  ++frames_;
  phase_ = Phase::at_header;
}

void Probe::refuse(Errc code) noexcept {
  refused_because_ = code;
  phase_ = Phase::judged;
}

void Probe::write_answer() noexcept {
  proto::JsonWriter json(text_);
  json.begin_object();
  json.member("coding", core::to_string(coding_));
  optional_number(json, "window_bytes", header_.window_bytes);
  optional_number(json, "content_bytes", header_.content_bytes);
  optional_number(json, "dictionary_id", header_.dictionary_id);
  json.key("checksum");
  header_.checksum ? json.boolean(*header_.checksum) : json.null();
  json.key("accepted");
  json.boolean(!refused_because_);
  json.key("refused_because");
  refused_because_ ? json.string(core::to_string(*refused_because_)) : json.null();
  json.end_object();
  assert(json.size() > 0);
  answer_.set(core::Bytes(text_).first(json.size()));
  answered_ = true;
}

}  // namespace frdpu::server
