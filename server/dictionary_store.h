#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/dictionary.h"
#include "server/dictionary_memory.h"

/// The dictionaries of `--dictionary-dir`. A file's name is the dictionary's, its bytes are the
/// dictionary's, and there is nothing else: copying the folder copies the dictionaries.
namespace frdpu::server {

/// What there is to know of a stored dictionary.
struct DictionaryEntry {
  std::string name;
  std::uint32_t id = 0;
  std::size_t bytes = 0;
  std::string sha256;   ///< 64 hexadecimal digits
  std::string created;  ///< when its file was written: RFC 3339, UTC, whole seconds
};

/// A stored dictionary. Threads: immutable, any.
class StoredDictionary {
 public:
  StoredDictionary(std::string name, CountedBytes content, std::int64_t created);

  [[nodiscard]] const DictionaryEntry& entry() const noexcept { return entry_; }
  [[nodiscard]] const core::Dictionary& dictionary() const noexcept { return dictionary_; }
  [[nodiscard]] core::Bytes content() const noexcept { return content_.view(); }

 private:
  CountedBytes content_;
  core::Dictionary dictionary_;  // views content_
  DictionaryEntry entry_;
};

/// All dictionaries at one moment. No two of different content share an id.
/// Threads: immutable once it is published, any. Cost: look-ups are binary searches.
class DictionarySnapshot {
 public:
  using List = std::vector<std::shared_ptr<const StoredDictionary>>;

  DictionarySnapshot() = default;
  /// Requires: ordered by name, each name once.
  explicit DictionarySnapshot(List by_name);

  /// All of them, ordered by name.
  [[nodiscard]] const List& all() const noexcept { return by_name_; }
  [[nodiscard]] const StoredDictionary* find(std::string_view name) const noexcept;
  /// Where two names stand for the same content, the first of them.
  [[nodiscard]] const StoredDictionary* find(std::uint32_t id) const noexcept;
  /// Bytes of all dictionaries but the one of this name.
  [[nodiscard]] std::uint64_t bytes_without(std::string_view name) const noexcept;

 private:
  List by_name_;
  std::vector<const StoredDictionary*> by_id_;
};

/// The dictionaries as they were when they were pinned. What is found here stays as it is until
/// `reset` or destruction, whatever happens to the store.
///
/// Life: default-constructed empty; filled by `DictionaryStore::pin`, any number of times.
/// Threads: one at a time. Cost: no call allocates.
class PinnedDictionaries final : public core::DictionarySource {
 public:
  PinnedDictionaries() noexcept = default;

  [[nodiscard]] const core::Dictionary* find(std::uint32_t id) noexcept override;

  /// Finds by a name, or where nothing has that name, by an id in decimal digits. Returns: null
  /// when there is none. Ownership: belongs to the pin.
  [[nodiscard]] const StoredDictionary* find_named(std::string_view name_or_id) const noexcept;

  /// All of them, ordered by name. Requires: pinned.
  [[nodiscard]] const DictionarySnapshot::List& all() const noexcept { return snapshot_->all(); }

  void reset() noexcept { snapshot_.reset(); }
  [[nodiscard]] explicit operator bool() const noexcept { return snapshot_ != nullptr; }

 private:
  friend class DictionaryStore;
  // Shared with the store, and with whatever else was pinned since the last change.
  std::shared_ptr<const DictionarySnapshot> snapshot_;
};

/// The stored dictionaries: read at the start, changed by requests.
///
/// A change is on the disk before it is in force: a temporary file beside the place, synced,
/// renamed, the folder synced. After a crash a name stands for the old bytes or the new ones.
/// Life: pins may outlive it. Threads: any. Reads wait for no disk; changes wait for each other.
class DictionaryStore {
 public:
  /// Of one. lz4 reaches back 64 KiB, and zstd takes milliseconds for each MiB of one that it meets
  /// anew: larger ones help nobody with small payloads.
  static constexpr std::size_t kMostDictionaryBytes = 2 * core::kMiB;
  /// More would make every look-up slow and the list long.
  static constexpr std::size_t kMostDictionaries = 1000;
  /// Memory that all of it may take, for each byte of the limit: what is stored, one that replaces
  /// all of it, and as much again while that grows or what was replaced is still in use.
  static constexpr std::uint64_t kMemoryPerByte = 3;
  /// Beside its bytes: names, digests, the files' and the list's texts.
  static constexpr std::uint64_t kEntryMemoryBytes = 2048;

  /// Reads all dictionaries of a folder, and removes what a crash has left there half written.
  /// Other files are left alone.
  /// Errors: one line: no such folder, not readable or writable, a dictionary that is empty or
  /// broken, two of different content with one id, more of them or of their bytes than allowed.
  [[nodiscard]] static std::expected<std::unique_ptr<DictionaryStore>, std::string> open(
      const std::string& folder, std::uint64_t limit_bytes);

  DictionaryStore(const DictionaryStore&) = delete;
  DictionaryStore& operator=(const DictionaryStore&) = delete;

  /// Pins all dictionaries as they are now. Cost: no allocation, a short lock.
  void pin(PinnedDictionaries& into) const noexcept;

  struct Put {
    std::shared_ptr<const StoredDictionary> stored;
    bool replaced = false;
  };

  /// Stores a dictionary, in place of the one that has the name.
  /// Requires: `proto::is_dictionary_name(name)`; content of `new_bytes()`.
  /// Errors: empty_input; corrupt_input for what begins as zstd's format and cannot be used;
  /// invalid_parameter where another name has the id with other content; dictionaries_too_large,
  /// fixed_limit_exceeded for one too many; overloaded; io_error, with errno in `observed`: then
  /// the old one is in force, unless only the folder was not synced.
  /// Cost: waits for the disk; a worker's work.
  [[nodiscard]] core::Result<Put> put(std::string_view name, CountedBytes content) noexcept;

  /// Removes a dictionary. Errors: unknown_dictionary; overloaded; io_error. Cost: as `put`.
  [[nodiscard]] core::Result<void> remove(std::string_view name) noexcept;

  /// For bytes that are to be put: they count from the first one on.
  [[nodiscard]] CountedBytes new_bytes() noexcept { return CountedBytes(memory_); }

  [[nodiscard]] std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }

  /// Checks whether a dictionary of so many bytes may be put under this name.
  /// Errors: fixed_limit_exceeded; dictionaries_too_large, with what all of them would take in
  /// `observed`.
  [[nodiscard]] core::Result<void> check_room(std::string_view name,
                                              std::uint64_t bytes) const noexcept;

  /// Memory of everything that is, was or is to be stored. Threads: any.
  [[nodiscard]] std::uint64_t memory_in_use() const noexcept { return memory_->in_use_bytes(); }

 private:
  friend class TrainingTurn;

  DictionaryStore(std::string folder, std::uint64_t limit_bytes)
      : folder_(std::move(folder)),
        limit_bytes_(limit_bytes),
        memory_(std::make_shared<DictionaryMemory>(kMemoryPerByte * limit_bytes)) {}

  [[nodiscard]] std::expected<void, std::string> load();
  [[nodiscard]] core::Result<Put> put_locked(std::string_view name, CountedBytes content);
  [[nodiscard]] core::Result<void> sync_folder() const noexcept;
  void publish(std::shared_ptr<const DictionarySnapshot> snapshot) noexcept;

  const std::string folder_;
  const std::uint64_t limit_bytes_;
  const std::shared_ptr<DictionaryMemory> memory_;
  std::atomic<bool> training_ = false;
  std::mutex changes_;          // held over a whole change, the disk's part too
  mutable std::mutex current_;  // held to copy or change the pointer alone
  std::shared_ptr<const DictionarySnapshot> snapshot_ = std::make_shared<DictionarySnapshot>();
};

/// The right to train: one at a time, since a training takes tens of megabytes.
/// Life: the store must outlive it. Threads: one at a time.
class TrainingTurn {
 public:
  explicit TrainingTurn(DictionaryStore& store) noexcept
      : store_(store.training_.exchange(true) ? nullptr : &store) {}
  TrainingTurn(const TrainingTurn&) = delete;
  TrainingTurn& operator=(const TrainingTurn&) = delete;
  ~TrainingTurn() {
    if (store_ != nullptr) store_->training_ = false;
  }

  /// False: somebody else's turn lasts.
  [[nodiscard]] explicit operator bool() const noexcept { return store_ != nullptr; }

 private:
  DictionaryStore* store_;
};

}  // namespace frdpu::server
