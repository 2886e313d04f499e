#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "proto/text_writer.h"

/// The JSON that we emit. Source: RFC 8259.
namespace frdpu::proto {

/// Writes one JSON text, compact, into a view; commas come by themselves.
///
///   JsonWriter json(out);
///   json.begin_object();
///   json.member("level", 3);
///   json.key("codings"); json.begin_array(); ... json.end_array();
///   json.end_object();
///   if (json.size() == 0) { /* did not fit */ }
///
/// Requires: calls in an order that makes JSON (asserted), no deeper than 32 levels.
/// Strings may be any bytes: what is no UTF-8 comes out as U+FFFD, so that the text always parses.
/// Ownership: views `out`. Cost: one pass, no allocation.
class JsonWriter {
 public:
  explicit JsonWriter(core::MutableBytes out) noexcept : text_(out) {}

  void begin_object() noexcept { open('{'); }
  void end_object() noexcept { close('}'); }
  void begin_array() noexcept { open('['); }
  void end_array() noexcept { close(']'); }

  /// Starts a member of an object; its value comes next.
  void key(std::string_view name) noexcept;

  void string(std::string_view value) noexcept;
  void number(std::uint64_t value) noexcept;
  /// Writes the shortest text that reads back as the same value; infinity and NaN become null.
  void number(double value) noexcept;
  void boolean(bool value) noexcept;
  void null() noexcept;

  /// A string in parts: begin_string, any number of parts, end_string. A part must not end in the
  /// middle of a character.
  void begin_string() noexcept;
  void string_part(std::string_view part) noexcept;
  void string_part(std::uint64_t value) noexcept { text_.put_number(value); }
  void end_string() noexcept { text_.put('"'); }

  void member(std::string_view name, std::string_view value) noexcept {
    key(name);
    string(value);
  }
  void member(std::string_view name, std::uint64_t value) noexcept {
    key(name);
    number(value);
  }
  void member(std::string_view name, double value) noexcept {
    key(name);
    number(value);
  }

  /// Returns the size of the text, or 0 where it did not fit: half a text is none.
  [[nodiscard]] std::size_t size() const noexcept { return text_.size_if_whole(); }

 private:
  static constexpr unsigned kMaxDepth = 32;

  void open(char bracket) noexcept;
  void close(char bracket) noexcept;
  void before_value() noexcept;  // the comma, where one is due

  TextWriter text_;
  std::uint32_t has_elements_ = 0;  // a bit for each level that is open
  unsigned depth_ = 0;
  bool after_key_ = false;
};

}  // namespace frdpu::proto
