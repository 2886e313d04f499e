#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/batch_frames.h"
#include "server/dictionary_store.h"
#include "server/dictionary_training.h"
#include "server/operation.h"

/// What requests do with stored dictionaries: put, train, remove; and the JSON of them.
///
/// Put and train gather the body within their limits and do the work at its end, in one step, which
/// waits for the disk: a worker's. Unlike codec work they take memory from the heap, which
/// `memory_plan` counts. Life: the store outlives them.
namespace frdpu::server {

/// The answer that a change ends with. Threads: one at a time.
class DictionaryAnswer {
 public:
  /// Sets what is to be sent. Requires: once.
  void set(std::uint16_t status, std::string body);

  [[nodiscard]] bool is_set() const noexcept { return status_ != 0; }
  [[nodiscard]] std::uint16_t status() const noexcept { return status_; }

  /// Writes on. Returns: a step's progress, with what was consumed. Requires: set.
  [[nodiscard]] core::Progress write_to(core::MutableBytes room, std::size_t consumed) noexcept;

 private:
  std::uint16_t status_ = 0;
  std::string body_;
  PendingOutput pending_;  // views body_
};

/// PUT /v1/dictionaries/{name}: the body is the dictionary. 201, or 200 where it replaced one.
/// Errors: dictionaries_too_large as soon as the body is, and those of `DictionaryStore::put`.
class DictionaryPut final : public Operation {
 public:
  /// Requires: `proto::is_dictionary_name(name)`.
  DictionaryPut(DictionaryStore& store, std::string_view name)
      : store_(store), name_(name), content_(store.new_bytes()) {}

  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;
  [[nodiscard]] std::chrono::nanoseconds cost_estimate(std::uint64_t bytes) const noexcept override;
  [[nodiscard]] std::uint16_t status() const noexcept override { return answer_.status(); }

 private:
  DictionaryStore& store_;
  std::string name_;
  CountedBytes content_;
  DictionaryAnswer answer_;
};

/// POST /v1/dictionaries/{name}/train: the body is framed samples. 201, or 200 where it replaced
/// one. Errors: overloaded, at the first step, while another training lasts; malformed_frames;
/// fixed_limit_exceeded as soon as a length says so; those of `TrainingSamples::train` and
/// `DictionaryStore::put`.
class DictionaryTrain final : public Operation {
 public:
  /// Requires: `proto::is_dictionary_name(name)`; a size in `proto::kTrainedDictionaryBytes`.
  DictionaryTrain(DictionaryStore& store, std::string_view name, std::uint32_t size_bytes)
      : store_(store), turn_(store), name_(name), size_bytes_(size_bytes) {}

  /// Checks whether a body of so many bytes is worth sending. Errors: overloaded, while another
  /// training lasts; fixed_limit_exceeded.
  [[nodiscard]] core::Result<void> check_body(std::uint64_t bytes) const noexcept;

  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;
  [[nodiscard]] std::chrono::nanoseconds cost_estimate(std::uint64_t bytes) const noexcept override;
  [[nodiscard]] std::uint16_t status() const noexcept override { return answer_.status(); }

 private:
  [[nodiscard]] core::Result<void> take_samples(core::Bytes input) noexcept;
  [[nodiscard]] core::Result<void> train_and_put() noexcept;

  DictionaryStore& store_;
  TrainingTurn turn_;
  std::string name_;
  std::uint32_t size_bytes_;
  proto::FrameReader frames_;
  TrainingSamples samples_;
  DictionaryAnswer answer_;
};

/// DELETE /v1/dictionaries/{name}: 204 and no output; what a body holds is ignored.
/// Errors: those of `DictionaryStore::remove`.
class DictionaryRemove final : public Operation {
 public:
  DictionaryRemove(DictionaryStore& store, std::string_view name) : store_(store), name_(name) {}

  [[nodiscard]] core::Result<core::Progress> step(core::Bytes input, core::MutableBytes output,
                                                  core::Flush flush) noexcept override;
  [[nodiscard]] std::chrono::nanoseconds cost_estimate(std::uint64_t bytes) const noexcept override;
  [[nodiscard]] std::uint16_t status() const noexcept override { return 204; }

 private:
  DictionaryStore& store_;
  std::string name_;
};

/// One dictionary as JSON; with the ratios of a training where there was one.
[[nodiscard]] std::string dictionary_json(const DictionaryEntry& entry,
                                          const TrainedDictionary* trained = nullptr);

/// All dictionaries, ordered by name: `{"dictionaries": [...]}`. Requires: pinned.
[[nodiscard]] std::string dictionaries_json(const PinnedDictionaries& dictionaries);

}  // namespace frdpu::server
