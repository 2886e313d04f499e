#include "proto/head_memo.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace frdpu::proto {
namespace {

std::string head_of(const std::string& lines, const char* target = "/v1/compress?coding=lz4") {
  return std::string("POST ") + target + " HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}

/// Has the memo keep a head, which dies behind it.
void keep(HeadMemo& memo, const std::string& head) {
  const std::string passing = head;
  const auto read = read_request_head(memo.take(passing));
  ASSERT_TRUE(read) << read.error().error.detail;
  memo.keep(*read);
}

std::optional<std::uint64_t> recalled_length(HeadMemo& memo, const std::string& head) {
  const ReadHead* const known = memo.recall(head);
  if (known == nullptr) return std::nullopt;
  return known->fields.framing().length;
}

TEST(HeadMemoTest, HasNothingAtFirst) {
  HeadMemo memo;
  EXPECT_EQ(memo.recall(""), nullptr);
  EXPECT_EQ(memo.recall(head_of("")), nullptr);
}

TEST(HeadMemoTest, RecallsTheSameHeadWithAllThatItSays) {
  HeadMemo memo;
  const std::string head = head_of(
      "Accept: a/b\r\nContent-Type: text/plain\r\nContent-Length: 1400\r\n"
      "Accept-Encoding: br\r\nX-Request-Id: r-1\r\nConnection: close\r\n");
  keep(memo, head);
  const ReadHead* const known = memo.recall(head);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->line.method, "POST");
  EXPECT_EQ(known->line.target, "/v1/compress?coding=lz4");
  EXPECT_EQ(known->line.version, HttpVersion::http11);
  EXPECT_EQ(known->fields.framing().kind, BodyKind::length);
  EXPECT_EQ(known->fields.framing().length, 1400u);
  EXPECT_EQ(known->fields.host(), "a");
  EXPECT_EQ(known->fields.accept(), "a/b");
  EXPECT_EQ(known->fields.content_type(), "text/plain");
  EXPECT_EQ(known->fields.accept_encoding().first(), "br");
  EXPECT_EQ(known->fields.request_id(), "r-1");
  EXPECT_FALSE(known->fields.persistent());
}

TEST(HeadMemoTest, TakesEveryOtherContentLength) {
  HeadMemo memo;
  const auto head = [](const std::string& length) {
    return head_of("A: b\r\nContent-Length: \t" + length + " \r\nContent-Type: c/d\r\n");
  };
  keep(memo, head("1400"));
  for (const std::uint64_t length :
       {std::uint64_t{1}, std::uint64_t{0}, std::uint64_t{999'999'999'999'999'999}}) {
    EXPECT_EQ(recalled_length(memo, head(std::to_string(length))), length);
    EXPECT_EQ(memo.recall(head(std::to_string(length)))->fields.content_type(), "c/d");
  }
  EXPECT_EQ(recalled_length(memo, head("007")), 7u);
  EXPECT_FALSE(memo.recall(head("0"))->fields.framing().has_body());
  // Whatever is not plain digits is for those to judge who read heads.
  for (const char* other :
       {"", "-1", "+1", "1 ", " 1", "1,1", "1400\r\nContent-Length: 1400", "0x1",
        "1\r\nTransfer-Encoding: chunked", "1000000000000000000", "99999999999999999999999"}) {
    EXPECT_EQ(recalled_length(memo, head(other)), std::nullopt) << other;
  }
  EXPECT_EQ(recalled_length(memo, head("1400")), 1400u);
}

TEST(HeadMemoTest, KnowsNoHeadThatDiffersElsewhere) {
  HeadMemo memo;
  const std::string head = head_of("A: b\r\nContent-Length: 12\r\nContent-Type: c/d\r\n");
  keep(memo, head);
  const std::size_t digits = head.find("12");
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (i == digits || i == digits + 1) continue;
    std::string other = head;
    other[i] ^= 1;
    EXPECT_EQ(memo.recall(other), nullptr) << i;
    other = head;
    other.erase(i, 1);
    EXPECT_EQ(memo.recall(other), nullptr) << i;
    other.insert(i, 2, head[i]);
    EXPECT_EQ(memo.recall(other), nullptr) << i;
  }
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(memo.recall(head.substr(0, size)), nullptr) << size;
    EXPECT_EQ(memo.recall(head.substr(head.size() - size)), nullptr) << size;
  }
  EXPECT_EQ(recalled_length(memo, head), 12u);
}

TEST(HeadMemoTest, RecallsHeadsWithoutContentLengthAsTheyWere) {
  for (const char* lines : {"", "Transfer-Encoding: chunked\r\n"}) {
    HeadMemo memo;
    keep(memo, head_of(lines));
    const ReadHead* const known = memo.recall(head_of(lines));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(known->fields.framing().has_body(), *lines != '\0');
    EXPECT_EQ(memo.recall(head_of(lines) + "1"), nullptr);
    EXPECT_EQ(memo.recall(head_of(lines, "/v1/compress?coding=lz5")), nullptr);
  }
}

TEST(HeadMemoTest, NeverKeepsAnAuthorization) {
  HeadMemo memo;
  const std::string head = head_of("Authorization: Bearer s3cret\r\n");
  keep(memo, head);
  EXPECT_EQ(memo.recall(head), nullptr);
}

TEST(HeadMemoTest, KeepsNoHeadThatIsTooLong) {
  const auto head_of_size = [](std::size_t size) {
    return head_of("A: " + std::string(size - head_of("A: \r\n").size(), 'a') + "\r\n");
  };
  HeadMemo memo;
  keep(memo, head_of_size(HeadMemo::kMaxBytes));
  EXPECT_NE(memo.recall(head_of_size(HeadMemo::kMaxBytes)), nullptr);
  const std::string longer = head_of_size(HeadMemo::kMaxBytes + 1);
  EXPECT_EQ(memo.take(longer).data(), longer.data());
  const auto read = read_request_head(longer);
  ASSERT_TRUE(read);
  memo.keep(*read);
  EXPECT_EQ(memo.recall(longer), nullptr);
}

TEST(HeadMemoTest, ForgetsAHeadWhenAnotherIsTaken) {
  HeadMemo memo;
  keep(memo, head_of(""));
  EXPECT_EQ(memo.take("BAD"), "BAD");
  EXPECT_EQ(memo.recall(head_of("")), nullptr);
  EXPECT_EQ(memo.recall("BAD"), nullptr);
}

}  // namespace
}  // namespace frdpu::proto
