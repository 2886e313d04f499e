#include "server/codec_handler.h"

#include <algorithm>

#include "core/coding_sniffer.h"
#include "core/estimator.h"
#include "proto/documents.h"
#include "server/batch_coder.h"
#include "server/request_reader.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

using core::Coding;
using core::Errc;
using proto::Route;

template <class T>
std::unexpected<proto::RequestError> pass_on(const std::expected<T, proto::RequestError>& failed) {
  return std::unexpected(failed.error());
}

std::unexpected<proto::RequestError> pass_on(const core::Error& error) {
  return std::unexpected(proto::RequestError{.error = error});
}

proto::QueryRules query_rules(const Config& config) noexcept {
  return {.default_choice = proto::Choice::named,
          .default_coding = config.default_coding,
          .max_window_bytes = static_cast<std::uint32_t>(config.max_window_bytes)};
}

}  // namespace

proto::RequestError no_dictionary_dir() noexcept {
  return {.error = {.code = Errc::not_configured,
                    .detail = "There is no folder for dictionaries: --dictionary-dir sets one"}};
}

bool CodecHandler::serves(const proto::RouteMatch& match) noexcept {
  return match.route == Route::compress || match.route == Route::decompress ||
         match.route == Route::transcode || is_operation(match.route, match.method);
}

proto::RequestResult<void> CodecHandler::begin(const proto::RouteMatch& match,
                                               const RequestReader& reader) noexcept {
  if (const DictionaryStore* store = service_.dictionaries()) store->pin(dictionaries_);
  if (begun_.head != reader.head_number()) {
    begun_.head = 0;
    if (auto read = read_request(match, reader); !read) return read;
    // An operation is made anew for each request, and a name may stand for another dictionary.
    if (operates_ || (plan_.encode && plan_.encode->dictionary != nullptr)) return {};
    begun_ = {.head = reader.head_number(), .plan = plan_, .choose = choose_, .sniff = sniff_};
    return {};
  }
  plan_ = begun_.plan;
  choose_ = begun_.choose;
  sniff_ = begun_.sniff;
  return {};
}

proto::RequestResult<void> CodecHandler::read_request(const proto::RouteMatch& match,
                                                      const RequestReader& reader) noexcept {
  match_ = &match;
  plan_ = {};
  plan_.dictionaries = &dictionaries_;
  source_ = {};
  choose_ = sniff_ = false;
  split_bytes_ = 0;
  operation_source_ = {};
  operates_ = is_operation(match.route, match.method);
  switch (match.route) {
    case Route::compress:
    case Route::batch_compress:
      return begin_compress(match.query, reader);
    case Route::decompress:
      return begin_decompress(match.query, reader);
    case Route::transcode:
      return begin_transcode(match.query, reader);
    default:
      return begin_operation(reader);
  }
}

proto::RequestResult<void> CodecHandler::begin_compress(std::string_view query,
                                                        const RequestReader& reader) noexcept {
  const proto::QueryRules rules = query_rules(service_.config());
  const auto parsed = operates_ ? proto::parse_batch_compress_query(query, rules)
                                : proto::parse_compress_query(query, rules);
  if (!parsed) return pass_on(parsed);
  prefer_ = parsed->prefer;
  label_ = parsed->label;
  split_bytes_ = parsed->split_bytes;
  if (auto undone = undo_transport(reader); !undone) return undone;
  proto::EncodeSettings target = parsed->target;
  if (parsed->choice == proto::Choice::negotiated) {
    auto coding = proto::negotiate(reader.head().accept_encoding());
    if (!coding) return pass_on(coding);
    target = {.coding = *coding,
              .level = static_cast<int>(core::traits(*coding).levels.default_value),
              .window_bytes = 0,
              .dictionary = {}};
  }
  choose_ = parsed->choice == proto::Choice::automatic;
  if (split_bytes_ > 0 && plan_.decoders > 0) {
    return proto::refuse(Errc::invalid_parameter,
                         "A body with a Content-Encoding is not compressed in pieces.",
                         to_string(proto::Parameter::split));
  }
  return set_target(target);
}

proto::RequestResult<void> CodecHandler::begin_operation(const RequestReader& reader) noexcept {
  switch (match_->route) {
    case Route::batch_decompress: {
      const auto parsed = proto::parse_decompress_query(match_->query);
      if (!parsed) return pass_on(parsed);
      operation_source_ = parsed->coding;
      break;  // a Content-Encoding is that of the frames, not of what is in them
    }
    case Route::probe: {
      const auto parsed = proto::parse_decompress_query(match_->query);
      if (!parsed) return pass_on(parsed);
      const auto source = proto::plan_source(parsed->coding, reader.head().content_encoding(),
                                             reader.head().content_type());
      if (!source) return pass_on(source);
      // What was applied last is what the bytes are.
      if (!source->sniff) operation_source_ = source->codings.applied().back();
      return {};
    }
    case Route::estimate:
      if (const auto parsed = proto::parse_estimate_query(match_->query); !parsed) {
        return pass_on(parsed);
      }
      break;
    case Route::dictionary_train: {
      const auto parsed = proto::parse_train_query(match_->query);
      if (!parsed) return pass_on(parsed);
      trained_bytes_ = parsed->size_bytes;
      break;
    }
    default:
      if (auto parsed = proto::parse_no_query(match_->query); !parsed) return parsed;
      break;
  }
  const bool stores =
      match_->route == Route::dictionary || match_->route == Route::dictionary_train;
  if (stores && service_.dictionaries() == nullptr) return std::unexpected(no_dictionary_dir());
  return undo_transport(reader);
}

proto::RequestResult<void> CodecHandler::begin_decompress(std::string_view query,
                                                          const RequestReader& reader) noexcept {
  auto parsed = proto::parse_decompress_query(query);
  if (!parsed) return pass_on(parsed);
  auto source = proto::plan_source(parsed->coding, reader.head().content_encoding(),
                                   reader.head().content_type());
  if (!source) return pass_on(source);
  source_ = *source;
  if (auto undone = undo(source_.codings); !undone) return undone;
  sniff_ = source_.sniff;
  return {};
}

proto::RequestResult<void> CodecHandler::begin_transcode(std::string_view query,
                                                         const RequestReader& reader) noexcept {
  auto parsed = proto::parse_transcode_query(query, query_rules(service_.config()));
  if (!parsed) return pass_on(parsed);
  auto source = proto::plan_source(parsed->from, reader.head().content_encoding(),
                                   reader.head().content_type());
  if (!source) return pass_on(source);
  source_ = *source;
  if (auto undone = undo(source_.codings); !undone) return undone;
  sniff_ = source_.sniff;
  return set_target(parsed->target);
}

proto::RequestResult<void> CodecHandler::set_target(const proto::EncodeSettings& target) noexcept {
  const StoredDictionary* dictionary = nullptr;
  if (!target.dictionary.empty()) {
    if (dictionaries_) dictionary = dictionaries_.find_named(target.dictionary.view());
    if (dictionary == nullptr) {
      return proto::refuse(Errc::unknown_dictionary, "there is no dictionary of that name or id",
                           "dictionary");
    }
    if (target.coding == Coding::zstd && !dictionary->dictionary().is_zstd_format()) {
      return proto::refuse(Errc::invalid_parameter,
                           "zstd takes dictionaries in its own format: its frames name no other",
                           "dictionary");
    }
  }
  // `proto` has checked zstd's window against the cap; brotli's may exceed it and is rounded down
  // to what there are workspaces for.
  const auto cap = static_cast<std::uint32_t>(service_.config().max_window_bytes);
  const bool capped = target.coding == Coding::br && target.window_bytes > cap;
  plan_.encode =
      core::EncoderParams{.coding = target.coding,
                          .level = target.level,
                          .window_bytes = capped ? cap : target.window_bytes,
                          .content_bytes = {},
                          .whole = false,
                          .dictionary = dictionary ? &dictionary->dictionary() : nullptr};
  return dictionary ? check_dictionary_room() : proto::RequestResult<void>{};
}

// An encoder's tables grow with its dictionary.
proto::RequestResult<void> CodecHandler::check_dictionary_room() const noexcept {
  const core::WorkspacePools& pools = service_.workspaces();
  core::EncoderParams params = core::with_window_cap(*plan_.encode, pools.max_window_bytes());
  // Of an unknown length, and a small one: which of them takes more depends on the level.
  for (const auto content : {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{0}}) {
    params.content_bytes = content;
    const auto bytes = core::encoder_workspace_bytes(params);
    if (!bytes) return pass_on(bytes.error());
    if (!pools.has_room_for(params.coding, core::Direction::compress, *bytes)) {
      return proto::refuse(Errc::invalid_parameter,
                           "no workspace is large enough for this dictionary at this level",
                           "dictionary");
    }
  }
  return {};
}

void CodecHandler::choose_coding(core::Bytes sample) noexcept {
  const core::Aim aim = prefer_ == proto::Prefer::speed  ? core::Aim::speed
                        : prefer_ == proto::Prefer::size ? core::Aim::size
                                                         : core::Aim::balanced;
  // Under a transport coding the first bytes say nothing: take what is usual for the aim.
  const core::CodingChoice choice = plan_.decoders > 0
                                        ? core::usual_choice(aim)
                                        : core::choose_coding(sample, aim, service_.workspaces());
  plan_.encode->coding = choice.coding;
  plan_.encode->level = choice.level;
  choose_ = false;
}

proto::RequestResult<void> CodecHandler::undo(const proto::ContentCodings& codings) noexcept {
  const auto applied = codings.applied();
  const std::size_t limit = service_.config().max_content_codings;
  const bool names_source = match_->route == Route::decompress || match_->route == Route::transcode;
  const bool sent_so = !names_source || source_.from_content_encoding;
  if (applied.size() > limit && sent_so) {
    return std::unexpected(
        proto::RequestError{.error = {.code = Errc::unsupported_coding,
                                      .detail = "The body has more content codings than are undone",
                                      .limit = limit,
                                      .observed = applied.size()},
                            .parameter = "Content-Encoding",
                            .flag = "--max-content-codings"});
  }
  // Applied first to last, so undone last to first.
  for (std::size_t i = applied.size(); i > 0; --i) {
    plan_.decode[plan_.decoders++] = applied[i - 1];
  }
  return {};
}

proto::RequestResult<void> CodecHandler::undo_transport(const RequestReader& reader) noexcept {
  const auto transport = proto::parse_content_encoding(reader.head().content_encoding());
  if (!transport) return pass_on(transport);
  return undo(*transport);
}

OperationPlan CodecHandler::operation_plan(const RequestReader& reader) noexcept {
  return {.match = match_,
          .encode = plan_.encode,
          .source = operation_source_,
          .trained_bytes = trained_bytes_,
          .body_bytes = plan_.decoders == 0 ? reader.content_length() : std::nullopt,
          .dictionaries = &dictionaries_};
}

std::chrono::nanoseconds CodecHandler::first_cost(const RequestReader& reader) noexcept {
  const std::uint64_t bytes = reader.content_length().value_or(core::k64kBlockBytes);
  const auto codecs = CodecTask::cost_estimate(plan_, bytes);
  return operates_ ? codecs + operation_cost(operation_plan(reader), bytes) : codecs;
}

proto::RequestResult<CodecHandler::Opened> CodecHandler::try_open(RequestReader& reader) noexcept {
  const auto length = reader.content_length();
  const bool streamed = length && *length > core::k64kBlockBytes;
  const bool known_early = streamed && !choose_ && !sniff_;
  const bool enough =
      reader.body_ended() || reader.body().size() > core::k64kBlockBytes || known_early;
  if (!enough) return Opened::needs_body;
  if (sniff_) {
    const core::Bytes first = reader.body().front();
    if (first.empty()) {
      return proto::refuse(Errc::truncated_input, "an empty body is no compressed data");
    }
    const auto coding = core::sniff(first);
    if (!coding) return std::unexpected(proto::unrecognised_source());
    plan_.decode = {*coding};
    plan_.decoders = 1;
    sniff_ = false;
  }
  if (choose_) choose_coding(reader.body().front());
  if (match_->route == Route::decompress && plan_.decoders == 0) {
    plan_.decode[plan_.decoders++] = Coding::identity;
  }
  if (plan_.encode && plan_.decoders == 0 && !operates_) {
    if (length) {
      plan_.encode->content_bytes = length;
    } else if (reader.body_ended()) {
      plan_.encode->content_bytes = reader.body().size();
    }
    plan_.whole = reader.body_ended() && reader.body().front().size() == reader.body().size() &&
                  reader.body().size() <= core::k64kBlockBytes;
    if (!plan_.whole && length.value_or(split_bytes_ + 1) > split_bytes_) {
      plan_.split_bytes = split_bytes_;
    }
  }
  if (operates_ && !operation_) {
    auto made = make_operation(operation_plan(reader), service_);
    if (!made) return pass_on(made.error());
    operation_ = std::move(*made);
    plan_.operation = operation_.get();
  }
  if (auto opened = task_.open(plan_); !opened) return pass_on(opened.error());
  return Opened::yes;
}

std::size_t CodecHandler::result_blocks(const RequestReader& reader) const noexcept {
  // A round's input, the next one's, and a round's result.
  const std::size_t rounds = 3 * task_.round_blocks();
  const auto length = reader.content_length();
  if (length && *length <= core::k64kBlockBytes) return rounds;
  const bool batch =
      match_->route == Route::batch_compress || match_->route == Route::batch_decompress;
  const bool small = reader.body_ended() && reader.body_bytes() <= core::k64kBlockBytes;
  if (batch && !small && (!plan_.encode || plan_.decoders > 0 || !length)) {
    // An item's result is kept until it is whole; where there are few blocks, of few requests.
    return std::min(BatchCoder::kMaxItemBytes / core::k64kBlockBytes + 2,
                    service_.stream_budget().limit() / 2);
  }
  if (!plan_.encode || plan_.decoders > 0 || !length) return rounds;
  if (*length > service_.config().max_stream_bytes) return rounds;
  const std::size_t bound =
      core::encoder_bound(plan_.encode->coding, static_cast<std::size_t>(*length));
  return bound / core::k64kBlockBytes + 2 + rounds;
}

void CodecHandler::describe(proto::ResponseHead& head, const RequestReader& reader) const noexcept {
  switch (match_->route) {
    case Route::compress: {
      const proto::ResultLabel label =
          proto::label_compressed(label_, plan_.encode->coding, reader.head().content_type());
      head.content_type = label.content_type;
      head.content_encoding = label.content_encoding;
      head.vary = label.vary;
      break;
    }
    case Route::decompress:
      head.content_type = proto::decompressed_type(source_, reader.head().content_type());
      head.nosniff = true;
      break;
    case Route::transcode:
      head.content_type =
          proto::label_compressed(proto::Label::media_type, plan_.encode->coding,
                                  proto::decompressed_type(source_, reader.head().content_type()))
              .content_type;
      break;
    case Route::batch_compress:
    case Route::batch_decompress:
      head.content_type = proto::kFramesType;
      break;
    default:
      head.status = operation_->status();
      if (head.status != 204) head.content_type = proto::kJsonType;
      break;
  }
}

std::optional<proto::CompressionStats> CodecHandler::stats() const noexcept {
  const bool batch =
      match_->route == Route::batch_compress || match_->route == Route::batch_decompress;
  if (operates_ && !batch) return {};
  proto::CompressionStats stats{.coding = plan_.encode         ? plan_.encode->coding
                                          : plan_.decoders > 0 ? plan_.decode[plan_.decoders - 1]
                                                               : Coding::identity,
                                .level = {},
                                .in = task_.input_bytes(),
                                .out = task_.output_bytes()};
  if (operation_) stats.coding = static_cast<const BatchCoder&>(*operation_).coding();
  if (plan_.encode && stats.coding != Coding::identity) stats.level = plan_.encode->level;
  return stats;
}

void CodecHandler::close() noexcept {
  task_.close();
  operation_.reset();
  plan_.operation = nullptr;
  dictionaries_.reset();
}

}  // namespace frdpu::server
