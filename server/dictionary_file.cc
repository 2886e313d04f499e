#include "server/dictionary_file.h"

#include "server/cli_files.h"
#include "server/sha256.h"

namespace frdpu::server {
namespace {

constexpr std::size_t kLargestBytes = 16 * core::kMiB;
constexpr std::uint32_t kFirstFreeId = 32768;
constexpr std::uint32_t kFirstReservedId = 1u << 31;

}  // namespace

std::uint32_t dictionary_id(core::Bytes content) noexcept {
  if (const auto declared = core::Dictionary::declared_id(content)) return *declared;
  const Sha256 digest = sha256(content);
  const std::uint32_t start = std::uint32_t{digest[0]} << 24 | std::uint32_t{digest[1]} << 16 |
                              std::uint32_t{digest[2]} << 8 | digest[3];
  return kFirstFreeId + start % (kFirstReservedId - kFirstFreeId);
}

std::expected<DictionaryFile, std::string> DictionaryFile::read(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return std::unexpected(file.error());
  std::vector<std::byte> content(kLargestBytes + 1);
  std::size_t used = 0;
  while (used < content.size()) {
    const auto count = file->read(core::MutableBytes(content).subspan(used));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    used += *count;
  }
  if (used == 0) return std::unexpected(path + " is empty");
  if (used > kLargestBytes) return std::unexpected(path + " is larger than 16 MiB");
  content.resize(used);
  return DictionaryFile(std::move(content));
}

}  // namespace frdpu::server
