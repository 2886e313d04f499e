#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "proto/fixed_text.h"

/// Request methods, and sets of them for the Allow field.
namespace frdpu::proto {

/// `other` is every method that no path of the service takes.
enum class Method : std::uint8_t { get, head, post, put, del, options, connect, other };

/// Finds a method by its name; methods are case-sensitive. Source: RFC 9110, section 9.1.
[[nodiscard]] Method method_from_name(std::string_view name) noexcept;

/// Returns the method's name, or `other`: a label that no client can make new values of.
[[nodiscard]] std::string_view to_string(Method method) noexcept;

/// Some of the methods. A plain value.
class MethodSet {
 public:
  constexpr MethodSet() = default;
  constexpr MethodSet(std::initializer_list<Method> methods) noexcept {
    for (const Method method : methods) bits_ = static_cast<std::uint8_t>(bits_ | bit(method));
  }

  [[nodiscard]] constexpr bool contains(Method method) const noexcept {
    return (bits_ & bit(method)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr MethodSet united(MethodSet other) const noexcept {
    MethodSet both;
    both.bits_ = static_cast<std::uint8_t>(bits_ | other.bits_);
    return both;
  }
  friend constexpr bool operator==(MethodSet, MethodSet) = default;

 private:
  static constexpr std::uint8_t bit(Method method) noexcept {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(method));
  }
  std::uint8_t bits_ = 0;
};

/// Returns the set as an Allow field has it: "GET, HEAD". Source: RFC 9110, section 10.2.1.
[[nodiscard]] FixedText<64> allow_text(MethodSet methods) noexcept;

}  // namespace frdpu::proto
