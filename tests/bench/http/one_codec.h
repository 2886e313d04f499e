#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/block_chain.h"
#include "core/codec_factory.h"
#include "core/frame_header.h"
#include "tests/support/codec_driver.h"

namespace frdpu::bench {

[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

/// One codec at one setting, for bodies of one size, driven as the service drives it: up to 64 KiB
/// at once, where an encoder may know that it has everything; more in blocks of 64 KiB in and out,
/// with the size known beforehand. The workspace is used again and again. Ends the program on any
/// failure.
class OneCodec {
 public:
  /// `example` is a body of that size; `direction` is "compress" or "decompress".
  OneCodec(const char* direction, const char* coding, const char* level, core::Bytes example)
      : encodes_(std::strcmp(direction, "compress") == 0),
        params_{.coding = coding_of(coding),
                .level = std::atoi(level),
                .content_bytes = example.size(),
                .whole = example.size() <= core::k64kBlockBytes},
        workspace_(workspace_bytes(example)) {}

  /// Room for a result of run(), or for a piece of one that is not whole.
  [[nodiscard]] std::size_t room_bytes() const {
    return encodes_ && params_.whole
               ? core::encoder_bound(params_.coding,
                                     static_cast<std::size_t>(*params_.content_bytes))
               : core::k64kBlockBytes;
  }

  /// Returns: the size of the result, of which `room` has the last piece.
  std::size_t run(core::Bytes body, core::MutableBytes room) {
    if (encodes_) {
      const auto placed = core::place_encoder(params_, workspace_.bytes());
      if (!placed) die("no encoder");
      const test::Placed<core::Encoder> encoder(*placed);
      return drive(*encoder, body, room);
    }
    const auto placed = core::place_decoder(header_of(body), nullptr, workspace_.bytes());
    if (!placed) die("no decoder");
    const test::Placed<core::Decoder> decoder(*placed);
    return drive(*decoder, body, room);
  }

 private:
  static core::Coding coding_of(const char* name) {
    for (const core::CodingTraits& known : core::all_codings()) {
      if (known.name == name) return known.coding;
    }
    die("unknown coding");
  }

  [[nodiscard]] core::FrameHeader header_of(core::Bytes body) const {
    const auto header = core::parse_frame_header(params_.coding, body, true);
    if (!header || !*header) die("no frame");
    return **header;
  }

  [[nodiscard]] std::size_t workspace_bytes(core::Bytes example) const {
    if (!encodes_) return std::max<std::size_t>(header_of(example).workspace_bytes, 64);
    const auto needed = core::encoder_workspace_bytes(params_);
    if (!needed) die("bad parameters");
    return std::max<std::size_t>(*needed, 64);
  }

  static std::size_t drive(core::Transform& codec, core::Bytes input, core::MutableBytes room) {
    std::size_t produced = 0;
    for (;;) {
      const core::Bytes piece = input.first(std::min(input.size(), core::k64kBlockBytes));
      const bool last = piece.size() == input.size();
      const auto step = codec.step(piece, room, last ? core::Flush::finish : core::Flush::none);
      if (!step) die("the codec failed");
      input = input.subspan(step->consumed);
      produced += step->produced;
      if (step->state == core::StepState::done) return produced;
    }
  }

  bool encodes_;
  core::EncoderParams params_;
  test::AlignedRegion workspace_;
};

}  // namespace frdpu::bench
