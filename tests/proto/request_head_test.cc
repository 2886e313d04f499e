#include "proto/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Errc;

std::string head_of(const std::string& lines, const char* version = "HTTP/1.1") {
  return std::string("POST /v1/compress ") + version + "\r\nHost: a\r\n" + lines + "\r\n";
}

TEST(RequestHeadTest, CollectsWhatTheServiceNeeds) {
  const std::string head = head_of(
      "content-type: text/plain; charset=utf-8\r\n"
      "Content-Encoding: gzip\r\n"
      "Content-Encoding: br\r\n"
      "ACCEPT-ENCODING: zstd;q=0.5, gzip\r\n"
      "Accept: application/openmetrics-text\r\n"
      "Accept: */*\r\n"
      "TE: gzip, Trailers\r\n"
      "Expect: 100-Continue\r\n"
      "Authorization: Bearer s3cret==\r\n"
      "X-Request-Id: req-1\r\n"
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
      "Transfer-Encoding: chunked\r\n"
      "User-Agent: curl/8\r\n");
  const auto read = read_request_head(head);
  ASSERT_TRUE(read) << read.error().error.detail;
  const RequestHead& fields = read->fields;
  EXPECT_EQ(read->line.method, "POST");
  EXPECT_EQ(read->line.target, "/v1/compress");
  EXPECT_EQ(fields.version(), HttpVersion::http11);
  EXPECT_EQ(fields.framing().kind, BodyKind::chunked);
  EXPECT_EQ(fields.host(), "a");
  EXPECT_EQ(fields.content_type(), "text/plain; charset=utf-8");
  ASSERT_EQ(fields.content_encoding().lines().size(), 2u);
  EXPECT_EQ(fields.content_encoding().lines()[0], "gzip");
  EXPECT_EQ(fields.content_encoding().lines()[1], "br");
  ASSERT_EQ(fields.accept_encoding().lines().size(), 1u);
  EXPECT_EQ(fields.accept_encoding().first(), "zstd;q=0.5, gzip");
  EXPECT_EQ(fields.accept(), "application/openmetrics-text");
  EXPECT_TRUE(fields.accepts_trailers());
  EXPECT_TRUE(fields.wants_continue());
  EXPECT_TRUE(fields.persistent());
  EXPECT_EQ(fields.bearer_token(), "s3cret==");
  EXPECT_EQ(fields.request_id(), "req-1");
  EXPECT_EQ(fields.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST(RequestHeadTest, IsEmptyWithoutFields) {
  const auto read = read_request_head(head_of(""));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fields.content_type(), "");
  EXPECT_FALSE(read->fields.accept_encoding().present());
  EXPECT_FALSE(read->fields.content_encoding().present());
  EXPECT_FALSE(read->fields.accepts_trailers());
  EXPECT_FALSE(read->fields.wants_continue());
  EXPECT_EQ(read->fields.bearer_token(), std::nullopt);
  EXPECT_EQ(read->fields.request_id(), "");
  EXPECT_EQ(read->fields.traceparent(), "");
}

TEST(RequestHeadTest, TellsAnEmptyAcceptEncodingFromNone) {
  EXPECT_TRUE(
      read_request_head(head_of("Accept-Encoding:\r\n"))->fields.accept_encoding().present());
}

struct ConnectionRow {
  const char* name;
  const char* lines;
  bool persistent11;
  bool persistent10;
};

const ConnectionRow kConnections[] = {
    {"none", "", true, false},
    {"close", "Connection: close\r\n", false, false},
    {"case of close", "connection: Close\r\n", false, false},
    {"keep-alive", "Connection: keep-alive\r\n", true, true},
    {"case of keep-alive", "Connection: Keep-Alive\r\n", true, true},
    {"both", "Connection: keep-alive, close\r\n", false, false},
    {"in two lines", "Connection: keep-alive\r\nConnection: close\r\n", false, false},
    {"among others", "Connection: TE , close,Upgrade\r\n", false, false},
    {"others", "Connection: TE, Upgrade\r\n", true, false},
    {"empty elements", "Connection: ,, close ,\r\n", false, false},
    {"part of a word", "Connection: closed, xclose\r\n", true, false},
    {"empty", "Connection:\r\n", true, false},
    {"another field", "Proxy-Connection: close\r\n", true, false},
};

TEST(RequestHeadTest, KnowsWhenTheConnectionMayGoOn) {
  for (const ConnectionRow& row : kConnections) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(read_request_head(head_of(row.lines))->fields.persistent(), row.persistent11);
    EXPECT_EQ(read_request_head(head_of(row.lines, "HTTP/1.0"))->fields.persistent(),
              row.persistent10);
  }
}

TEST(RequestHeadTest, SaysContinueOnlyToThoseWhoWait) {
  const struct {
    const char* name;
    const char* lines;
    const char* version;
    bool wants;
  } rows[] = {
      {"with length", "Expect: 100-continue\r\nContent-Length: 1\r\n", "HTTP/1.1", true},
      {"chunked", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1", true},
      {"without a body", "Expect: 100-continue\r\n", "HTTP/1.1", false},
      {"length of zero", "Expect: 100-continue\r\nContent-Length: 0\r\n", "HTTP/1.1", false},
      {"1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", "HTTP/1.0", false},
      {"1.0 with another", "Expect: tea\r\nContent-Length: 1\r\n", "HTTP/1.0", false},
      {"empty", "Expect:\r\nContent-Length: 1\r\n", "HTTP/1.1", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto read = read_request_head(head_of(row.lines, row.version));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->fields.wants_continue(), row.wants);
  }
}

struct Bad {
  const char* name;
  std::string lines;
  Errc code;
  const char* parameter;
};

const Bad kBad[] = {
    {"the gate", "Content-Length: 1\r\nContent-Length: 1\r\n", Errc::malformed_request,
     "Content-Length"},
    {"the scan", "Folded: a\r\n b\r\n", Errc::malformed_request, ""},
    {"connection of no tokens", "Connection: close now\r\n", Errc::malformed_request, "Connection"},
    {"two types", "Content-Type: a/b\r\nContent-Type: a/b\r\n", Errc::malformed_request,
     "Content-Type"},
    {"two authorizations", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
     Errc::malformed_request, "Authorization"},
    {"unknown expectation", "Expect: tea\r\n", Errc::expectation_failed, "Expect"},
    {"unknown beside the known", "Expect: 100-continue, tea\r\nContent-Length: 1\r\n",
     Errc::expectation_failed, "Expect"},
    {"expectation with a parameter", "Expect: 100-continue;x\r\n", Errc::expectation_failed,
     "Expect"},
    {"endless type", "Content-Type: " + std::string(513, 't') + "\r\n", Errc::headers_too_large,
     "Content-Type"},
    {"five lines of codings",
     "Accept-Encoding: a\r\nAccept-Encoding: a\r\nAccept-Encoding: a\r\nAccept-Encoding: a\r\n"
     "Accept-Encoding: a\r\n",
     Errc::headers_too_large, "Accept-Encoding"},
};

TEST(RequestHeadTest, RefusesWhatIsWrong) {
  for (const Bad& row : kBad) {
    SCOPED_TRACE(row.name);
    const auto read = read_request_head(head_of(row.lines));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().error.code, row.code);
    EXPECT_EQ(read.error().parameter, row.parameter);
  }
}

TEST(RequestHeadTest, NeverRepeatsAnAuthorization) {
  const auto read =
      read_request_head(head_of("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"));
  EXPECT_EQ(read.error().value, "");
}

TEST(RequestHeadTest, ReadsBearerTokens) {
  const struct {
    const char* name;
    const char* value;
    const char* token;  // nullptr: none
  } rows[] = {
      {"plain", "Bearer abc", "abc"},
      {"case of the scheme", "bEARER abc", "abc"},
      {"all characters", "Bearer aZ09-._~+/=", "aZ09-._~+/="},
      {"two spaces", "Bearer  abc", "abc"},
      {"scheme alone", "Bearer", nullptr},
      {"other scheme", "Basic abc", nullptr},
      {"no space", "Bearerabc", nullptr},
      {"two words", "Bearer a b", nullptr},
      {"comma", "Bearer a,b", nullptr},
      {"empty", "", nullptr},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    RequestHead head;
    head.on_field("Authorization", row.value);
    const auto token = head.bearer_token();
    EXPECT_EQ(token.has_value(), row.token != nullptr);
    if (row.token != nullptr && token) {
      EXPECT_EQ(*token, row.token);
    }
  }
}

TEST(RequestHeadTest, DropsIdsThatALogCannotCarry) {
  const struct {
    const char* name;
    std::string value;
    bool good;
  } rows[] = {
      {"plain", "a-b_c.9/+=", true},
      {"longest", std::string(128, 'a'), true},
      {"too long", std::string(129, 'a'), false},
      {"space", "a b", false},
      {"quote", "a\"b", false},
      {"backslash", "a\\b", false},
      {"line end", "a\r\nb", false},
      {"obs-text", "\xc3\xa4", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    RequestHead head;
    head.on_field("x-request-id", row.value);
    EXPECT_EQ(head.request_id(), row.good ? row.value : "");
  }
  RequestHead twice;
  twice.on_field("X-Request-Id", "a");
  twice.on_field("X-Request-Id", "a");
  EXPECT_EQ(twice.request_id(), "");
}

TEST(RequestHeadTest, DropsMalformedTraceparents) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const struct {
    const char* name;
    std::string value;
    bool good;
  } rows[] = {
      {"good", good, true},
      {"later version", "01" + good.substr(2), true},
      {"later version with more", "01" + good.substr(2) + "-what", true},
      {"later version with more, undashed", "01" + good.substr(2) + "what", false},
      {"this version with more", good + "-what", false},
      {"version ff", "ff" + good.substr(2), false},
      {"upper case", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
      {"trace of zeros", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
      {"parent of zeros", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
      {"short", good.substr(0, 54), false},
      {"empty", "", false},
      {"no dashes", std::string(55, '1'), false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    RequestHead head;
    head.on_field("Traceparent", row.value);
    EXPECT_EQ(head.traceparent(), row.good ? row.value : "");
  }
}

}  // namespace
}  // namespace frdpu::proto
