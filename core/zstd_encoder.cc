#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <new>
#include <utility>

#include "core/dictionary.h"
#include "core/workspace.h"
#include "core/zstd_codec.h"

namespace frdpu::core {
namespace {

// An unknown size is planned for as this: large enough to leave every window as it is, and yet
// "known", so that libzstd shrinks its tables to the window.
constexpr unsigned long long kAnyLargeSize = 1ULL << 30;

// Long bodies at level 1 see 1 MiB back instead of libzstd's 512 KiB, and have twice its hashes:
// smaller by 2 to 17 % for the same time, and for less where the window then need not wrap around.
// Source: measured, core/README.md.
constexpr unsigned long long kFastFromBytes = 512 * kKiB;
constexpr unsigned kFastWindowLog = 20;
constexpr unsigned kFastHashLog = 15;

// For payloads of up to so many bytes a dictionary is digested once, and stays in the workspace for
// the next one: of 1,400 B with 112,640 B of dictionary level 3 takes 5 us instead of 53, at 0.99
// of the size. Making the digest costs as much as 3 to 10 payloads did, so that who takes turns
// between dictionaries pays for it each time. For larger payloads it gains little.
// Source: measured, core/README.md.
constexpr unsigned long long kDigestUpToBytes = 16 * kKiB;

// All that libzstd needs to be told; explicit, so that the estimate and the use cannot differ.
struct Plan {
  ZSTD_compressionParameters cparams;
  bool row_match_finder;
  std::size_t digest_bytes;  // of memory; 0: none is made
};

// One set of parameters for all small payloads, so that they can have the digest in common.
Plan make_digest_plan(const EncoderParams& params) noexcept {
  const std::size_t dictionary_bytes = params.dictionary->content().size();
  Plan plan{};
  plan.cparams = ZSTD_getCParams(params.level, kDigestUpToBytes, dictionary_bytes);
  if (params.window_bytes != 0) {
    plan.cparams.windowLog =
        std::max(static_cast<unsigned>(std::bit_width(params.window_bytes)) - 1, 10u);
  }
  plan.cparams = ZSTD_adjustCParams(plan.cparams, kDigestUpToBytes, dictionary_bytes);
  plan.digest_bytes =
      ZSTD_estimateCDictSize_advanced(dictionary_bytes, plan.cparams, ZSTD_dlm_byRef);
  return plan;
}

Plan make_plan(const EncoderParams& params) noexcept {
  if (params.dictionary && params.content_bytes && *params.content_bytes <= kDigestUpToBytes) {
    return make_digest_plan(params);
  }
  // To libzstd a size of 0 means unknown.
  const unsigned long long size =
      params.content_bytes ? std::clamp<unsigned long long>(*params.content_bytes, 1, kAnyLargeSize)
                           : ZSTD_CONTENTSIZE_UNKNOWN;
  const std::size_t dictionary_bytes = params.dictionary ? params.dictionary->content().size() : 0;
  Plan plan{};
  plan.digest_bytes = 0;
  plan.cparams = ZSTD_getCParams(params.level, size, dictionary_bytes);
  if (params.window_bytes != 0) {
    plan.cparams.windowLog =
        std::max(static_cast<unsigned>(std::bit_width(params.window_bytes)) - 1, 10u);
  } else if (params.level == 1 && !params.dictionary && size > kFastFromBytes) {
    plan.cparams.windowLog = kFastWindowLog;
  }
  if (params.level == 1 && size > kFastFromBytes && plan.cparams.windowLog >= kFastWindowLog) {
    plan.cparams.hashLog = kFastHashLog;
  }
  plan.cparams = ZSTD_adjustCParams(plan.cparams, params.content_bytes ? size : kAnyLargeSize,
                                    dictionary_bytes);
  // libzstd's own rule on machines with vector instructions.
  plan.row_match_finder = plan.cparams.strategy >= ZSTD_greedy &&
                          plan.cparams.strategy <= ZSTD_lazy2 && plan.cparams.windowLog > 14;
  return plan;
}

std::size_t context_bytes(const EncoderParams& params, const Plan& plan) noexcept {
  ZSTD_compressionParameters cparams = plan.cparams;
  // What a digest has tables for, the context needs none for.
  if (plan.digest_bytes != 0) cparams = ZSTD_adjustCParams(cparams, kDigestUpToBytes, 0);
  // The estimate takes the larger of "with rows" and "with chains". Steer it to the one in use:
  // rows have no chain table, and of strategies without rows only opt ones need more than dfast.
  if (plan.digest_bytes != 0) {
    // libzstd decides by itself.
  } else if (plan.row_match_finder) {
    cparams.chainLog = ZSTD_CHAINLOG_MIN;
  } else if (cparams.strategy >= ZSTD_greedy && cparams.strategy <= ZSTD_lazy2) {
    cparams.strategy = ZSTD_dfast;
  }
  std::size_t bytes = ZSTD_estimateCCtxSize_usingCParams(cparams);
  if (ZSTD_isError(bytes)) return 0;
  if (!params.whole) {
    const std::uint64_t window = std::min<std::uint64_t>(
        std::uint64_t{1} << cparams.windowLog,
        std::max<std::uint64_t>(params.content_bytes.value_or(UINT64_MAX), 1));
    const auto block =
        static_cast<std::size_t>(std::min<std::uint64_t>(window, ZSTD_BLOCKSIZE_MAX));
    bytes += static_cast<std::size_t>(window) + block + ZSTD_compressBound(block) + 1;
  }
  return bytes;
}

Error to_error(std::size_t code) noexcept {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_srcSize_wrong:
      return {.code = Errc::invalid_size, .detail = "the input is not as long as was pledged"};
    case ZSTD_error_dstSize_tooSmall:
      return {.code = Errc::invalid_size, .detail = "a whole body needs output room for its bound"};
    case ZSTD_error_dictionary_corrupted:
    case ZSTD_error_dictionary_wrong:
      return {.code = Errc::invalid_parameter, .detail = "the dictionary is broken"};
    default:
      return {.code = Errc::internal_error, .detail = ZSTD_getErrorName(code)};
  }
}

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder(ZSTD_CCtx* context, Workspace* workspace, const EncoderParams& params) noexcept
      : context_(context),
        workspace_(workspace),
        content_bytes_(params.content_bytes),
        whole_(params.whole) {}

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    if (whole_) return step_whole(input, output, flush);
    if (output.empty()) return Progress{.state = StepState::need_output};
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const ZSTD_EndDirective directive = flush == Flush::finish  ? ZSTD_e_end
                                        : flush == Flush::flush ? ZSTD_e_flush
                                                                : ZSTD_e_continue;
    const std::size_t held = ZSTD_compressStream2(context_, &out, &in, directive);
    if (ZSTD_isError(held)) return broken(held);
    Progress progress{in.pos, out.pos, StepState::need_input};
    if (flush == Flush::none) {
      if (in.pos < in.size) progress.state = StepState::need_output;
    } else if (held != 0) {
      progress.state = StepState::need_output;
    } else if (flush == Flush::finish) {
      progress.state = StepState::done;
    }
    return progress;
  }

  [[nodiscard]] std::uint64_t held_bytes() const noexcept override {
    if (whole_) return 0;
    const ZSTD_frameProgression progression = ZSTD_getFrameProgression(context_);
    return progression.ingested - progression.consumed;
  }

 private:
  // Straight between the views: no window buffer, no copy.
  Result<Progress> step_whole(Bytes input, MutableBytes output, Flush flush) noexcept {
    if (flush != Flush::finish) {
      return fail(Errc::internal_error, "a whole body comes in one step");
    }
    if (content_bytes_ && *content_bytes_ != input.size()) {
      return fail(Errc::invalid_size, "the input is not as long as was pledged");
    }
    const std::size_t size =
        ZSTD_compress2(context_, output.data(), output.size(), input.data(), input.size());
    if (ZSTD_isError(size)) return broken(size);
    return Progress{input.size(), size, StepState::done};
  }

  // What a failed context holds is nobody's to reset.
  std::unexpected<Error> broken(std::size_t code) noexcept {
    workspace_->clear();
    return std::unexpected(to_error(code));
  }

  ZSTD_CCtx* context_;
  Workspace* workspace_;
  std::optional<std::uint64_t> content_bytes_;
  bool whole_;
};

std::size_t configure(ZSTD_CCtx* context, const EncoderParams& params, const Plan& plan) noexcept {
  struct Setting {
    ZSTD_cParameter name;
    unsigned value;
  };
  const ZSTD_compressionParameters& c = plan.cparams;
  std::size_t code = ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  for (const Setting& setting : {
           Setting{ZSTD_c_compressionLevel, static_cast<unsigned>(params.level)},
           Setting{ZSTD_c_windowLog, c.windowLog},
           Setting{ZSTD_c_hashLog, c.hashLog},
           Setting{ZSTD_c_chainLog, c.chainLog},
           Setting{ZSTD_c_searchLog, c.searchLog},
           Setting{ZSTD_c_minMatch, c.minMatch},
           Setting{ZSTD_c_targetLength, c.targetLength},
           Setting{ZSTD_c_strategy, static_cast<unsigned>(c.strategy)},
           Setting{ZSTD_c_useRowMatchFinder,
                   static_cast<unsigned>(plan.row_match_finder ? ZSTD_ps_enable : ZSTD_ps_disable)},
           // Would come by itself with windows of 128 MiB, and its tables are in no estimate.
           Setting{ZSTD_c_enableLongDistanceMatching, static_cast<unsigned>(ZSTD_ps_disable)},
           Setting{ZSTD_c_checksumFlag, 1u},
       }) {
    if (ZSTD_isError(code)) return code;
    code = ZSTD_CCtx_setParameter(context, setting.name, static_cast<int>(setting.value));
  }
  // ZSTD_compress2 pledges what it is handed.
  if (!ZSTD_isError(code) && params.content_bytes && !params.whole) {
    code = ZSTD_CCtx_setPledgedSrcSize(context, *params.content_bytes);
  }
  if (!ZSTD_isError(code) && params.dictionary != nullptr) {
    const Bytes content = params.dictionary->content();
    code = ZSTD_CCtx_refPrefix_advanced(context, content.data(), content.size(), ZSTD_dct_auto);
  }
  return code;
}

// The digest decides about everything but the window.
std::size_t configure_with_digest(ZSTD_CCtx* context, const EncoderParams& params, const Plan& plan,
                                  const ZSTD_CDict* digest) noexcept {
  std::size_t code = ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  for (const auto& [name, value] :
       {std::pair{ZSTD_c_windowLog, static_cast<int>(plan.cparams.windowLog)},
        std::pair{ZSTD_c_forceAttachDict, static_cast<int>(ZSTD_dictForceAttach)},
        std::pair{ZSTD_c_checksumFlag, 1}}) {
    if (ZSTD_isError(code)) return code;
    code = ZSTD_CCtx_setParameter(context, name, value);
  }
  if (!ZSTD_isError(code) && !params.whole) {
    code = ZSTD_CCtx_setPledgedSrcSize(context, *params.content_bytes);
  }
  return ZSTD_isError(code) ? code : ZSTD_CCtx_refCDict(context, digest);
}

// Below the seal: where the digest is, in front of its memory.
struct Digest {
  const ZSTD_CDict* digest;
};

constexpr std::size_t kObjectRoom = Workspace::room_for(sizeof(ZstdEncoder));
constexpr std::size_t kDigestRoom = Workspace::room_for(sizeof(Digest));

std::size_t digest_room(const Plan& plan) noexcept {
  return plan.digest_bytes == 0 ? 0 : kDigestRoom + Workspace::room_for(plan.digest_bytes);
}

// One key for all without a digest: a context takes every level, window and size that its memory is
// enough for.
PreparedFor key_for(const EncoderParams& params, const Plan& plan) noexcept {
  if (plan.digest_bytes == 0) return {.coding = Coding::zstd, .direction = Direction::compress};
  return {.coding = Coding::zstd,
          .direction = Direction::compress,
          .level = static_cast<std::int16_t>(params.level),
          .window_bytes = 1u << plan.cparams.windowLog,
          .variant = params.dictionary->serial()};
}

}  // namespace

std::size_t zstd_encoder_workspace_bytes(const EncoderParams& params) noexcept {
  if (params.level < 1 || params.level > ZSTD_maxCLevel()) return 0;
  const Plan plan = make_plan(params);
  const std::size_t context = context_bytes(params, plan);
  if (context == 0) return 0;
  return Workspace::kHeaderBytes + kObjectRoom + digest_room(plan) + Workspace::room_for(context);
}

std::uint32_t zstd_window_bytes(const EncoderParams& params) noexcept {
  return 1u << make_plan(params).cparams.windowLog;
}

Result<Encoder*> place_zstd_encoder(const EncoderParams& params, MutableBytes region) noexcept {
  const Plan plan = make_plan(params);
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  Workspace* workspace = *opened;
  std::byte* const object = region.data() + Workspace::kHeaderBytes;
  std::byte* const digest = object + kObjectRoom;
  std::byte* const state = digest + digest_room(plan);
  const std::size_t before_state = Workspace::kHeaderBytes + kObjectRoom + digest_room(plan);
  if (region.size() < before_state + context_bytes(params, plan)) {
    return fail(Errc::invalid_size, "the workspace is too small for this zstd encoder");
  }
  ZSTD_CCtx* context = nullptr;
  const PreparedFor key = key_for(params, plan);
  if (workspace->is_prepared_for(key)) {
    workspace->rewind();
    context = reinterpret_cast<ZSTD_CCtx*>(state);
  } else {
    workspace->clear();
    // Takes the whole rest, so that the next user may have other parameters.
    const std::size_t state_bytes = region.size() - before_state;
    if (workspace->allocate(kObjectRoom + digest_room(plan), 64) != object ||
        workspace->allocate(state_bytes, 64) != state) {
      return fail(Errc::internal_error, "the workspace's layout is broken");
    }
    if (plan.digest_bytes != 0) {
      const Bytes content = params.dictionary->content();
      const ZSTD_CDict* made =
          ZSTD_initStaticCDict(digest + kDigestRoom, plan.digest_bytes, content.data(),
                               content.size(), ZSTD_dlm_byRef, ZSTD_dct_auto, plan.cparams);
      if (made == nullptr) return fail(Errc::invalid_parameter, "the dictionary is broken");
      ::new (static_cast<void*>(digest)) Digest{made};
    }
    context = ZSTD_initStaticCCtx(state, state_bytes);
    if (context == nullptr) return fail(Errc::invalid_size, "no room for a zstd context");
    workspace->seal(key);
  }
  const std::size_t code =
      plan.digest_bytes == 0
          ? configure(context, params, plan)
          : configure_with_digest(context, params, plan,
                                  std::launder(reinterpret_cast<Digest*>(digest))->digest);
  if (ZSTD_isError(code)) {
    workspace->clear();
    return std::unexpected(to_error(code));
  }
  return ::new (static_cast<void*>(object)) ZstdEncoder(context, workspace, params);
}

std::size_t zstd_bound(std::size_t input_bytes) noexcept {
  return ZSTD_compressBound(input_bytes);
}

const char* zstd_library_version() noexcept {
  return ZSTD_versionString();
}

}  // namespace frdpu::core
