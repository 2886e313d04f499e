#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/coding.h"
#include "tests/support/batch_items.h"
#include "tests/support/faults.h"
#include "tests/support/http_client.h"
#include "tests/support/oracles.h"
#include "tests/support/running_service.h"

/// Conversations with a service in which something is made to fail, one operation after the other.
namespace frdpu::test {

/// Whether an answer is the right one.
using RightAnswer = std::function<bool(const HttpAnswer&)>;

struct FailureScenario {
  const char* name;
  std::string first;
  std::string rest{};  ///< sent behind `first`, with `waits_for_continue` only when asked for
  bool waits_for_continue = false;
  std::vector<RightAnswer> right;  ///< one for each request
};

inline RightAnswer decodes_to(core::Coding coding, Buffer expected) {
  return [coding, expected = std::move(expected)](const HttpAnswer& answer) {
    return answer.status == 200 &&
           oracle_decode(coding, core::as_bytes(answer.body), 2 * expected.size() + 64) == expected;
  };
}
inline RightAnswer is_text(Buffer expected) {
  return [text = to_text(expected)](const HttpAnswer& answer) {
    return answer.status == 200 && answer.body == text;
  };
}

inline std::string post(std::string_view target, core::Bytes body, std::string_view fields) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + to_text(body);
}

inline std::string post_chunked(std::string_view target, core::Bytes body, std::size_t chunk_bytes,
                                std::string_view fields) {
  std::string text = "POST " + std::string(target) +
                     " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" +
                     std::string(fields) + "\r\n";
  for (; !body.empty(); body = body.subspan(std::min(chunk_bytes, body.size()))) {
    const std::string data = to_text(body.first(std::min(chunk_bytes, body.size())));
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    text += size + data + "\r\n";
  }
  return text + "0\r\n\r\n";
}

/// A request of each shape that takes another way through the service. `large_bytes`: of what is
/// streamed.
inline std::vector<FailureScenario> failure_scenarios(std::size_t large_bytes) {
  using core::Coding;
  constexpr std::string_view kClose = "Connection: close\r\n";
  const Buffer small = text_like(1400);
  const Buffer middle = json_like(5000);
  const Buffer large = mixed_bytes(large_bytes);
  std::vector<FailureScenario> scenarios;
  scenarios.push_back({.name = "a small body",
                       .first = post("/v1/compress?coding=gzip", small, kClose),
                       .right = {decodes_to(Coding::gzip, small)}});
  scenarios.push_back({.name = "a long chunked body",
                       .first = post_chunked("/v1/compress?coding=lz4", large, 20'000, kClose),
                       .right = {decodes_to(Coding::lz4, large)}});
  scenarios.push_back(
      {.name = "work for a worker",
       .first = post_chunked("/v1/compress?coding=zstd&level=9", large, 50'000, kClose),
       .right = {decodes_to(Coding::zstd, large)}});
  scenarios.push_back(
      {.name = "a long decoded body",
       .first = post_chunked("/v1/decompress", oracle_encode(Coding::zstd, large), 7000, kClose),
       .right = {is_text(large)}});
  const Buffer plain_items = framed({small, middle, {}, small});
  scenarios.push_back(
      {.name = "a batch",
       .first = post_chunked(
           "/v1/batch/decompress?coding=zstd",
           framed({oracle_encode(Coding::zstd, small), oracle_encode(Coding::zstd, middle),
                   oracle_encode(Coding::zstd, {}), oracle_encode(Coding::zstd, small)}),
           900, kClose),
       .right = {is_text(plain_items)}});
  const std::string expecting =
      post("/v1/compress?coding=deflate", middle, "Connection: close\r\nExpect: 100-continue\r\n");
  const std::size_t head = expecting.find("\r\n\r\n") + 4;
  scenarios.push_back({.name = "a body that waits for 100 Continue",
                       .first = expecting.substr(0, head),
                       .rest = expecting.substr(head),
                       .waits_for_continue = true,
                       .right = {decodes_to(Coding::deflate, middle)}});
  scenarios.push_back(
      {.name = "a pipeline",
       .first = post("/v1/compress?coding=zstd", small, "") +
                post_chunked("/v1/compress?coding=identity", large, 3000, "") +
                post("/v1/decompress", oracle_encode(Coding::gzip, middle), "") +
                post_chunked("/v1/transcode?to=br", oracle_encode(Coding::lz4, small), 100, kClose),
       .right = {decodes_to(Coding::zstd, small), is_text(large), is_text(middle),
                 decodes_to(Coding::br, small)}});
  return scenarios;
}

/// Holds a scenario's conversation with a service, over TLS where a context is given.
inline HttpConversation hold(const FailureScenario& scenario, const RunningService& service,
                             const server::TlsContext* tls = nullptr) {
  const FaultExemption client_is_exempt;
  HttpClient client(service.port(), tls);
  return converse(client, scenario.first, scenario.rest, scenario.waits_for_continue);
}

/// How a conversation went.
struct FailureOutcome {
  std::size_t right = 0;                    ///< right answers
  std::vector<const HttpAnswer*> others{};  ///< whole ones that are not right
  bool all_right = false;
};

/// Checks what holds whatever failed: no hang, no nonsense, no answer too many, and none behind
/// one that is not whole or says that it is the last.
inline FailureOutcome judge(const FailureScenario& scenario, const HttpConversation& conversation) {
  FailureOutcome outcome;
  EXPECT_TRUE(conversation.ended) << "hangs";
  EXPECT_EQ(conversation.nonsense, "");
  std::size_t answered = 0;
  bool was_last = false;
  for (const HttpAnswer& answer : conversation.answers) {
    EXPECT_FALSE(was_last) << "an answer behind the last one: " << answer.head;
    if (answer.status == 100) {
      EXPECT_TRUE(scenario.waits_for_continue);
      continue;
    }
    was_last = !answer.whole || answer.head.find("\r\nConnection: close\r\n") != answer.head.npos;
    if (answered == scenario.right.size()) {
      ADD_FAILURE() << "an answer too many: " << answer.head;
    } else if (answer.whole && scenario.right[answered](answer)) {
      ++outcome.right;
    } else if (answer.whole) {
      outcome.others.push_back(&answer);
    }
    ++answered;
  }
  outcome.all_right = outcome.right == scenario.right.size();
  return outcome;
}

}  // namespace frdpu::test
