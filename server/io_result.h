#pragma once

#include <cstddef>
#include <cstdint>

namespace frdpu::server {

/// How far a non-blocking read or write came.
struct IoResult {
  enum class State : std::uint8_t {
    ok,           ///< `bytes` were moved
    would_block,  ///< nothing can be moved now
    ended,        ///< read: the peer sent its last byte
    failed,       ///< the connection is gone
  };
  State state = State::ok;
  std::size_t bytes = 0;
};

}  // namespace frdpu::server
