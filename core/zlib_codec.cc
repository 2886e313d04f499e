#include "core/zlib_codec.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/deflate_encoder.h"
#include "core/raw_deflate.h"
#include "core/workspace.h"

namespace frdpu::core {
namespace {

constexpr std::uint32_t kMaxWindowBytes = 32768;
constexpr std::uint64_t kUnknownBytes = std::numeric_limits<std::uint64_t>::max() / 2;

// Up to here our engine takes less time than ISA-L at level 1, and gains the most over libdeflate
// at level 2. Source: measured, core/README.md.
constexpr std::uint64_t kTinyBodyBytes = 8 * kKiB;
constexpr std::uint64_t kSmallBodyBytes = 16 * kKiB;

enum class Library : std::uint8_t { isal, zlib, whole, engine };

struct Plan {
  Library library = Library::zlib;
  int level = 6;  // the library's own
  std::uint32_t window_bytes = kMaxWindowBytes;
};

Plan make_plan(const EncoderParams& params) noexcept {
  Plan plan{.level = params.level};
  if (params.window_bytes != 0) {
    plan.window_bytes = std::min(std::bit_floor(params.window_bytes), kMaxWindowBytes);
  }
  const std::uint64_t content = params.content_bytes.value_or(kUnknownBytes);
  // libdeflate knows no window but the largest.
  const bool one_shot =
      params.whole && (plan.window_bytes == kMaxWindowBytes || content <= plan.window_bytes);
  const bool small = content <= kSmallBodyBytes;
  if (params.level > 3) {
    plan.library = one_shot ? Library::whole : Library::zlib;
  } else if (one_shot && params.level == 1 && content <= kTinyBodyBytes) {
    plan.library = Library::engine;
  } else if (one_shot && params.level == (small ? 2 : 3)) {
    plan.library = Library::engine;
    plan.level = 3;
  } else {
    plan.library = one_shot && params.level == 3 ? Library::whole : Library::isal;
  }
  return plan;
}

template <class Raw>
constexpr std::size_t object_bytes() noexcept {
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(Raw)) +
         Workspace::room_for(sizeof(DeflateEncoder<Raw>));
}

// Both states are the same for gzip and deflate.
PreparedFor key_for(const Plan& plan) noexcept {
  const bool zlib = plan.library == Library::zlib;
  return {.coding = Coding::deflate,
          .direction = Direction::compress,
          .level = static_cast<std::int16_t>(zlib ? 0 : plan.level),
          .window_bytes = zlib ? plan.window_bytes : 0,
          .variant = static_cast<std::uint64_t>(plan.library)};
}

std::unexpected<Error> no_room() noexcept {
  return fail(Errc::invalid_size, "the workspace is too small for this encoder");
}

Result<IsalDeflate*> place_isal(const EncoderParams& params, const Plan& plan,
                                Workspace& workspace) noexcept {
  workspace.clear();
  const std::size_t bytes =
      IsalDeflate::level_buffer_bytes(plan.level, params.content_bytes.value_or(kUnknownBytes));
  auto* const buffer = static_cast<std::byte*>(workspace.allocate(bytes, 64));
  if (buffer == nullptr) return no_room();
  auto* const raw =
      workspace.emplace<IsalDeflate>(plan.level, plan.window_bytes, MutableBytes(buffer, bytes));
  if (raw == nullptr) return no_room();
  return raw;
}

Result<EngineDeflate*> place_engine(const EncoderParams& params, const Plan& plan,
                                    Workspace& workspace) noexcept {
  workspace.clear();
  const std::uint64_t content = params.content_bytes.value_or(kUnknownBytes);
  const std::size_t bytes = EngineDeflate::buffer_bytes(plan.level, content);
  auto* const buffer = static_cast<std::byte*>(workspace.allocate(bytes, 64));
  if (buffer == nullptr) return no_room();
  auto* const raw = workspace.emplace<EngineDeflate>(plan.level, content, plan.window_bytes,
                                                     MutableBytes(buffer, bytes));
  if (raw == nullptr) return no_room();
  return raw;
}

// Finds the prepared object behind the header, or makes it: always the first in the arena.
template <class Raw, class Prepare>
Result<Raw*> place_prepared(const Plan& plan, Workspace& workspace, MutableBytes region,
                            Prepare prepare) noexcept {
  const PreparedFor key = key_for(plan);
  if (workspace.is_prepared_for(key)) {
    workspace.rewind();
    return std::launder(reinterpret_cast<Raw*>(region.data() + Workspace::kHeaderBytes));
  }
  workspace.clear();
  Raw* const raw = workspace.emplace<Raw>();
  if (raw == nullptr) return no_room();
  if (Result<void> made = prepare(*raw); !made) return std::unexpected(made.error());
  workspace.seal(key);
  return raw;
}

template <class Raw>
Result<Encoder*> wrap(const EncoderParams& params, const Plan& plan, Workspace& workspace,
                      Result<Raw*> raw) noexcept {
  if (!raw) return std::unexpected(raw.error());
  auto* const encoder = workspace.emplace<DeflateEncoder<Raw>>(params, plan.window_bytes, **raw);
  if (encoder == nullptr) return no_room();
  return encoder;
}

}  // namespace

std::size_t zlib_encoder_workspace_bytes(const EncoderParams& params) noexcept {
  if (params.level < 1 || params.level > 9) return 0;
  const Plan plan = make_plan(params);
  switch (plan.library) {
    case Library::isal:
      return object_bytes<IsalDeflate>() +
             Workspace::room_for(IsalDeflate::level_buffer_bytes(
                 plan.level, params.content_bytes.value_or(kUnknownBytes)));
    case Library::engine:
      return object_bytes<EngineDeflate>() +
             Workspace::room_for(EngineDeflate::buffer_bytes(
                 plan.level, params.content_bytes.value_or(kUnknownBytes)));
    case Library::zlib:
      return object_bytes<ZlibDeflate>() + ZlibDeflate::arena_bytes(plan.window_bytes);
    case Library::whole:
      return object_bytes<WholeDeflate>() + WholeDeflate::arena_bytes(plan.level);
  }
  return 0;
}

Result<Encoder*> place_zlib_encoder(const EncoderParams& params, MutableBytes region) noexcept {
  if (params.level < 1 || params.level > 9) return fail(Errc::invalid_level);
  if (params.window_bytes != 0 && params.window_bytes < 512) return fail(Errc::invalid_window);
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  Workspace& workspace = **opened;
  const Plan plan = make_plan(params);
  if (plan.library == Library::isal) {
    return wrap(params, plan, workspace, place_isal(params, plan, workspace));
  }
  if (plan.library == Library::engine) {
    return wrap(params, plan, workspace, place_engine(params, plan, workspace));
  }
  if (plan.library == Library::whole) {
    const auto prepare = [&](WholeDeflate& raw) { return raw.prepare(plan.level, workspace); };
    return wrap(params, plan, workspace,
                place_prepared<WholeDeflate>(plan, workspace, region, prepare));
  }
  const auto prepare = [&](ZlibDeflate& raw) { return raw.prepare(plan.window_bytes, workspace); };
  auto raw = place_prepared<ZlibDeflate>(plan, workspace, region, prepare);
  if (raw) {
    if (auto ready = (*raw)->reset(params.level); !ready) {
      workspace.clear();
      return std::unexpected(ready.error());
    }
  }
  return wrap(params, plan, workspace, raw);
}

// libdeflate ends a block every 5,000 bytes at most and may store it. zlib with a small window ends
// one every 16,383 symbols, and its stored fallback needs the block still in the window: what does
// not compress then costs a dynamic tree, at most 80 bytes (257 code lengths of 7 to 9 bits).
// The rest is what is kept free behind the output, and the wrapper.
std::size_t zlib_bound(std::size_t input_bytes) noexcept {
  const std::size_t stored = 5 * (input_bytes / 5000 + 2);
  const std::size_t trees = 80 * (input_bytes / 16383 + 1);
  return input_bytes + std::max(stored, trees) + 16 + DeflateWrapper::kMaxHeaderBytes +
         DeflateWrapper::kMaxTrailerBytes;
}

}  // namespace frdpu::core
