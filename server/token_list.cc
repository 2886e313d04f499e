#include "server/token_list.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "core/bytes.h"

namespace frdpu::server {
namespace {

// Each request is compared with all of them.
constexpr std::size_t kMostTokens = 1000;

// What `Authorization: Bearer` can carry. Source: RFC 6750, section 2.1 (b64token).
constexpr bool is_token_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").contains(c);
}

std::string_view trimmed(std::string_view line) noexcept {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::expected<TokenList, std::string> TokenList::parse(std::string_view text) {
  TokenList list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view token = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (token.empty() || token.starts_with('#')) continue;
    if (!std::ranges::all_of(token, is_token_char)) {
      return std::unexpected("line " + std::to_string(number) +
                             " holds a character that no bearer token has");
    }
    if (list.digests_.size() == kMostTokens) {
      return std::unexpected("there are more than " + std::to_string(kMostTokens) + " tokens");
    }
    list.digests_.push_back(sha256(core::as_bytes(token)));
    list.has_short_tokens_ |= token.size() < kShortTokenChars;
  }
  if (list.digests_.empty()) return std::unexpected("there is no token");
  return list;
}

bool TokenList::contains(std::string_view token) const noexcept {
  // Digests have one length, and all of them are compared: time says nothing about any token.
  const Sha256 wanted = sha256(core::as_bytes(token));
  unsigned found = 0;
  for (const Sha256& digest : digests_) {
    found |= static_cast<unsigned>(CRYPTO_memcmp(digest.data(), wanted.data(), wanted.size()) == 0);
  }
  return found != 0;
}

}  // namespace frdpu::server
