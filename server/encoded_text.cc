#include "server/encoded_text.h"

#include <memory>
#include <new>

#include "core/codec_factory.h"
#include "core/workspace.h"

namespace frdpu::server {
namespace {

constexpr std::align_val_t kAlignment{64};
struct FreeAligned {
  void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, kAlignment); }
};
struct DestroyOnly {
  void operator()(core::Encoder* encoder) const noexcept { encoder->~Encoder(); }
};

}  // namespace

core::Result<std::string> encoded_text(core::Coding coding, std::string_view text) {
  const core::EncoderParams params{.coding = coding,
                                   .level = static_cast<int>(core::traits(coding).levels.min),
                                   .window_bytes = 0,
                                   .content_bytes = text.size(),
                                   .whole = true,
                                   .dictionary = nullptr};
  const auto bytes = core::encoder_workspace_bytes(params);
  if (!bytes) return std::unexpected(bytes.error());
  const std::unique_ptr<std::byte, FreeAligned> memory(
      static_cast<std::byte*>(::operator new[](*bytes, kAlignment)));
  const core::MutableBytes region(memory.get(), *bytes);
  core::Workspace::format(region);
  const auto placed = core::place_encoder(params, region);
  if (!placed) return std::unexpected(placed.error());
  const std::unique_ptr<core::Encoder, DestroyOnly> encoder(*placed);
  std::string out(core::encoder_bound(coding, text.size()), '\0');
  const auto done = encoder->step(core::as_bytes(text), std::as_writable_bytes(std::span(out)),
                                  core::Flush::finish);
  if (!done) return std::unexpected(done.error());
  if (done->state != core::StepState::done) {
    return core::fail(core::Errc::internal_error, "a text did not fit its bound");
  }
  out.resize(done->produced);
  return out;
}

}  // namespace frdpu::server
