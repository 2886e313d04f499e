#include "proto/documents.h"

#include <cassert>

#include "proto/json_writer.h"
#include "proto/query.h"

namespace frdpu::proto {
namespace {

void write_range(JsonWriter& json, std::string_view name, const core::IntRange& range) noexcept {
  json.key(name);
  json.begin_object();
  json.member("min", std::uint64_t{range.min});
  json.member("max", std::uint64_t{range.max});
  json.member("default", std::uint64_t{range.default_value});
  json.end_object();
}

// A JSON object has strings for keys, so the level is one.
void write_level_key(JsonWriter& json, std::uint64_t level) noexcept {
  std::byte digits[20];
  TextWriter text(digits);
  text.put_number(level);
  json.key(core::as_text(core::Bytes(digits).first(text.size())));
}

}  // namespace

std::size_t write_codings(core::MutableBytes out, std::span<const CodingMemory> codings,
                          std::uint32_t max_window_bytes) noexcept {
  JsonWriter json(out);
  json.begin_object();
  json.key("codings");
  json.begin_array();
  for (const CodingMemory& row : codings) {
    const core::CodingTraits& traits = core::traits(row.coding);
    assert(row.stream_bytes.size() <= traits.levels.max - traits.levels.min + 1);
    json.begin_object();
    json.member("coding", traits.name);
    json.member("media_type", traits.media_type);
    write_range(json, "levels", traits.levels);
    write_range(json, "window_bytes", window_range(row.coding, max_window_bytes));
    json.key("stream_bytes");
    json.begin_object();
    for (std::size_t i = 0; i < row.stream_bytes.size(); ++i) {
      write_level_key(json, traits.levels.min + i);
      json.number(row.stream_bytes[i]);
    }
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.size();
}

std::size_t write_limits(core::MutableBytes out, std::span<const Limit> limits) noexcept {
  JsonWriter json(out);
  json.begin_object();
  for (const Limit& limit : limits) {
    json.key(limit.name);
    if (const auto* whole = std::get_if<std::uint64_t>(&limit.value)) {
      json.number(*whole);
    } else if (const auto* real = std::get_if<double>(&limit.value)) {
      json.number(*real);
    }
  }
  json.end_object();
  return json.size();
}

std::size_t write_pools(core::MutableBytes out, std::span<const core::PoolStats> pools) noexcept {
  JsonWriter json(out);
  json.begin_object();
  json.key("pools");
  json.begin_array();
  for (const core::PoolStats& row : pools) {
    json.begin_object();
    json.member("pool", row.pool);
    json.member("block_bytes", std::uint64_t{row.block_bytes});
    json.member("blocks", std::uint64_t{row.blocks});
    json.member("in_use", std::uint64_t{row.in_use});
    json.member("available", std::uint64_t{row.available});
    json.member("peak", std::uint64_t{row.peak});
    json.member("acquisitions", row.acquisitions);
    json.member("releases", row.releases);
    json.member("exhaustions", row.exhaustions);
    json.member("fallbacks", row.fallbacks);
    json.member("utilization", row.utilization());
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.size();
}

}  // namespace frdpu::proto
