#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/engine/lz4_frame_header.h"

/// What an LZ4 block or frame says, read by the format's description alone.
namespace frdpu::test {

struct BlockFacts {
  std::size_t decoded = 0;
  std::size_t largest_offset = 0;
  std::size_t last_literals = 0;
  std::size_t last_match_start = 0;  ///< before the end of what it decodes to; 0 without a match
  std::vector<std::pair<std::size_t, std::size_t>>
      sequences{};  ///< literals and match, but the last
};

inline BlockFacts facts_of(core::Bytes block) {
  BlockFacts facts;
  std::size_t at = 0;
  const auto next = [&] { return static_cast<std::size_t>(block[at++]); };
  const auto length = [&](std::size_t value) {
    if (value < 15) return value;
    for (std::size_t byte = 255; byte == 255;) value += byte = next();
    return value;
  };
  std::size_t match_start = 0;
  for (;;) {
    const std::size_t token = next();
    const std::size_t literals = length(token >> 4);
    at += literals;
    facts.decoded += literals;
    facts.last_literals = literals;
    if (at >= block.size()) break;
    const std::size_t low = next();
    facts.largest_offset = std::max(facts.largest_offset, low | next() << 8);
    match_start = facts.decoded;
    const std::size_t match = length(token & 15) + 4;
    facts.decoded += match;
    facts.sequences.emplace_back(literals, match);
  }
  EXPECT_EQ(at, block.size());
  facts.last_match_start = facts.sequences.empty() ? 0 : facts.decoded - match_start;
  return facts;
}

/// The largest offset of a whole frame; 0 without a match.
inline std::size_t largest_offset_of(core::Bytes frame) {
  const auto header = core::parse_lz4_frame_header(frame, true);
  if (!header || !*header) {
    ADD_FAILURE() << "not a frame";
    return 0;
  }
  std::size_t largest = 0;
  for (std::size_t at = (*header)->header_bytes;;) {
    std::size_t field = 0;
    for (int i = 0; i < 4; ++i) field |= static_cast<std::size_t>(frame[at++]) << 8 * i;
    if (field == 0) return largest;
    const std::size_t size = field & 0x7FFFFFFF;
    if (field == size) {
      largest = std::max(largest, facts_of(frame.subspan(at, size)).largest_offset);
    }
    at += size;
  }
}

}  // namespace frdpu::test
