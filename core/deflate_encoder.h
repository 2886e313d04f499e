#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "core/codec.h"
#include "core/deflate_wrapper.h"

/// The encoder of gzip and deflate: a wrapper around whatever library writes the raw data.
namespace frdpu::core {

/// Size of `input_bytes` as stored blocks of up to 65,535 bytes, the way out when data does not
/// compress. Source: RFC 1951, 3.2.4.
[[nodiscard]] constexpr std::size_t stored_deflate_bytes(std::size_t input_bytes) noexcept {
  return input_bytes + 5 * std::max<std::size_t>((input_bytes + 65534) / 65535, 1);
}

/// Writes raw data that only stores. Requires: room for `stored_deflate_bytes()`.
/// Returns: bytes written.
std::size_t write_stored_deflate(Bytes input, MutableBytes output) noexcept;

/// Life: header, raw data, trailer; or all three in one step for a whole body.
/// `Raw` is one of raw_deflate.h. Ownership: the raw object stays with the workspace.
template <class Raw>
class DeflateEncoder final : public Encoder {
 public:
  DeflateEncoder(const EncoderParams& params, std::uint32_t window_bytes, Raw& raw) noexcept
      : raw_(raw),
        wrapper_(params.coding, params.level, window_bytes),
        pledged_bytes_(params.content_bytes),
        whole_(params.whole),
        pending_(wrapper_.header()) {}

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    if (whole_) return step_whole(input, output, flush);
    Progress progress;
    progress.produced = write_pending(output);
    if (pending_.empty() && !body_done_) {
      if (auto done = step_body(input, output.subspan(progress.produced), flush); !done) {
        return done;
      } else {
        progress.consumed = done->consumed;
        progress.produced += done->produced;
        progress.state = done->state;
      }
      if (body_done_) progress.produced += write_pending(output.subspan(progress.produced));
    }
    if (!pending_.empty()) {
      progress.state = StepState::need_output;
    } else if (body_done_) {
      progress.state = StepState::done;
    }
    return progress;
  }

 private:
  Result<Progress> step_body(Bytes input, MutableBytes output, Flush flush) noexcept {
    // A second flush in a row would only add empty blocks.
    if (flush == Flush::flush && input.empty() && !holds_) return Progress{};
    auto progress = raw_.run(input, output, flush);
    if (!progress) return progress;
    wrapper_.update(input.first(progress->consumed));
    holds_ = flush != Flush::flush || progress->state == StepState::need_output;
    body_done_ = progress->state == StepState::done;
    if (auto kept = check_pledge(body_done_); !kept) return std::unexpected(kept.error());
    if (body_done_) pending_ = wrapper_.trailer();
    return progress;
  }

  Result<Progress> step_whole(Bytes input, MutableBytes output, Flush flush) noexcept {
    if (flush != Flush::finish) {
      return fail(Errc::internal_error, "a whole body comes in one step");
    }
    std::size_t at = write_pending(output);
    const std::size_t around = at + DeflateWrapper::kMaxTrailerBytes;
    if (!pending_.empty() || output.size() < around + stored_deflate_bytes(input.size())) {
      return fail(Errc::invalid_size, "a whole body needs output room for its bound");
    }
    wrapper_.update(input);
    if (auto kept = check_pledge(true); !kept) return std::unexpected(kept.error());
    const MutableBytes body = output.subspan(at, output.size() - around);
    const auto progress = raw_.run(input, body, Flush::finish);
    if (!progress) return progress;
    at +=
        progress->state == StepState::done ? progress->produced : write_stored_deflate(input, body);
    pending_ = wrapper_.trailer();
    at += write_pending(output.subspan(at));
    return Progress{input.size(), at, StepState::done};
  }

  std::size_t write_pending(MutableBytes output) noexcept {
    const std::size_t bytes = std::min(pending_.size(), output.size());
    if (bytes != 0) std::memcpy(output.data(), pending_.data(), bytes);
    pending_ = pending_.subspan(bytes);
    return bytes;
  }

  Result<void> check_pledge(bool ended) const noexcept {
    const std::uint64_t seen = wrapper_.content_bytes();
    if (!pledged_bytes_ || seen == *pledged_bytes_ || (seen < *pledged_bytes_ && !ended)) return {};
    return std::unexpected(Error{.code = Errc::invalid_size,
                                 .detail = "the input is not as long as was pledged",
                                 .limit = *pledged_bytes_,
                                 .observed = seen});
  }

  Raw& raw_;
  DeflateWrapper wrapper_;
  std::optional<std::uint64_t> pledged_bytes_;
  bool whole_;
  bool holds_ = false;      // the library may hold input that a flush would bring out
  bool body_done_ = false;  // only (the rest of) the trailer is left
  Bytes pending_;           // of header or trailer, not written yet
};

}  // namespace frdpu::core
