#include "core/engine/lz4_frame_header.h"

#include "core/engine/frame_decoder.h"
#include "core/engine/xxhash32.h"

namespace frdpu::core {
namespace {

using lz4::load_le32;
using Parsed = Result<std::optional<FrameHeader>>;

std::unexpected<Error> corrupt(const char* detail, std::size_t offset) noexcept {
  return std::unexpected<Error>(
      Error{.code = Errc::corrupt_input, .detail = detail, .offset = offset});
}

/// The answer to a prefix that is too short.
Parsed too_short(Bytes prefix, bool input_ends) noexcept {
  if (!input_ends) return std::optional<FrameHeader>{};
  return std::unexpected<Error>(Error{.code = Errc::truncated_input,
                                      .detail = "the input ends within an LZ4 frame header",
                                      .offset = prefix.size()});
}

/// True when the bytes at hand are the start of some magic number that we take.
bool may_become_magic(const std::uint8_t* from, std::size_t size) noexcept {
  const auto starts = [&](std::uint32_t magic, unsigned first_free_bits) {
    for (std::size_t i = 0; i < size && i < 4; ++i) {
      const unsigned ignored = i == 0 ? first_free_bits : 0;
      if ((from[i] | ignored) != ((magic >> (8 * i) & 0xFF) | ignored)) return false;
    }
    return true;
  };
  return starts(lz4::kFrameMagic, 0) || starts(lz4::kLegacyMagic, 0) ||
         starts(lz4::kSkippableMagic, 0x0F);
}

Parsed parse_standard(Bytes prefix, bool input_ends) noexcept {
  const auto* const from = reinterpret_cast<const std::uint8_t*>(prefix.data());
  if (prefix.size() < lz4::kMinFrameHeaderBytes) return too_short(prefix, input_ends);
  const unsigned flags = from[4];
  const unsigned block_descriptor = from[5];
  if ((flags & lz4::kFlagVersionMask) != lz4::kFlagVersion) {
    return corrupt("the LZ4 frame's version is not 1", 4);
  }
  if ((flags & lz4::kFlagReserved) != 0) return corrupt("a reserved LZ4 frame flag is set", 4);
  const unsigned code = block_descriptor >> 4;
  if ((block_descriptor & 0x8F) != 0 || code < 4) {
    return corrupt("the LZ4 frame's block size code is unknown", 5);
  }

  FrameHeader header{.coding = Coding::lz4};
  header.window_bytes = lz4::block_bytes_of_code(code);
  header.checksum = (flags & lz4::kFlagContentChecksum) != 0;
  header.independent_blocks = (flags & lz4::kFlagIndependent) != 0;
  const bool has_size = (flags & lz4::kFlagContentSize) != 0;
  const bool has_dictionary = (flags & lz4::kFlagDictionaryId) != 0;
  header.header_bytes =
      lz4::kMinFrameHeaderBytes + (has_size ? 8u : 0u) + (has_dictionary ? 4u : 0u);
  if (prefix.size() < header.header_bytes) return too_short(prefix, input_ends);

  std::size_t at = 6;
  if (has_size) {
    header.content_bytes = lz4::load_le64(from + at);
    at += 8;
  }
  if (has_dictionary) {
    header.dictionary_id = load_le32(from + at);
    at += 4;
  }
  if (from[at] != (Xxhash32::of(prefix.subspan(4, at - 4)) >> 8 & 0xFF)) {
    return corrupt("the LZ4 frame's header checksum is wrong", at);
  }
  header.workspace_bytes = lz4_decoder_workspace_bytes(header);
  return header;
}

}  // namespace

Result<std::optional<FrameHeader>> parse_lz4_frame_header(Bytes prefix, bool input_ends) noexcept {
  const auto* const from = reinterpret_cast<const std::uint8_t*>(prefix.data());
  if (!may_become_magic(from, prefix.size())) return corrupt("this is no LZ4 frame", 0);
  if (prefix.size() < 4) return too_short(prefix, input_ends);
  const std::uint32_t magic = load_le32(from);
  if (magic == lz4::kFrameMagic) return parse_standard(prefix, input_ends);

  FrameHeader header{.coding = Coding::lz4};
  if (magic == lz4::kLegacyMagic) {
    header.window_bytes = lz4::kLegacyBlockBytes;
    header.legacy = true;
    header.checksum = false;
    header.independent_blocks = true;
    header.header_bytes = 4;
    header.workspace_bytes = lz4_decoder_workspace_bytes(header);
    return header;
  }
  if (prefix.size() < 8) return too_short(prefix, input_ends);
  header.skippable = true;
  header.content_bytes = load_le32(from + 4);
  header.header_bytes = 8;
  return header;
}

namespace lz4 {

FrameFlags frame_flags(const std::uint8_t* header) noexcept {
  const unsigned flags = header[4];
  return {.independent = (flags & kFlagIndependent) != 0,
          .block_checksum = (flags & kFlagBlockChecksum) != 0,
          .content_checksum = (flags & kFlagContentChecksum) != 0};
}

std::size_t write_frame_header(const FrameDescriptor& descriptor,
                               std::uint8_t (&to)[kMaxFrameHeaderBytes]) noexcept {
  store_le32(to, kFrameMagic);
  unsigned flags = kFlagVersion | kFlagContentChecksum;
  if (descriptor.independent) flags |= kFlagIndependent;
  if (descriptor.content_bytes) flags |= kFlagContentSize;
  if (descriptor.dictionary_id != 0) flags |= kFlagDictionaryId;
  to[4] = static_cast<std::uint8_t>(flags);
  to[5] = 4 << 4;  // blocks of at most 64 KiB
  std::size_t at = 6;
  if (descriptor.content_bytes) {
    store_le64(to + at, *descriptor.content_bytes);
    at += 8;
  }
  if (descriptor.dictionary_id != 0) {
    store_le32(to + at, descriptor.dictionary_id);
    at += 4;
  }
  const Bytes hashed = std::as_bytes(std::span(to + 4, at - 4));
  to[at] = static_cast<std::uint8_t>(Xxhash32::of(hashed) >> 8);
  return at + 1;
}

}  // namespace lz4
}  // namespace frdpu::core
