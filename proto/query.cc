#include "proto/query.h"

#include <algorithm>

#include "core/text.h"
#include "proto/field_syntax.h"

namespace frdpu::proto {
namespace {

using core::Coding;
using core::Errc;
using enum Parameter;

constexpr std::string_view kAuto = "auto";

// A coding's name, or `auto`, which is nullopt.
RequestResult<std::optional<Coding>> read_coding_or_auto(const QueryParameters& query,
                                                         Parameter parameter) noexcept {
  const auto text = query.decoded(parameter, Errc::unknown_coding);
  if (!text) return std::unexpected(text.error());
  if (core::equals_ignoring_case(text->view(), kAuto)) return std::nullopt;
  const std::optional<Coding> coding = core::coding_from_name(text->view());
  if (!coding) {
    return query.refuse_value(parameter, Errc::unknown_coding, "There is no coding of that name.");
  }
  return coding;
}

RequestResult<Coding> read_coding(const QueryParameters& query, Parameter parameter) noexcept {
  const auto read = read_coding_or_auto(query, parameter);
  if (!read) return std::unexpected(read.error());
  const std::optional<Coding> coding = *read;
  if (!coding) {
    return query.refuse_value(parameter, Errc::unknown_coding, "Only /v1/compress takes auto.");
  }
  return *coding;
}

RequestResult<std::optional<Coding>> read_source(const QueryParameters& query,
                                                 Parameter parameter) noexcept {
  if (!query.has(parameter)) return std::nullopt;
  const auto coding = read_coding(query, parameter);
  if (!coding) return std::unexpected(coding.error());
  return *coding;
}

// The rules that hold once the target coding is known.
RequestResult<EncodeSettings> read_settings(const QueryParameters& query, Coding coding,
                                            const QueryRules& rules) noexcept {
  const core::CodingTraits& traits = core::traits(coding);
  EncodeSettings settings{.coding = coding, .level = static_cast<int>(traits.levels.default_value)};
  if (coding == Coding::identity) {
    for (const Parameter parameter : {level, window}) {
      if (query.has(parameter)) {
        return query.refuse_value(parameter, Errc::invalid_parameter,
                                  "The coding identity has neither levels nor a window.");
      }
    }
  }
  if (query.has(level)) {
    const auto value = query.number(level, {traits.levels.min, traits.levels.max},
                                    Errc::invalid_level, traits.name);
    if (!value) return std::unexpected(value.error());
    settings.level = static_cast<int>(*value);
  }
  if (query.has(window)) {
    const core::IntRange range = window_range(coding, rules.max_window_bytes);
    const auto value =
        query.number(window, {range.min, range.max}, Errc::invalid_window, traits.name);
    if (!value) {
      RequestError error = value.error();
      if (range.max < traits.window_bytes.max) error.flag = "--max-window-bytes";
      return std::unexpected(error);
    }
    settings.window_bytes = *value;
  }
  if (query.has(dictionary)) {
    if (!traits.takes_dictionary) {
      return query.refuse_value(dictionary, Errc::invalid_parameter,
                                "Only zstd and lz4 take a dictionary.");
    }
    const auto name = query.decoded(dictionary, Errc::unknown_dictionary);
    if (!name) return std::unexpected(name.error());
    if (!is_dictionary_name(name->view())) {
      return query.refuse_value(dictionary, Errc::unknown_dictionary,
                                "There is no dictionary of that name or id.");
    }
    settings.dictionary = *name;
  }
  return settings;
}

// Formats whose frames (gzip: members) may follow each other in one body.
constexpr bool may_be_split(Coding coding) noexcept {
  return coding == Coding::lz4 || coding == Coding::zstd || coding == Coding::gzip;
}

// A value out of a short list, by its place in the list.
RequestResult<std::size_t> read_word(const QueryParameters& query, Parameter parameter,
                                     std::initializer_list<std::string_view> words,
                                     const char* detail) noexcept {
  const auto text = query.decoded(parameter, Errc::invalid_parameter);
  if (!text) return std::unexpected(text.error());
  const auto* found = std::ranges::find(words, text->view());
  if (found == words.end()) return query.refuse_value(parameter, Errc::invalid_parameter, detail);
  return static_cast<std::size_t>(found - words.begin());
}

RequestResult<CompressQuery> read_compress_query(std::string_view text, Route route,
                                                 const QueryRules& rules) noexcept {
  const auto query = QueryParameters::parse(text, parameters_of(route));
  if (!query) return std::unexpected(query.error());

  CompressQuery result{.choice = rules.default_choice};
  if (query->has(label)) {
    const auto word = read_word(*query, label, {"media-type", "encoding"},
                                "The label is either media-type or encoding.");
    if (!word) return std::unexpected(word.error());
    result.label = static_cast<Label>(*word);
  }
  Coding target = rules.default_coding;
  if (query->has(coding)) {
    const auto named = read_coding_or_auto(*query, coding);
    if (!named) return std::unexpected(named.error());
    result.choice = *named ? Choice::named : Choice::automatic;
    target = named->value_or(target);
  } else if (result.label == Label::encoding) {
    result.choice = Choice::negotiated;
  }
  if (query->has(prefer)) {
    if (result.choice != Choice::automatic) {
      return query->refuse_value(prefer, Errc::invalid_parameter,
                                 "Only coding=auto has a preference.");
    }
    const auto word = read_word(*query, prefer, {"balanced", "speed", "size"},
                                "The preference is speed, balanced or size.");
    if (!word) return std::unexpected(word.error());
    result.prefer = static_cast<Prefer>(*word);
  }
  if (result.choice != Choice::named) {
    for (const Parameter parameter : {level, window, dictionary, split}) {
      if (query->has(parameter)) {
        return query->refuse_value(parameter, Errc::invalid_parameter,
                                   "The parameter needs a named coding.");
      }
    }
    return result;
  }
  const auto settings = read_settings(*query, target, rules);
  if (!settings) return std::unexpected(settings.error());
  result.target = *settings;
  if (query->has(split)) {
    if (!may_be_split(target)) {
      return query->refuse_value(split, Errc::invalid_parameter,
                                 "Only lz4, zstd and gzip can be split into frames of their own.");
    }
    const auto bytes =
        query->number(split, {kSplitBytes.min, kSplitBytes.max}, Errc::invalid_parameter, "split");
    if (!bytes) return std::unexpected(bytes.error());
    result.split_bytes = *bytes;
  }
  return result;
}

}  // namespace

ParameterSet parameters_of(Route route) noexcept {
  switch (route) {
    case Route::compress:
      return {coding, level, window, label, dictionary, prefer, split};
    case Route::batch_compress:
      return {coding, level, window, label, dictionary, prefer};
    case Route::decompress:
    case Route::batch_decompress:
    case Route::probe:
      return {coding};
    case Route::transcode:
      return {to, from, level, window, dictionary};
    case Route::dictionary_train:
      return {size};
    default:
      return {};
  }
}

core::IntRange window_range(Coding coding, std::uint32_t max_window_bytes) noexcept {
  core::IntRange range = core::traits(coding).window_bytes;
  if (coding == Coding::zstd) {
    range.max = std::clamp(max_window_bytes, range.min, range.max);
    range.default_value = std::min(range.default_value, range.max);
  }
  return range;
}

RequestResult<CompressQuery> parse_compress_query(std::string_view text,
                                                  const QueryRules& rules) noexcept {
  return read_compress_query(text, Route::compress, rules);
}

RequestResult<CompressQuery> parse_batch_compress_query(std::string_view text,
                                                        const QueryRules& rules) noexcept {
  auto query = read_compress_query(text, Route::batch_compress, rules);
  if (query && query->label == Label::encoding) {
    return refuse(Errc::invalid_parameter, "The items of a batch carry no label.",
                  to_string(Parameter::label), "encoding");
  }
  return query;
}

RequestResult<DecompressQuery> parse_decompress_query(std::string_view text) noexcept {
  const auto query = QueryParameters::parse(text, parameters_of(Route::decompress));
  if (!query) return std::unexpected(query.error());
  const auto source = read_source(*query, coding);
  if (!source) return std::unexpected(source.error());
  return DecompressQuery{.coding = *source};
}

RequestResult<TranscodeQuery> parse_transcode_query(std::string_view text,
                                                    const QueryRules& rules) noexcept {
  const auto query = QueryParameters::parse(text, parameters_of(Route::transcode));
  if (!query) return std::unexpected(query.error());
  if (!query->has(to)) {
    return refuse(Errc::invalid_parameter, "The parameter to is needed: it names the new coding.",
                  to_string(to));
  }
  const auto target = read_coding(*query, to);
  if (!target) return std::unexpected(target.error());
  const auto source = read_source(*query, from);
  if (!source) return std::unexpected(source.error());
  const auto settings = read_settings(*query, *target, rules);
  if (!settings) return std::unexpected(settings.error());
  return TranscodeQuery{.from = *source, .target = *settings};
}

RequestResult<EstimateQuery> parse_estimate_query(std::string_view text) noexcept {
  const auto query = parse_no_query(text);
  if (!query) return std::unexpected(query.error());
  return EstimateQuery{};
}

RequestResult<TrainQuery> parse_train_query(std::string_view text) noexcept {
  const auto query = QueryParameters::parse(text, parameters_of(Route::dictionary_train));
  if (!query) return std::unexpected(query.error());
  if (!query->has(size)) return TrainQuery{.size_bytes = kTrainedDictionaryBytes.default_value};
  const auto bytes = query->number(size, {kTrainedDictionaryBytes.min, kTrainedDictionaryBytes.max},
                                   Errc::invalid_parameter, "dictionary");
  if (!bytes) return std::unexpected(bytes.error());
  return TrainQuery{.size_bytes = *bytes};
}

RequestResult<void> parse_no_query(std::string_view text) noexcept {
  const auto query = QueryParameters::parse(text, {});
  if (!query) return std::unexpected(query.error());
  return {};
}

}  // namespace frdpu::proto
