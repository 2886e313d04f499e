#include "core/deflate_encoder.h"

namespace frdpu::core {

std::size_t write_stored_deflate(Bytes input, MutableBytes output) noexcept {
  std::size_t at = 0;
  do {
    const Bytes block = input.first(std::min<std::size_t>(input.size(), 65535));
    input = input.subspan(block.size());
    const auto length = static_cast<unsigned>(block.size());
    const unsigned fields[] = {input.empty() ? 1u : 0u, length, length >> 8, ~length, ~length >> 8};
    for (const unsigned field : fields) output[at++] = static_cast<std::byte>(field & 0xFF);
    if (!block.empty()) std::memcpy(output.data() + at, block.data(), block.size());
    at += block.size();
  } while (!input.empty());
  return at;
}

}  // namespace frdpu::core
