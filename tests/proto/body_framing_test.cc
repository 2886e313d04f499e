#include "proto/body_framing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Errc;
using Fields = std::vector<std::pair<std::string, std::string>>;

RequestResult<BodyFraming> judge(const Fields& fields, HttpVersion version) {
  HeadGate gate;
  for (const auto& [name, value] : fields) gate.on_field(name, value);
  return gate.finish(version);
}

// The Host that every row of HTTP/1.1 needs is added by the test.
struct Good {
  const char* name;
  Fields fields;
  BodyKind kind;
  std::uint64_t length = 0;
  HttpVersion version = HttpVersion::http11;
};

const Good kGood[] = {
    {"nothing", {}, BodyKind::none},
    {"length", {{"Content-Length", "5"}}, BodyKind::length, 5},
    {"length of zero", {{"Content-Length", "0"}}, BodyKind::length, 0},
    {"leading zeros", {{"Content-Length", "007"}}, BodyKind::length, 7},
    {"case of the name", {{"cONTENT-lENGTH", "5"}}, BodyKind::length, 5},
    {"the longest length",
     {{"Content-Length", "18446744073709551615"}},
     BodyKind::length,
     18446744073709551615u},
    {"chunked", {{"Transfer-Encoding", "chunked"}}, BodyKind::chunked},
    {"case of chunked", {{"transfer-encoding", "Chunked"}}, BodyKind::chunked},
    {"1.0 without length", {}, BodyKind::none, 0, HttpVersion::http10},
    {"1.0 with length", {{"Content-Length", "5"}}, BodyKind::length, 5, HttpVersion::http10},
    {"names that only look alike",
     {{"Content-Lengths", "x"}, {"Content_Length", "y"}, {"Hosts", "z"}, {"Tran", "gzip"}},
     BodyKind::none},
};

TEST(HeadGateTest, LetsThroughWhatIsPlain) {
  for (const Good& row : kGood) {
    SCOPED_TRACE(row.name);
    Fields fields = row.fields;
    if (row.version == HttpVersion::http11) fields.emplace_back("Host", "a");
    const auto framing = judge(fields, row.version);
    ASSERT_TRUE(framing) << framing.error().error.detail;
    EXPECT_EQ(framing->kind, row.kind);
    EXPECT_EQ(framing->length, row.length);
    EXPECT_EQ(framing->has_body(), row.kind == BodyKind::chunked || row.length > 0);
  }
}

struct Bad {
  const char* name;
  Fields fields;
  const char* parameter;
  Errc code = Errc::malformed_request;
  HttpVersion version = HttpVersion::http11;
};

const Bad kBad[] = {
    {"length twice", {{"Content-Length", "5"}, {"Content-Length", "5"}}, "Content-Length"},
    {"two lengths", {{"Content-Length", "5"}, {"Content-Length", "6"}}, "Content-Length"},
    {"length twice, first broken",
     {{"Content-Length", "x"}, {"Content-Length", "6"}},
     "Content-Length"},
    {"length as a list", {{"Content-Length", "5, 5"}}, "Content-Length"},
    {"length with a comma", {{"Content-Length", "5,"}}, "Content-Length"},
    {"empty length", {{"Content-Length", ""}}, "Content-Length"},
    {"signed length", {{"Content-Length", "+5"}}, "Content-Length"},
    {"negative length", {{"Content-Length", "-5"}}, "Content-Length"},
    {"hexadecimal length", {{"Content-Length", "0x5"}}, "Content-Length"},
    {"length with a fraction", {{"Content-Length", "5.0"}}, "Content-Length"},
    {"length with a space", {{"Content-Length", "5 5"}}, "Content-Length"},
    {"length in quotes", {{"Content-Length", "\"5\""}}, "Content-Length"},
    {"length in 1.0 twice",
     {{"Content-Length", "5"}, {"Content-Length", "5"}},
     "Content-Length",
     Errc::malformed_request,
     HttpVersion::http10},
    {"length of 2^64",
     {{"Content-Length", "18446744073709551616"}},
     "Content-Length",
     Errc::body_too_large},
    {"endless length",
     {{"Content-Length", std::string(400, '9')}},
     "Content-Length",
     Errc::body_too_large},

    {"both", {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}, "Transfer-Encoding"},
    {"both, the other way",
     {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}},
     "Transfer-Encoding"},
    {"xchunked", {{"Transfer-Encoding", "xchunked"}}, "Transfer-Encoding"},
    {"chunked, gzip", {{"Transfer-Encoding", "chunked, gzip"}}, "Transfer-Encoding"},
    {"chunked, then gzip in a line of its own",
     {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "gzip"}},
     "Transfer-Encoding"},
    {"gzip alone", {{"Transfer-Encoding", "gzip"}}, "Transfer-Encoding"},
    {"identity", {{"Transfer-Encoding", "identity"}}, "Transfer-Encoding"},
    {"chunked twice", {{"Transfer-Encoding", "chunked, chunked"}}, "Transfer-Encoding"},
    {"chunked in two lines",
     {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
     "Transfer-Encoding"},
    {"chunked around gzip", {{"Transfer-Encoding", "chunked, gzip, chunked"}}, "Transfer-Encoding"},
    {"chunked with a parameter", {{"Transfer-Encoding", "chunked;q=1"}}, "Transfer-Encoding"},
    {"empty", {{"Transfer-Encoding", ""}}, "Transfer-Encoding"},
    {"empty, then chunked",
     {{"Transfer-Encoding", ""}, {"Transfer-Encoding", "chunked"}},
     "Transfer-Encoding"},
    {"trailing comma", {{"Transfer-Encoding", "chunked,"}}, "Transfer-Encoding"},
    {"leading comma", {{"Transfer-Encoding", ", chunked"}}, "Transfer-Encoding"},
    {"quoted", {{"Transfer-Encoding", "\"chunked\""}}, "Transfer-Encoding"},
    {"space in the middle", {{"Transfer-Encoding", "chun ked"}}, "Transfer-Encoding"},
    {"no token in front", {{"Transfer-Encoding", "g(zip, chunked"}}, "Transfer-Encoding"},
    {"chunked in 1.0",
     {{"Transfer-Encoding", "chunked"}},
     "Transfer-Encoding",
     Errc::malformed_request,
     HttpVersion::http10},
    {"gzip, chunked in 1.0",
     {{"Transfer-Encoding", "gzip, chunked"}},
     "Transfer-Encoding",
     Errc::malformed_request,
     HttpVersion::http10},
    {"gzip, chunked",
     {{"Transfer-Encoding", "gzip, chunked"}},
     "Transfer-Encoding",
     Errc::unsupported_transfer_coding},
    {"gzip, chunked in two lines",
     {{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}},
     "Transfer-Encoding",
     Errc::unsupported_transfer_coding},
    {"with a parameter of its own, chunked",
     {{"Transfer-Encoding", "x;a=b, chunked"}},
     "Transfer-Encoding",
     Errc::unsupported_transfer_coding},
    {"identity, chunked",
     {{"Transfer-Encoding", "identity, chunked"}},
     "Transfer-Encoding",
     Errc::unsupported_transfer_coding},
};

TEST(HeadGateTest, RefusesWhatTwoReadersReadDifferently) {
  for (const Bad& row : kBad) {
    SCOPED_TRACE(row.name);
    Fields fields = row.fields;
    fields.emplace_back("Host", "a");
    const auto framing = judge(fields, row.version);
    ASSERT_FALSE(framing);
    EXPECT_EQ(framing.error().error.code, row.code);
    EXPECT_EQ(framing.error().parameter, row.parameter);
    EXPECT_STRNE(framing.error().error.detail, "");
  }
}

TEST(HeadGateTest, RefusesAnEmptyTransferEncodingWithoutMemory) {
  // As the field reader hands it over: an empty value views nothing. Found by the fuzzer.
  HeadGate gate;
  gate.on_field("Host", "a");
  gate.on_field("Transfer-Encoding", "chunked");
  gate.on_field("Transfer-Encoding", std::string_view());
  EXPECT_FALSE(gate.finish(HttpVersion::http11));
}

struct HostRow {
  const char* name;
  std::vector<std::string> hosts;
  bool good11;
  bool good10;
};

const HostRow kHosts[] = {
    {"none", {}, false, true},
    {"one", {"a"}, true, true},
    {"two", {"a", "a"}, false, false},
    {"two that differ", {"a", "b"}, false, false},
    {"three", {"a", "b", "c"}, false, false},
    {"empty", {""}, true, true},
    {"port", {"example.com:8080"}, true, true},
    {"empty port", {"example.com:"}, true, true},
    {"IPv4", {"127.0.0.1:80"}, true, true},
    {"IPv6", {"[::1]"}, true, true},
    {"IPv6 and port", {"[fe80::1]:80"}, true, true},
    {"underscore", {"my_service"}, true, true},
    {"IPv6 without end", {"[::1"}, false, false},
    {"IPv6 without address", {"[]"}, false, false},
    {"junk behind IPv6", {"[::1]x"}, false, false},
    {"port alone", {":80"}, false, false},
    {"port of letters", {"a:b"}, false, false},
    {"two ports", {"a:80:80"}, false, false},
    {"list", {"a,b"}, false, false},
    {"list with a space", {"a, b"}, false, false},
    {"path", {"a/b"}, false, false},
    {"user name", {"me@a"}, false, false},
    {"query", {"a?b"}, false, false},
    {"space", {"a b"}, false, false},
    {"obs-text", {"\xc3\xa4"}, false, false},
};

TEST(HeadGateTest, JudgesTheHost) {
  for (const HostRow& row : kHosts) {
    SCOPED_TRACE(row.name);
    Fields fields;
    for (const std::string& host : row.hosts) fields.emplace_back("hOST", host);
    EXPECT_EQ(judge(fields, HttpVersion::http11).has_value(), row.good11);
    EXPECT_EQ(judge(fields, HttpVersion::http10).has_value(), row.good10);
    if (!row.good11) {
      EXPECT_EQ(judge(fields, HttpVersion::http11).error().error.code, Errc::malformed_request);
      EXPECT_EQ(judge(fields, HttpVersion::http11).error().parameter, "Host");
    }
  }
}

}  // namespace
}  // namespace frdpu::proto
