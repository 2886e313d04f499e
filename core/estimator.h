#pragma once

#include <cstdint>
#include <span>

#include "core/bytes.h"
#include "core/coding.h"
#include "core/workspace_pool.h"

/// What a look at some of the data says about how all of it compresses.
namespace frdpu::core {

/// What matters most when a coding is chosen.
enum class Aim : std::uint8_t { balanced, speed, size };

/// A coding with the level it should run at.
struct CodingChoice {
  Coding coding = Coding::identity;
  int level = 0;
};

/// Bytes that `choose_coding` looks at, at most.
inline constexpr std::size_t kChoiceSampleBytes = 16 * kKiB;

/// Returns the order-0 entropy of the bytes: 8 says that no byte is likelier than another. It
/// knows nothing of repetition. Empty data has 0.
[[nodiscard]] double entropy_bits_per_byte(Bytes data) noexcept;
/// The same for data that lies in pieces.
[[nodiscard]] double entropy_bits_per_byte(std::span<const Bytes> pieces) noexcept;

/// Returns the choice for data that compresses as text does.
[[nodiscard]] CodingChoice usual_choice(Aim aim) noexcept;

/// Chooses a coding from the start of the data: a trial by our own engine at its fastest level says
/// what repeats, the entropy what an entropy coder could add.
/// What neither makes smaller by a fiftieth is left as it is (identity).
/// Without a free workspace the entropy alone decides.
/// Threads: any. Cost: about 30 us for a full sample; no allocation.
[[nodiscard]] CodingChoice choose_coding(Bytes start, Aim aim, WorkspacePools& pools) noexcept;

}  // namespace frdpu::core
