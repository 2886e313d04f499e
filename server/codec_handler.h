#pragma once

#include <cstdint>
#include <optional>

#include "core/leased.h"
#include "proto/negotiation.h"
#include "proto/query.h"
#include "proto/request_error.h"
#include "proto/response_head.h"
#include "proto/routes.h"
#include "server/codec_task.h"
#include "server/dictionary_store.h"
#include "server/operation_factory.h"

namespace frdpu::server {

class RequestReader;
class Service;

/// The refusal of whatever needs `--dictionary-dir` where there is none.
[[nodiscard]] proto::RequestError no_dictionary_dir() noexcept;

/// What is done with a body: coded once, or an operation (`operation_factory.h`). From a request's
/// head to a plan for the codec task, and from the task to the fields of the answer.
/// Joins the rules of `proto` with the codecs of `core`, and holds none of its own. Life: `begin`,
/// `try_open` until it opens, slices, `close`. Threads: the loop's.
class CodecHandler {
 public:
  explicit CodecHandler(Service& service) noexcept : service_(service), task_(service) {}

  [[nodiscard]] static bool serves(const proto::RouteMatch& match) noexcept;

  /// Reads query and fields. Errors: every refusal that needs no body.
  [[nodiscard]] proto::RequestResult<void> begin(const proto::RouteMatch& match,
                                                 const RequestReader& reader) noexcept;

  /// Estimate of the work that a body is, as far as the head tells: of 64 KiB where it has no
  /// length.
  [[nodiscard]] std::chrono::nanoseconds first_cost(const RequestReader& reader) noexcept;

  enum class Opened : std::uint8_t { yes, needs_body };

  /// Opens the task as soon as all that it depends on is known: for bodies of up to 64 KiB that is
  /// the whole body, otherwise the head or the first bytes.
  /// Errors: pool_exhausted: try again; everything else is final.
  [[nodiscard]] proto::RequestResult<Opened> try_open(RequestReader& reader) noexcept;

  [[nodiscard]] CodecTask& task() noexcept { return task_; }
  [[nodiscard]] const CodecTask& task() const noexcept { return task_; }

  /// Blocks that the whole result may fill, where the request's length says so and the result is
  /// long enough to be streamed, and those that pieces worked together fill; 0 otherwise.
  [[nodiscard]] std::size_t result_blocks(const RequestReader& reader) const noexcept;

  /// Fills in the fields that say what the result is.
  void describe(proto::ResponseHead& head, const RequestReader& reader) const noexcept;

  /// Nothing where no codec's result is the answer.
  [[nodiscard]] std::optional<proto::CompressionStats> stats() const noexcept;

  /// Gives all memory back. Requires: no slice is running.
  void close() noexcept;

 private:
  [[nodiscard]] proto::RequestResult<void> read_request(const proto::RouteMatch& match,
                                                        const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> begin_compress(std::string_view query,
                                                          const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> begin_decompress(std::string_view query,
                                                            const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> begin_operation(const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> begin_transcode(std::string_view query,
                                                           const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> set_target(const proto::EncodeSettings& target) noexcept;
  [[nodiscard]] proto::RequestResult<void> check_dictionary_room() const noexcept;
  void choose_coding(core::Bytes sample) noexcept;
  [[nodiscard]] OperationPlan operation_plan(const RequestReader& reader) noexcept;
  [[nodiscard]] proto::RequestResult<void> undo(const proto::ContentCodings& codings) noexcept;
  [[nodiscard]] proto::RequestResult<void> undo_transport(const RequestReader& reader) noexcept;

  Service& service_;
  CodecTask task_;
  core::Leased<Operation> operation_;
  CodecTask::Plan plan_{};
  const proto::RouteMatch* match_ = nullptr;  // the exchange's
  // Of a compression's query.
  proto::Prefer prefer_{};
  proto::Label label_{};
  std::uint32_t split_bytes_ = 0;
  proto::SourcePlan source_{};
  bool choose_ = false;  // coding=auto: a sample decides
  bool sniff_ = false;   // the first bytes say what the source is
  bool operates_ = false;
  std::optional<core::Coding> operation_source_{};  // of what is in a batch, or is probed
  std::uint32_t trained_bytes_ = 0;
  PinnedDictionaries dictionaries_;
  /// What the latest good head alone said of these, for when it comes again.
  struct {
    std::uint64_t head = 0;
    CodecTask::Plan plan{};
    bool choose = false;
    bool sniff = false;
  } begun_;
};

}  // namespace frdpu::server
