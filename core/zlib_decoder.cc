#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "core/deflate_header_reader.h"
#include "core/deflate_wrapper.h"
#include "core/raw_inflate.h"
#include "core/workspace.h"
#include "core/zlib_codec.h"

namespace frdpu::core {
namespace {

using Format = DeflateHeaderReader::Format;
using Kind = DeflateChecksum::Kind;

Format format_of(const FrameHeader& header) noexcept {
  if (header.coding == Coding::gzip) return Format::gzip;
  return header.raw ? Format::raw : Format::zlib;
}

Kind checksum_of(Format format) noexcept {
  return format == Format::gzip ? Kind::crc32 : format == Format::zlib ? Kind::adler32 : Kind::none;
}

std::size_t trailer_bytes(Format format) noexcept {
  return format == Format::gzip ? 8 : format == Format::zlib ? 4 : 0;
}

// What a workspace keeps prepared.
struct Inflaters {
  ZlibInflate streaming;
  WholeInflate whole;
};

// A body of more than this is streamed though it is at hand: no step may take long.
constexpr std::size_t kMaxWholeBytes = 64 * kKiB;

// Life: header, raw data, trailer, done. Any of them may come in pieces.
class ZlibDecoder final : public Decoder {
 public:
  ZlibDecoder(Format format, Inflaters& inflaters) noexcept
      : format_(format), header_(format), inflaters_(inflaters), checksum_(checksum_of(format)) {}

  [[nodiscard]] Result<Progress> step(Bytes input, MutableBytes output,
                                      Flush flush) noexcept override {
    Progress progress;
    auto state = advance(input, output, flush, progress);
    if (!state) {
      Error error = state.error();
      error.offset = consumed_ + progress.consumed + error.offset.value_or(0);
      return std::unexpected(error);
    }
    consumed_ += progress.consumed;
    progress.state = *state;
    if (progress.state == StepState::need_input && flush == Flush::finish) {
      return std::unexpected(Error{.code = Errc::truncated_input,
                                   .detail = "the input ends before the frame does",
                                   .offset = consumed_});
    }
    return progress;
  }

 private:
  // Errors carry an offset from what is in `progress`.
  Result<StepState> advance(Bytes input, MutableBytes output, Flush flush,
                            Progress& progress) noexcept {
    if (!header_.done()) {
      const auto taken = header_.take(input);
      if (!taken) {
        Error error = taken.error();
        error.offset = error.offset.value_or(0) - consumed_;
        return std::unexpected(error);
      }
      progress.consumed = *taken;
      if (!header_.done()) return StepState::need_input;
    }
    if (!body_done_) {
      const auto step = inflate(input.subspan(progress.consumed), output, flush);
      if (!step) return std::unexpected(step.error());
      progress.consumed += step->consumed;
      progress.produced = step->produced;
      if (step->state != StepState::done) return step->state;
      body_done_ = true;
    }
    return read_trailer(input, progress);
  }

  Result<Progress> inflate(Bytes input, MutableBytes output, Flush flush) noexcept {
    const bool whole = flush == Flush::finish && !body_begun_ && input.size() <= kMaxWholeBytes &&
                       checksum_of(format_) != Kind::none;
    body_begun_ = true;
    if (whole) {
      const Progress progress = inflaters_.whole.run(input, output);
      if (progress.state == StepState::done &&
          is_confirmed(output.first(progress.produced), input.subspan(progress.consumed))) {
        return progress;
      }
    }
    const auto step = inflaters_.streaming.run(input, output);
    if (step) count(output.first(step->produced));
    return step;
  }

  void count(Bytes content) noexcept {
    checksum_.update(content);
    content_bytes_ += content.size();
  }

  // Counts content that came out as a whole if the trailer behind it agrees. Where it does not, the
  // other decoder says what is wrong: which of the two was used must not show.
  bool is_confirmed(Bytes content, Bytes rest) noexcept {
    count(content);
    if (rest.size() >= trailer_bytes(format_) && trailer_matches(rest)) return true;
    checksum_ = DeflateChecksum(checksum_of(format_));
    content_bytes_ = 0;
    return false;
  }

  Result<StepState> read_trailer(Bytes input, Progress& progress) noexcept {
    const Bytes rest = input.subspan(progress.consumed);
    const std::size_t wanted = trailer_bytes(format_);
    const std::size_t taken = std::min(wanted - trailer_at_, rest.size());
    if (taken != 0) std::memcpy(trailer_.data() + trailer_at_, rest.data(), taken);
    trailer_at_ += taken;
    progress.consumed += taken;
    if (trailer_at_ < wanted) return StepState::need_input;
    if (!trailer_matches(trailer_)) {
      return fail(Errc::checksum_mismatch, "the content does not match its checksum and length");
    }
    return StepState::done;
  }

  [[nodiscard]] bool trailer_matches(Bytes trailer) const noexcept {
    const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(trailer[i]); };
    switch (format_) {
      case Format::raw:
        return true;
      case Format::zlib:
        return (at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3)) == checksum_.value();
      case Format::gzip:
        break;
    }
    return (at(3) << 24 | at(2) << 16 | at(1) << 8 | at(0)) == checksum_.value() &&
           (at(7) << 24 | at(6) << 16 | at(5) << 8 | at(4)) ==
               static_cast<std::uint32_t>(content_bytes_);
  }

  Format format_;
  DeflateHeaderReader header_;
  Inflaters& inflaters_;
  DeflateChecksum checksum_;
  bool body_begun_ = false;
  bool body_done_ = false;
  std::array<std::byte, 8> trailer_{};
  std::size_t trailer_at_ = 0;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t consumed_ = 0;
};

// Finds the prepared state behind the header of the workspace, or makes it.
Result<Inflaters*> place_inflaters(Workspace& workspace, MutableBytes region) noexcept {
  static constexpr PreparedFor kKey{.coding = Coding::deflate, .direction = Direction::decompress};
  if (workspace.is_prepared_for(kKey)) {
    workspace.rewind();
    auto* const inflaters =
        std::launder(reinterpret_cast<Inflaters*>(region.data() + Workspace::kHeaderBytes));
    if (auto ready = inflaters->streaming.reset(); !ready) {
      workspace.clear();
      return std::unexpected(ready.error());
    }
    return inflaters;
  }
  workspace.clear();
  auto* const inflaters = workspace.emplace<Inflaters>();
  if (inflaters == nullptr) return fail(Errc::invalid_size, "no room for an inflater");
  if (auto made = inflaters->streaming.prepare(workspace); !made) {
    return std::unexpected(made.error());
  }
  if (auto made = inflaters->whole.prepare(workspace); !made) return std::unexpected(made.error());
  if (auto ready = inflaters->streaming.reset(); !ready) return std::unexpected(ready.error());
  workspace.seal(kKey);
  return inflaters;
}

}  // namespace

std::size_t zlib_decoder_workspace_bytes(const FrameHeader& header) noexcept {
  static_cast<void>(header);
  return Workspace::kHeaderBytes + Workspace::room_for(sizeof(Inflaters)) +
         ZlibInflate::arena_bytes() + WholeInflate::arena_bytes() +
         Workspace::room_for(sizeof(ZlibDecoder));
}

Result<Decoder*> place_zlib_decoder(const FrameHeader& header, const Dictionary* dictionary,
                                    MutableBytes region) noexcept {
  static_cast<void>(dictionary);  // ours are zstd's and lz4's
  if (header.dictionary_id) {
    return fail(Errc::missing_dictionary, "a zlib stream with a preset dictionary");
  }
  auto opened = Workspace::open(region);
  if (!opened) return std::unexpected(opened.error());
  auto inflaters = place_inflaters(**opened, region);
  if (!inflaters) return std::unexpected(inflaters.error());
  auto* const decoder = (*opened)->emplace<ZlibDecoder>(format_of(header), **inflaters);
  if (decoder == nullptr) return fail(Errc::invalid_size, "no room for this decoder");
  return decoder;
}

}  // namespace frdpu::core
