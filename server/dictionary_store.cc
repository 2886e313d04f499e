#include "server/dictionary_store.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include "core/file/result_file.h"
#include "core/zstd_dictionary.h"
#include "server/dictionary_file.h"
#include "server/dictionary_folder.h"
#include "server/sha256.h"

namespace frdpu::server {
namespace {

using core::Errc;

constexpr mode_t kFileMode = 0644;

std::string rfc3339(std::int64_t seconds) {
  const time_t moment = seconds;
  tm utc{};
  gmtime_r(&moment, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, size};
}

std::string_view name_of(const std::shared_ptr<const StoredDictionary>& stored) noexcept {
  return stored->entry().name;
}

std::uint32_t id_of(const StoredDictionary* stored) noexcept {
  return stored->entry().id;
}

// Where the name stands, or would.
DictionarySnapshot::List::const_iterator place_of(const DictionarySnapshot::List& by_name,
                                                  std::string_view name) noexcept {
  return std::ranges::lower_bound(by_name, name, {}, name_of);
}

// One under another name that has this one's id with other content.
const StoredDictionary* find_rival(const DictionarySnapshot::List& list,
                                   const StoredDictionary& candidate) noexcept {
  const auto is_rival = [&](const auto& stored) {
    return stored->entry().id == candidate.entry().id &&
           stored->entry().name != candidate.entry().name &&
           !std::ranges::equal(stored->content(), candidate.content());
  };
  const auto found = std::ranges::find_if(list, is_rival);
  return found == list.end() ? nullptr : found->get();
}

bool begins_as_zstd(core::Bytes content) noexcept {
  constexpr std::uint32_t magic = core::Dictionary::kZstdMagic;
  for (unsigned i = 0; i < 4; ++i) {
    if (content.size() <= i || content[i] != static_cast<std::byte>(magic >> (8 * i) & 0xFFu)) {
      return false;
    }
  }
  return true;
}

core::Result<void> check_size(std::uint64_t bytes) noexcept {
  if (bytes <= DictionaryStore::kMostDictionaryBytes) return {};
  return std::unexpected(core::Error{.code = Errc::fixed_limit_exceeded,
                                     .detail = "The dictionary is larger than one may be.",
                                     .limit = DictionaryStore::kMostDictionaryBytes,
                                     .observed = bytes});
}

core::Result<void> check_content(core::Bytes content) noexcept {
  if (content.empty()) return core::fail(Errc::empty_input, "The dictionary is empty.");
  if (const auto size = check_size(content.size()); !size) return size;
  if (begins_as_zstd(content)) return core::check_zstd_dictionary(content);
  return {};
}

}  // namespace

StoredDictionary::StoredDictionary(std::string name, CountedBytes content, std::int64_t created)
    : content_(std::move(content)),
      dictionary_(content_.view(), dictionary_id(content_.view())),
      entry_{.name = std::move(name),
             .id = dictionary_.id(),
             .bytes = content_.view().size(),
             .sha256 = to_hex(server::sha256(content_.view())),
             .created = rfc3339(created)} {}

DictionarySnapshot::DictionarySnapshot(List by_name) : by_name_(std::move(by_name)) {
  by_id_.reserve(by_name_.size());
  for (const auto& stored : by_name_) by_id_.push_back(stored.get());
  std::ranges::stable_sort(by_id_, {}, id_of);
}

const StoredDictionary* DictionarySnapshot::find(std::string_view name) const noexcept {
  const auto at = place_of(by_name_, name);
  return at != by_name_.end() && name_of(*at) == name ? at->get() : nullptr;
}

const StoredDictionary* DictionarySnapshot::find(std::uint32_t id) const noexcept {
  const auto at = std::ranges::lower_bound(by_id_, id, {}, id_of);
  return at != by_id_.end() && id_of(*at) == id ? *at : nullptr;
}

std::uint64_t DictionarySnapshot::bytes_without(std::string_view name) const noexcept {
  std::uint64_t sum = 0;
  for (const auto& stored : by_name_) {
    if (name_of(stored) != name) sum += stored->content().size();
  }
  return sum;
}

const core::Dictionary* PinnedDictionaries::find(std::uint32_t id) noexcept {
  const StoredDictionary* const found = snapshot_ ? snapshot_->find(id) : nullptr;
  return found ? &found->dictionary() : nullptr;
}

const StoredDictionary* PinnedDictionaries::find_named(std::string_view name_or_id) const noexcept {
  if (!snapshot_) return nullptr;
  if (const StoredDictionary* named = snapshot_->find(name_or_id)) return named;
  std::uint32_t id = 0;
  const char* const end = name_or_id.data() + name_or_id.size();
  const auto [stop, failure] = std::from_chars(name_or_id.data(), end, id);
  return failure == std::errc{} && stop == end ? snapshot_->find(id) : nullptr;
}

std::expected<std::unique_ptr<DictionaryStore>, std::string> DictionaryStore::open(
    const std::string& folder, std::uint64_t limit_bytes) {
  std::unique_ptr<DictionaryStore> store(new DictionaryStore(folder, limit_bytes));
  if (auto loaded = store->load(); !loaded) {
    return std::unexpected("--dictionary-dir " + folder + ": " + loaded.error());
  }
  return store;
}

std::expected<void, std::string> DictionaryStore::load() {
  auto names = list_dictionary_files(folder_);
  if (!names) return std::unexpected(names.error());
  if (names->size() > kMostDictionaries) {
    return std::unexpected("holds more than " + std::to_string(kMostDictionaries) +
                           " dictionaries");
  }
  DictionarySnapshot::List read;
  std::uint64_t left = limit_bytes_;
  for (std::string& name : *names) {
    CountedBytes content = new_bytes();
    const auto created = read_dictionary_file(folder_, name, left, content);
    if (!created) return std::unexpected(created.error());
    left -= content.view().size();
    if (const auto usable = check_content(content.view()); !usable) {
      return std::unexpected(name + ": " + usable.error().detail);
    }
    auto stored =
        std::make_shared<const StoredDictionary>(std::move(name), std::move(content), *created);
    if (const StoredDictionary* rival = find_rival(read, *stored)) {
      return std::unexpected(rival->entry().name + " and " + stored->entry().name +
                             " are different dictionaries with the id " +
                             std::to_string(stored->entry().id) + "; remove one of them");
    }
    read.push_back(std::move(stored));
  }
  publish(std::make_shared<const DictionarySnapshot>(std::move(read)));
  return {};
}

void DictionaryStore::pin(PinnedDictionaries& into) const noexcept {
  std::shared_ptr<const DictionarySnapshot> now;
  {
    const std::lock_guard lock(current_);
    now = snapshot_;
  }
  into.snapshot_.swap(now);  // what was pinned before may go with this, outside the lock
}

void DictionaryStore::publish(std::shared_ptr<const DictionarySnapshot> snapshot) noexcept {
  const std::lock_guard lock(current_);
  snapshot_.swap(snapshot);
}

core::Result<void> DictionaryStore::check_room(std::string_view name,
                                               std::uint64_t bytes) const noexcept {
  if (const auto size = check_size(bytes); !size) return size;
  PinnedDictionaries now;
  pin(now);
  const std::uint64_t sum = now.snapshot_->bytes_without(name) + bytes;
  if (sum <= limit_bytes_) return {};
  return std::unexpected(core::Error{.code = Errc::dictionaries_too_large,
                                     .detail = "All stored dictionaries together are too large.",
                                     .limit = limit_bytes_,
                                     .observed = sum});
}

core::Result<DictionaryStore::Put> DictionaryStore::put(std::string_view name,
                                                        CountedBytes content) noexcept {
  if (const auto usable = check_content(content.view()); !usable) {
    return std::unexpected(usable.error());
  }
  if (const auto fitted = content.fit(); !fitted) return std::unexpected(fitted.error());
  const std::lock_guard lock(changes_);
  try {
    return put_locked(name, std::move(content));
  } catch (const std::bad_alloc&) {
    return core::fail(Errc::overloaded, "There is no memory for a dictionary.");
  }
}

core::Result<DictionaryStore::Put> DictionaryStore::put_locked(std::string_view name,
                                                               CountedBytes content) {
  if (const auto room = check_room(name, content.view().size()); !room) {
    return std::unexpected(room.error());
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  auto stored =
      std::make_shared<const StoredDictionary>(std::string(name), std::move(content), now.tv_sec);
  DictionarySnapshot::List list = snapshot_->all();
  if (find_rival(list, *stored) != nullptr) {
    return core::fail(Errc::invalid_parameter,
                      "Another stored dictionary, of other content, has the same id: frames name "
                      "a dictionary by its id alone.");
  }
  const auto at = place_of(list, name);
  const bool replaced = at != list.end() && name_of(*at) == name;
  if (!replaced && list.size() >= kMostDictionaries) {
    return std::unexpected(core::Error{.code = Errc::fixed_limit_exceeded,
                                       .detail = "There are as many dictionaries as there may be.",
                                       .limit = kMostDictionaries,
                                       .observed = list.size() + 1});
  }
  if (replaced) {
    list[static_cast<std::size_t>(at - list.begin())] = stored;
  } else {
    list.insert(at, stored);
  }
  auto changed = std::make_shared<const DictionarySnapshot>(std::move(list));
  // All memory is there: from here on only the disk can refuse.
  const core::ResultFile::Times times = {now, now};
  auto file =
      core::ResultFile::create(folder_ + "/" + stored->entry().name, core::Existing::replace);
  if (!file) return std::unexpected(file.error());
  if (auto written = file->write(stored->content()); !written) {
    return std::unexpected(written.error());
  }
  if (auto done = file->commit(kFileMode, &times); !done) return std::unexpected(done.error());
  publish(std::move(changed));
  if (auto synced = sync_folder(); !synced) return std::unexpected(synced.error());
  return Put{.stored = std::move(stored), .replaced = replaced};
}

core::Result<void> DictionaryStore::remove(std::string_view name) noexcept {
  const std::lock_guard lock(changes_);
  try {
    DictionarySnapshot::List list = snapshot_->all();
    const auto at = place_of(list, name);
    if (at == list.end() || name_of(*at) != name) {
      return core::fail(Errc::unknown_dictionary, "There is no dictionary of that name.");
    }
    list.erase(at);
    auto changed = std::make_shared<const DictionarySnapshot>(std::move(list));
    const std::string path = folder_ + "/" + std::string(name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return core::io_failure("a dictionary cannot be removed");
    }
    publish(std::move(changed));
    return sync_folder();
  } catch (const std::bad_alloc&) {
    return core::fail(Errc::overloaded, "There is no memory for a dictionary.");
  }
}

core::Result<void> DictionaryStore::sync_folder() const noexcept {
  const core::FileDescriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.number()) != 0) {
    return core::io_failure("the folder of dictionaries cannot be brought to the disk");
  }
  return {};
}

}  // namespace frdpu::server
