#include "core/workspace_plan.h"

#include <algorithm>

#include "core/codec_factory.h"
#include "core/pool/fixed_pool.h"

namespace frdpu::core {
namespace {

// The classes of each coding and direction, smallest first. A class is as large as the largest
// request that its cap lets in; without a cap, as the largest of all. Compressors that have no
// class without a cap share one. Weights say how the budget is divided, roughly in thousandths;
// README.md has the outcome.
struct ClassRow {
  Coding coding;
  Direction direction;
  std::uint16_t weight;
  std::uint32_t cap_kib;  // 0: no cap
  std::string_view name;
};

constexpr ClassRow kClasses[] = {
    {Coding::identity, Direction::compress, 1, 0, "identity-compress"},
    {Coding::identity, Direction::decompress, 1, 0, "identity-decompress"},
    {Coding::lz4, Direction::compress, 20, 36, "lz4-compress-36k"},
    {Coding::lz4, Direction::compress, 80, 256, "lz4-compress-256k"},
    {Coding::lz4, Direction::compress, 50, 0, "lz4-compress-1m"},
    {Coding::lz4, Direction::decompress, 40, 0, "lz4-decompress"},
    {Coding::zstd, Direction::compress, 40, 80, "zstd-compress-64k"},
    {Coding::zstd, Direction::compress, 100, 2048, "zstd-compress-2m"},
    {Coding::zstd, Direction::compress, 175, 4096, "zstd-compress-4m"},
    {Coding::zstd, Direction::compress, 50, 20480, "zstd-compress-20m"},
    {Coding::zstd, Direction::decompress, 60, 512, "zstd-decompress-512k"},
    {Coding::zstd, Direction::decompress, 50, 2600, "zstd-decompress-2m"},
    {Coding::zstd, Direction::decompress, 40, 0, "zstd-decompress-max"},
    {Coding::gzip, Direction::compress, 80, 264, "gzip-compress-264k"},
    {Coding::gzip, Direction::compress, 60, 0, "gzip-compress-1m"},
    {Coding::gzip, Direction::decompress, 30, 0, "gzip-decompress"},
    {Coding::deflate, Direction::compress, 30, 264, "deflate-compress-264k"},
    {Coding::deflate, Direction::compress, 45, 0, "deflate-compress-1m"},
    {Coding::deflate, Direction::decompress, 10, 0, "deflate-decompress"},
    {Coding::br, Direction::compress, 50, 1024, "br-compress-1m"},
    {Coding::br, Direction::compress, 100, 4096, "br-compress-4m"},
    {Coding::br, Direction::compress, 60, 24576, "br-compress-24m"},
    {Coding::br, Direction::compress, 80, 49152, "br-compress-48m"},
    {Coding::br, Direction::decompress, 60, 3072, "br-decompress-3m"},
    {Coding::br, Direction::decompress, 40, 0, "br-decompress-max"},
};

constexpr std::string_view kSharedName = "compress-max";
constexpr unsigned kSharedWeight = 200;

// Small ones are needed by the handful even in the smallest process.
constexpr std::size_t kSmallBytes = kMiB;
constexpr std::size_t kSmallBlocks = 4;
// More than this many of a kind serve no machine; the pools' books stay small.
constexpr std::size_t kMostBlocks = std::size_t{1} << 16;

using Needs = std::vector<std::size_t>;

// Every power of two within the range, the largest allowed window, and 0 for the level's own.
std::vector<std::uint32_t> windows(IntRange range, std::uint32_t max_window_bytes) {
  std::vector<std::uint32_t> all{0};
  const std::uint32_t top = std::max(std::min(range.max, max_window_bytes), range.min);
  for (std::uint64_t window = 256; window < top; window *= 2) {
    if (window >= range.min) all.push_back(static_cast<std::uint32_t>(window));
  }
  if (top != 0) all.push_back(top);
  return all;
}

Needs encoder_needs(Coding coding, std::uint32_t max_window_bytes) {
  Needs needs;
  const CodingTraits& of = traits(coding);
  for (std::uint32_t level = of.levels.min; level <= of.levels.max; ++level) {
    for (const std::uint32_t window : windows(of.window_bytes, max_window_bytes)) {
      for (const bool whole : {false, true}) {
        EncoderParams params{.coding = coding,
                             .level = static_cast<int>(level),
                             .window_bytes = window,
                             .whole = whole};
        params = with_window_cap(params, max_window_bytes);
        needs.push_back(encoder_workspace_bytes(params).value_or(0));
        for (unsigned log2 = 10; log2 <= 24; log2 += 2) {
          params.content_bytes = std::uint64_t{1} << log2;
          needs.push_back(encoder_workspace_bytes(params).value_or(0));
        }
      }
    }
  }
  return needs;
}

Needs decoder_needs(Coding coding, std::uint32_t max_window_bytes) {
  Needs needs;
  const std::uint32_t limit = decoding_window_limit(coding, max_window_bytes);
  for (const std::uint32_t window : windows({1024, UINT32_MAX, 0}, limit)) {
    for (const unsigned flags : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
      FrameHeader header{.coding = coding, .window_bytes = window};
      header.legacy = (flags & 1) != 0;
      header.independent_blocks = header.raw = (flags & 2) != 0;
      if ((flags & 4) != 0) header.dictionary_id = 1;
      needs.push_back(decoder_workspace_bytes(header));
    }
  }
  return needs;
}

std::size_t footprint(std::size_t block_bytes, std::size_t blocks) noexcept {
  return FixedPool::footprint_bytes({.block_bytes = block_bytes, .max_blocks = blocks});
}

// The most blocks whose footprint stays within the bytes.
std::size_t blocks_within(std::size_t block_bytes, std::size_t bytes) noexcept {
  std::size_t low = 0;
  std::size_t high = std::min(bytes / block_bytes, kMostBlocks) + 1;
  while (low + 1 < high) {
    const std::size_t middle = low + (high - low) / 2;
    (footprint(block_bytes, middle) <= bytes ? low : high) = middle;
  }
  return low;
}

struct Sized {
  WorkspaceKind kind;
  unsigned weight;
};
using Plan = std::vector<Sized>;

bool same_family(const Sized& a, const Sized& b) noexcept {
  return a.kind.coding == b.kind.coding && a.kind.direction == b.kind.direction;
}

Sized make_kind(std::optional<Coding> coding, Direction direction, std::size_t need_bytes,
                std::string_view name, unsigned weight) noexcept {
  const std::size_t bytes = (need_bytes + 63) & ~std::size_t{63};
  return {{.coding = coding,
           .direction = direction,
           .block_bytes = bytes,
           .blocks = bytes <= kSmallBytes ? kSmallBlocks : 1,
           .name = name},
          weight};
}

// Every class with its smallest number of blocks, the shared one last. Those that come out no
// larger than the one before, or as large as the shared one, are left out: small windows need
// fewer.
Plan smallest_plan(std::uint32_t max_window_bytes) {
  Plan plan;
  Needs needs;
  Needs shared_needs;
  for (std::size_t i = 0; i < std::size(kClasses); ++i) {
    const ClassRow& row = kClasses[i];
    const bool first = i == 0 || kClasses[i - 1].coding != row.coding ||
                       kClasses[i - 1].direction != row.direction;
    const bool last = i + 1 == std::size(kClasses) || kClasses[i + 1].coding != row.coding ||
                      kClasses[i + 1].direction != row.direction;
    if (first) {
      needs = row.direction == Direction::compress ? encoder_needs(row.coding, max_window_bytes)
                                                   : decoder_needs(row.coding, max_window_bytes);
    }
    std::size_t bytes = 0;
    for (const std::size_t need : needs) {
      if (row.cap_kib == 0 || need <= row.cap_kib * kKiB) bytes = std::max(bytes, need);
    }
    if (last && row.cap_kib != 0) {
      shared_needs.insert(shared_needs.end(), needs.begin(), needs.end());
    }
    if (bytes == 0) continue;
    const Sized sized = make_kind(row.coding, row.direction, bytes, row.name, row.weight);
    if (!plan.empty() && same_family(plan.back(), sized) &&
        plan.back().kind.block_bytes == sized.kind.block_bytes) {
      plan.back().weight += row.weight;
    } else {
      plan.push_back(sized);
    }
  }
  Sized shared = make_kind(std::nullopt, Direction::compress, std::ranges::max(shared_needs),
                           kSharedName, kSharedWeight);
  const auto as_large = [&](const Sized& sized) {
    return sized.kind.block_bytes == shared.kind.block_bytes &&
           sized.kind.direction == Direction::compress;
  };
  for (const Sized& sized : plan) shared.weight += as_large(sized) ? sized.weight : 0;
  std::erase_if(plan, as_large);
  plan.push_back(shared);
  return plan;
}

std::size_t footprint_of(const Plan& plan) noexcept {
  std::size_t bytes = 0;
  for (const Sized& sized : plan) bytes += sized.kind.footprint_bytes();
  return bytes;
}

// A class above which there is another, and below it one too.
bool is_middle(const Plan& plan, std::size_t i) noexcept {
  const Sized& sized = plan[i];
  if (i == 0 || !sized.kind.coding || !same_family(plan[i - 1], sized)) return false;
  if (same_family(plan[i + 1], sized)) return true;
  const auto* row = std::ranges::find(kClasses, sized.kind.name, &ClassRow::name);
  return row->cap_kib != 0;  // the shared one is above it
}

// Takes the largest middle class out. Returns: false when there is none.
bool drop_one(Plan& plan) {
  std::size_t largest = plan.size();
  for (std::size_t i = 0; i + 1 < plan.size(); ++i) {
    if (is_middle(plan, i) &&
        (largest == plan.size() || plan[i].kind.block_bytes > plan[largest].kind.block_bytes)) {
      largest = i;
    }
  }
  if (largest == plan.size()) return false;
  const bool own_above = same_family(plan[largest + 1], plan[largest]);
  (own_above ? plan[largest + 1] : plan.back()).weight += plan[largest].weight;
  plan.erase(plan.begin() + static_cast<std::ptrdiff_t>(largest));
  return true;
}

}  // namespace

std::size_t WorkspaceKind::footprint_bytes() const noexcept {
  return footprint(block_bytes, blocks);
}

Result<std::vector<WorkspaceKind>> plan_workspaces(std::size_t budget_bytes,
                                                   std::uint32_t max_window_bytes) {
  Plan plan = smallest_plan(max_window_bytes);
  while (footprint_of(plan) > budget_bytes) {
    if (!drop_one(plan)) {
      return std::unexpected(Error{.code = Errc::configuration,
                                   .detail = "the budget cannot hold one workspace of each kind",
                                   .limit = footprint_of(plan),
                                   .observed = budget_bytes});
    }
  }
  std::size_t weights = 0;
  for (const Sized& sized : plan) weights += sized.weight;
  const std::size_t rest_bytes = budget_bytes - footprint_of(plan);
  std::size_t used_bytes = 0;
  std::vector<WorkspaceKind*> by_size;
  by_size.reserve(plan.size());
  for (Sized& sized : plan) {
    WorkspaceKind& kind = sized.kind;
    const std::size_t share_bytes = kind.footprint_bytes() + rest_bytes / weights * sized.weight;
    kind.blocks = std::max(kind.blocks, blocks_within(kind.block_bytes, share_bytes));
    used_bytes += kind.footprint_bytes();
    by_size.push_back(&kind);
  }
  // What rounding left over makes one block more of those that it is enough for, largest first.
  std::ranges::sort(by_size, [](const WorkspaceKind* a, const WorkspaceKind* b) {
    return a->block_bytes != b->block_bytes ? a->block_bytes > b->block_bytes : a < b;
  });
  for (WorkspaceKind* kind : by_size) {
    const std::size_t more =
        footprint(kind->block_bytes, kind->blocks + 1) - footprint(kind->block_bytes, kind->blocks);
    if (kind->blocks == kMostBlocks || more > budget_bytes - used_bytes) continue;
    used_bytes += more;
    ++kind->blocks;
  }
  std::vector<WorkspaceKind> kinds;
  kinds.reserve(plan.size());
  for (const Sized& sized : plan) kinds.push_back(sized.kind);
  return kinds;
}

}  // namespace frdpu::core
