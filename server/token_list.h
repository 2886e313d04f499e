#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/sha256.h"

namespace frdpu::server {

/// The bearer tokens of one file, as digests: whoever reads this process's memory finds none.
///
///   # who and since when        a comment: a line that begins with #
///   3q2+7wABAgMEBQYHCAkKCw==    a token; several lines, several tokens, for rotation
///
/// Empty lines are skipped, white space around a token is not part of it.
/// Threads: any; it never changes.
class TokenList {
 public:
  /// Tokens shorter than this can be guessed: they are taken, and `has_short_tokens` says so.
  static constexpr std::size_t kShortTokenChars = 16;

  /// Reads the lines of a file.
  /// Errors: one sentence with the number of the line and never its text: a character that no
  /// Authorization field may carry, more than 1,000 tokens, none at all.
  [[nodiscard]] static std::expected<TokenList, std::string> parse(std::string_view text);

  /// Returns whether the token is one of the list.
  /// Cost: the same wherever in the list it stands and however much of it is right; no allocation.
  [[nodiscard]] bool contains(std::string_view token) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return digests_.size(); }
  [[nodiscard]] bool has_short_tokens() const noexcept { return has_short_tokens_; }

 private:
  std::vector<Sha256> digests_;
  bool has_short_tokens_ = false;
};

}  // namespace frdpu::server
