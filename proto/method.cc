#include "proto/method.h"

#include <array>

namespace frdpu::proto {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 8> kNames = {"GET",    "HEAD",    "POST",    "PUT",
                                                    "DELETE", "OPTIONS", "CONNECT", "other"};

}  // namespace

Method method_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Method>(i);
  }
  return Method::other;
}

std::string_view to_string(Method method) noexcept {
  return kNames[static_cast<std::size_t>(method)];
}

FixedText<64> allow_text(MethodSet methods) noexcept {
  FixedText<64> text;  // all seven names and their commas take 48
  for (std::size_t i = 0; i + 1 < kNames.size(); ++i) {
    if (!methods.contains(static_cast<Method>(i))) continue;
    const bool fits = (text.empty() || text.append(", ")) && text.append(kNames[i]);
    if (!fits) break;
  }
  return text;
}

}  // namespace frdpu::proto
