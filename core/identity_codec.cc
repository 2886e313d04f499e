#include "core/identity_codec.h"

#include <algorithm>
#include <cstring>

#include "core/workspace.h"

namespace frdpu::core {
namespace {

Progress copy(Bytes input, MutableBytes output, Flush flush) noexcept {
  const std::size_t bytes = std::min(input.size(), output.size());
  if (bytes != 0) std::memcpy(output.data(), input.data(), bytes);
  Progress progress{bytes, bytes, StepState::need_output};
  if (bytes == input.size()) {
    progress.state = flush == Flush::finish ? StepState::done : StepState::need_input;
  }
  return progress;
}

class IdentityEncoder final : public Encoder {
 public:
  explicit IdentityEncoder(const EncoderParams& params) noexcept
      : pledged_bytes_(params.content_bytes) {}

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    const Progress progress = copy(input, output, flush);
    total_bytes_ += progress.consumed;
    if (pledged_bytes_ && (total_bytes_ > *pledged_bytes_ || (progress.state == StepState::done &&
                                                              total_bytes_ != *pledged_bytes_))) {
      return fail(Errc::invalid_size, "the input is not as long as was pledged");
    }
    return progress;
  }

 private:
  std::optional<std::uint64_t> pledged_bytes_;
  std::uint64_t total_bytes_ = 0;
};

class IdentityDecoder final : public Decoder {
 public:
  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    return copy(input, output, flush);
  }
};

template <class T, class Interface, class... Args>
Result<Interface*> place(MutableBytes region, const Args&... args) noexcept {
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  (*opened)->clear();
  T* object = (*opened)->emplace<T>(args...);
  if (object == nullptr) return fail(Errc::invalid_size, "the workspace is too small");
  return object;
}

}  // namespace

std::size_t identity_encoder_workspace_bytes(const EncoderParams&) noexcept {
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(IdentityEncoder));
}

Result<Encoder*> place_identity_encoder(const EncoderParams& params,
                                        MutableBytes workspace) noexcept {
  return place<IdentityEncoder, Encoder>(workspace, params);
}

std::size_t identity_decoder_workspace_bytes(const FrameHeader&) noexcept {
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(IdentityDecoder));
}

Result<Decoder*> place_identity_decoder(const FrameHeader&, const Dictionary*,
                                        MutableBytes workspace) noexcept {
  return place<IdentityDecoder, Decoder>(workspace);
}

std::size_t identity_bound(std::size_t input_bytes) noexcept {
  return input_bytes;
}

}  // namespace frdpu::core
