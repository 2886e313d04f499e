#include "server/dictionary_operations.h"

#include <new>
#include <span>

#include "proto/json_writer.h"

namespace frdpu::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Never less than what makes a step a worker's: the last one may come without a byte.
constexpr nanoseconds kDiskTime = milliseconds(5);
constexpr nanoseconds kPutTimePerByte(10);     // SHA-256 and the copy
constexpr nanoseconds kTrainTimePerByte(150);  // server/README.md

constexpr std::size_t kEntryJsonBytes = 512;
constexpr std::size_t kListJsonBytes = 64;

void write_entry(proto::JsonWriter& json, const DictionaryEntry& entry,
                 const TrainedDictionary* trained) noexcept {
  json.begin_object();
  json.member("name", entry.name);
  json.member("id", std::uint64_t{entry.id});
  json.member("bytes", std::uint64_t{entry.bytes});
  json.member("sha256", entry.sha256);
  json.member("created", entry.created);
  if (trained != nullptr) {
    json.member("ratio_with", trained->ratio_with);
    json.member("ratio_without", trained->ratio_without);
  }
  json.end_object();
}

// Lets a writer loose on a text of at most so many bytes.
template <class Write>
std::string text_of(std::size_t most_bytes, Write write) {
  std::string text(most_bytes, '\0');
  proto::JsonWriter json(std::as_writable_bytes(std::span(text)));
  write(json);
  text.resize(json.size());
  return text;
}

std::unexpected<core::Error> no_memory() noexcept {
  return core::fail(core::Errc::overloaded, "There is no memory for a dictionary.");
}

}  // namespace

void DictionaryAnswer::set(std::uint16_t status, std::string body) {
  body_ = std::move(body);
  pending_.set(core::as_bytes(body_));
  status_ = status;
}

core::Progress DictionaryAnswer::write_to(core::MutableBytes room, std::size_t consumed) noexcept {
  const std::size_t produced = pending_.write_to(room);
  return {.consumed = consumed,
          .produced = produced,
          .state = pending_.empty() ? core::StepState::done : core::StepState::need_output};
}

core::Result<core::Progress> DictionaryPut::step(core::Bytes input, core::MutableBytes output,
                                                 core::Flush flush) noexcept {
  if (answer_.is_set()) return answer_.write_to(output, 0);
  const std::uint64_t size = content_.view().size() + input.size();
  if (const auto room = store_.check_room(name_, size); !room) {
    return std::unexpected(room.error());
  }
  const auto appended = content_.append(input, static_cast<std::size_t>(store_.limit_bytes()));
  if (!appended) return std::unexpected(appended.error());
  if (flush != core::Flush::finish) return core::Progress{.consumed = input.size()};
  const auto put = store_.put(name_, std::move(content_));
  if (!put) return std::unexpected(put.error());
  try {
    answer_.set(put->replaced ? 200 : 201, dictionary_json(put->stored->entry()));
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  return answer_.write_to(output, input.size());
}

nanoseconds DictionaryPut::cost_estimate(std::uint64_t bytes) const noexcept {
  return kDiskTime + kPutTimePerByte * static_cast<std::int64_t>(content_.view().size() + bytes);
}

core::Result<core::Progress> DictionaryTrain::step(core::Bytes input, core::MutableBytes output,
                                                   core::Flush flush) noexcept {
  if (!turn_) return core::fail(core::Errc::overloaded, "Another training is under way.");
  if (answer_.is_set()) return answer_.write_to(output, 0);
  if (const auto taken = take_samples(input); !taken) return std::unexpected(taken.error());
  if (flush != core::Flush::finish) return core::Progress{.consumed = input.size()};
  if (const auto whole = frames_.finish(); !whole) return std::unexpected(whole.error());
  if (const auto done = train_and_put(); !done) return std::unexpected(done.error());
  return answer_.write_to(output, input.size());
}

core::Result<void> DictionaryTrain::check_body(std::uint64_t bytes) const noexcept {
  if (!turn_) return core::fail(core::Errc::overloaded, "Another training is under way.");
  constexpr std::uint64_t kMostFraming = proto::kItemHeaderBytes * TrainingSamples::kMostSamples;
  return samples_.check_room(bytes - std::min(bytes, kMostFraming));
}

core::Result<void> DictionaryTrain::take_samples(core::Bytes input) noexcept {
  while (true) {
    const auto found = frames_.step(input);
    if (!found) return std::unexpected(found.error());
    input = input.subspan(found->consumed);
    core::Result<void> taken;
    switch (found->event) {
      case proto::FrameEvent::need_input:
        return {};
      case proto::FrameEvent::item_begin:
        taken = samples_.check_room(found->length);
        break;
      case proto::FrameEvent::item_data:
        taken = samples_.append(found->data);
        break;
      case proto::FrameEvent::item_end:
        samples_.end_sample();
        break;
    }
    if (!taken) return taken;
  }
}

core::Result<void> DictionaryTrain::train_and_put() noexcept {
  const auto trained = samples_.train(size_bytes_);
  if (!trained) return std::unexpected(trained.error());
  CountedBytes content = store_.new_bytes();
  const core::Bytes bytes = trained->content;
  if (auto room = store_.check_room(name_, bytes.size()); !room) return room;
  if (auto copied = content.append(bytes, bytes.size()); !copied) return copied;
  const auto put = store_.put(name_, std::move(content));
  if (!put) return std::unexpected(put.error());
  try {
    answer_.set(put->replaced ? 200 : 201, dictionary_json(put->stored->entry(), &*trained));
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  return {};
}

nanoseconds DictionaryTrain::cost_estimate(std::uint64_t bytes) const noexcept {
  return kDiskTime + kTrainTimePerByte * static_cast<std::int64_t>(samples_.bytes() + bytes);
}

core::Result<core::Progress> DictionaryRemove::step(core::Bytes input, core::MutableBytes,
                                                    core::Flush flush) noexcept {
  if (flush != core::Flush::finish) return core::Progress{.consumed = input.size()};
  if (const auto removed = store_.remove(name_); !removed) return std::unexpected(removed.error());
  return core::Progress{.consumed = input.size(), .state = core::StepState::done};
}

nanoseconds DictionaryRemove::cost_estimate(std::uint64_t) const noexcept {
  return kDiskTime;
}

std::string dictionary_json(const DictionaryEntry& entry, const TrainedDictionary* trained) {
  return text_of(kEntryJsonBytes,
                 [&](proto::JsonWriter& json) { write_entry(json, entry, trained); });
}

std::string dictionaries_json(const PinnedDictionaries& dictionaries) {
  const std::size_t most = kListJsonBytes + kEntryJsonBytes * dictionaries.all().size();
  return text_of(most, [&](proto::JsonWriter& json) {
    json.begin_object();
    json.key("dictionaries");
    json.begin_array();
    for (const auto& stored : dictionaries.all()) write_entry(json, stored->entry(), nullptr);
    json.end_array();
    json.end_object();
  });
}

}  // namespace frdpu::server
