#include <algorithm>

#include "core/deflate_encoder.h"
#include "core/engine/parsers.h"
#include "core/raw_deflate.h"

namespace frdpu::core {
namespace {

// A block of all literals, or of all matches, is long enough for codes of its own: twice as much
// room makes 64 KiB no smaller. Source: measured, core/README.md.
constexpr std::uint64_t kMostLiterals = 16 * kKiB;
constexpr std::uint64_t kMostSequences = 4 * kKiB;
constexpr std::uint64_t kLeastSize = 64;  // of what rooms are laid out for

struct Layout {
  lz4::FastTable table;
  std::size_t sequences;
  std::size_t literals;

  Layout(int level, std::uint64_t content_bytes) noexcept {
    const std::uint64_t size = std::max(content_bytes, kLeastSize);
    const auto reach = static_cast<std::size_t>(std::min<std::uint64_t>(size, rfc1951::kMaxOffset));
    table = lz4::fast_table_of(level, reach, reach);
    sequences = static_cast<std::size_t>(std::min(size / lz4::kMinMatch, kMostSequences));
    literals = static_cast<std::size_t>(std::min(size, kMostLiterals));
  }
  [[nodiscard]] std::size_t sequences_at() const noexcept {
    return table.entry_count * sizeof(std::uint16_t);
  }
  [[nodiscard]] std::size_t literals_at() const noexcept {
    return sequences_at() + sequences * sizeof(rfc1951::Sequence);
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return literals_at() + literals + rfc1951::kCopied;
  }
};

}  // namespace

std::size_t EngineDeflate::buffer_bytes(int level, std::uint64_t content_bytes) noexcept {
  return Layout(level, content_bytes).bytes();
}

EngineDeflate::EngineDeflate(int level, std::uint64_t content_bytes, std::uint32_t window_bytes,
                             MutableBytes buffer) noexcept
    : window_bytes_(window_bytes) {
  const Layout layout(level, content_bytes);
  std::byte* const at = buffer.data();
  table_ = layout.table;
  table_.entries = reinterpret_cast<std::uint16_t*>(at);
  room_ = {.sequences = reinterpret_cast<rfc1951::Sequence*>(at + layout.sequences_at()),
           .most_sequences = layout.sequences,
           .literals = reinterpret_cast<std::uint8_t*>(at + layout.literals_at()),
           .most_literals = layout.literals};
}

Result<Progress> EngineDeflate::run(Bytes input, MutableBytes output, Flush flush) noexcept {
  if (flush != Flush::finish) return fail(Errc::internal_error, "a whole body comes in one step");
  const auto* const in = reinterpret_cast<const std::uint8_t*>(input.data());
  const std::uint8_t* const in_end = in + input.size();
  auto* const out = reinterpret_cast<std::uint8_t*>(output.data());
  rfc1951::SequenceWriter writer(in, in_end, out, out + output.size(), room_, blocks_);
  std::size_t produced = 0;
  if (input.size() <= lz4::kLeastParsed) {
    produced = writer.finish(in);
  } else {
    std::fill_n(table_.entries, table_.entry_count, std::uint16_t{0});
    produced = lz4::parse_for_deflate(in, in_end, table_, window_bytes_, writer);
  }
  if (produced == 0) return Progress{.state = StepState::need_output};
  // Several blocks that are stored take more than one.
  if (produced > stored_deflate_bytes(input.size())) produced = write_stored_deflate(input, output);
  return Progress{input.size(), produced, StepState::done};
}

}  // namespace frdpu::core
