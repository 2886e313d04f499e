#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/coding.h"
#include "proto/request_head.h"
#include "proto/routes.h"

namespace frdpu::server {

class Service;

/// The whole body of a request that needs no codec.
struct Answer {
  std::uint16_t status = 200;
  std::string_view content_type{};
  std::string_view fixed{};  ///< text that outlives every request; else `rendered`
  std::string rendered{};
  std::uint32_t retry_after_seconds = 0;
  std::optional<core::Coding> content_encoding{};
  bool vary = false;  ///< Accept-Encoding decided, whatever it was

  [[nodiscard]] std::string_view text() const noexcept {
    return fixed.empty() ? std::string_view(rendered) : fixed;
  }
};

/// Answers every GET of both listeners: what the build can do, limits, health, pools, metrics.
/// Life: made at start, when what does not change is rendered once.
/// Threads: any. Cost: /metrics and /v1/pools render anew and allocate; the others do not.
class Answers {
 public:
  /// Ownership: `service` must outlive this object.
  explicit Answers(Service& service);

  /// Returns whether a route is answered here.
  [[nodiscard]] static bool has(proto::Route route) noexcept;

  /// `fields` are asked what the client takes. Requires: `has(route)`.
  [[nodiscard]] Answer answer(proto::Route route, const proto::RequestHead& fields) const;

 private:
  [[nodiscard]] Answer metrics(const proto::RequestHead& fields) const;

  Service& service_;
  std::string codings_;
  std::string limits_;
};

}  // namespace frdpu::server
