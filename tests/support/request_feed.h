#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/request_reader.h"

/// Feeds the bytes of a connection to a request reader in pieces, for tests and fuzz targets.
namespace frdpu::test {

struct ReadRequest {
  std::string target;
  std::string body;
  bool operator==(const ReadRequest&) const = default;
};

/// Whole requests, and the error behind them if there was one.
struct ReadRequests {
  std::vector<ReadRequest> requests;
  std::optional<core::Errc> error{};
};

/// Moves up to `cut` bytes of the text into the reader. Returns: false when it wants none.
inline bool feed(server::RequestReader& reader, std::string_view& text, std::size_t cut) {
  const auto rooms = reader.rooms();
  if (!rooms || rooms->empty()) return false;
  if (reader.take_received() > 0) return true;
  std::size_t taken = 0;
  for (const core::MutableBytes room : *rooms) {
    const std::size_t take = std::min({cut - taken, room.size(), text.size()});
    std::memcpy(room.data(), text.data(), take);
    text.remove_prefix(take);
    taken += take;
  }
  reader.received(taken);
  return taken > 0;
}

/// Takes what there is of a body.
inline void take_body(server::RequestReader& reader, std::string& into) {
  while (!reader.body().empty()) {
    const core::Bytes piece = reader.body().front();
    into.append(core::as_text(piece));
    reader.body().consume(piece.size());
  }
}

/// Reads every request of a text that arrives in pieces of `cut` bytes.
inline ReadRequests read_requests(server::RequestReader& reader, std::string_view text,
                                  std::size_t cut) {
  using HeadState = server::RequestReader::HeadState;
  ReadRequests read;
  for (;;) {
    auto state = reader.parse_head();
    while (state && *state == HeadState::incomplete) {
      if (!feed(reader, text, cut)) return read;
      state = reader.parse_head();
    }
    if (!state) {
      read.error = state.error().error.code;
      return read;
    }
    ReadRequest request{.target = std::string(reader.line().target), .body = {}};
    for (;;) {
      if (auto parsed = reader.parse_body(); !parsed) {
        read.error = parsed.error().code;
        return read;
      }
      take_body(reader, request.body);
      if (reader.body_ended()) break;
      if (!feed(reader, text, cut)) return read;
    }
    read.requests.push_back(std::move(request));
    if (!reader.next_request() && text.empty()) return read;
  }
}

}  // namespace frdpu::test
