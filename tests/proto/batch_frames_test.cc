#include "proto/batch_frames.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Errc;
using namespace std::string_literals;

struct Item {
  std::string bytes;
  bool failed = false;
  friend bool operator==(const Item&, const Item&) = default;
};

std::string framed(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    const auto length = static_cast<std::uint32_t>(item.bytes.size());
    if (item.failed) {
      text += core::as_text(failed_item_header(length));
    } else {
      text += core::as_text(item_header(length));
    }
    text += item.bytes;
  }
  return text;
}

struct Outcome {
  std::vector<Item> items;
  std::optional<core::Error> error;
};

// Reads a whole body that arrives in pieces of `cut` bytes.
Outcome read_in_pieces(std::string_view body, std::size_t cut, FrameSide side) {
  Outcome outcome;
  FrameReader reader(side);
  bool inside = false;
  while (!body.empty()) {
    std::string_view piece = body.substr(0, cut);
    body.remove_prefix(piece.size());
    for (;;) {
      const auto step = reader.step(core::as_bytes(piece));
      if (!step) {
        outcome.error = step.error();
        return outcome;
      }
      piece.remove_prefix(step->consumed);
      if (step->event == FrameEvent::need_input) break;
      switch (step->event) {
        case FrameEvent::item_begin:
          EXPECT_FALSE(inside);
          inside = true;
          outcome.items.push_back({"", step->failed});
          break;
        case FrameEvent::item_data:
          EXPECT_TRUE(inside);
          EXPECT_FALSE(step->data.empty());
          EXPECT_EQ(step->failed, outcome.items.back().failed);
          outcome.items.back().bytes += core::as_text(step->data);
          break;
        case FrameEvent::item_end:
          EXPECT_TRUE(inside);
          EXPECT_EQ(step->length, outcome.items.back().bytes.size());
          inside = false;
          break;
        case FrameEvent::need_input:
          break;
      }
    }
    EXPECT_TRUE(piece.empty());
  }
  EXPECT_EQ(reader.items(), outcome.items.size());
  if (const auto end = reader.finish(); !end) outcome.error = end.error();
  return outcome;
}

constexpr std::size_t kCuts[] = {1, 2, 3, 5, 8, 16, 31, 1'000'000};

TEST(BatchFramesTest, ReadsWhatItWrites) {
  const struct {
    const char* name;
    std::vector<Item> items;
    FrameSide side;
  } rows[] = {
      {"no items", {}, FrameSide::request},
      {"one", {{"hello"}}, FrameSide::request},
      {"an empty one", {{""}}, FrameSide::request},
      {"empty ones between", {{""}, {"a"}, {""}, {""}, {"bc"}}, FrameSide::request},
      {"looks like headers", {{"\xff\xff\xff\xff\0\0\0\0"s}}, FrameSide::request},
      {"long", {{std::string(70'000, 'x')}, {std::string(256, 'y')}}, FrameSide::request},
      {"failed", {{"a"}, {"{}", true}, {"b"}}, FrameSide::response},
      {"failed first and last", {{"{\"a\":1}", true}, {"", true}}, FrameSide::response},
  };
  for (const auto& row : rows) {
    for (const std::size_t cut : kCuts) {
      SCOPED_TRACE(row.name + " cut at "s + std::to_string(cut));
      const Outcome outcome = read_in_pieces(framed(row.items), cut, row.side);
      EXPECT_FALSE(outcome.error);
      EXPECT_EQ(outcome.items, row.items);
    }
  }
}

TEST(BatchFramesTest, RefusesBrokenFraming) {
  const struct {
    const char* name;
    std::string body;
    FrameSide side;
    std::uint64_t offset;
  } rows[] = {
      {"one byte of a length", "\x01", FrameSide::request, 1},
      {"three bytes of a length", "\0\0\0"s, FrameSide::request, 3},
      {"a length alone", "\x01\0\0\0"s, FrameSide::request, 4},
      {"an item cut short", "\x03\0\0\0ab"s, FrameSide::request, 6},
      {"claims 4 GiB", "\xfe\xff\xff\xff!"s, FrameSide::request, 5},
      {"a second length cut short", framed({{"a"}}) + "\x01", FrameSide::request, 6},
      {"failed item in a request", framed({{"a"}}) + "\xff\xff\xff\xff\0\0\0\0"s,
       FrameSide::request, 5},
      {"failed item without its problem", "\xff\xff\xff\xff", FrameSide::response, 4},
      {"failed item with half a length", "\xff\xff\xff\xff\x01\0"s, FrameSide::response, 6},
      {"problem cut short", "\xff\xff\xff\xff\x02\0\0\0{"s, FrameSide::response, 9},
      {"failed failure", "\xff\xff\xff\xff\xff\xff\xff\xff", FrameSide::response, 4},
  };
  for (const auto& row : rows) {
    for (const std::size_t cut : kCuts) {
      SCOPED_TRACE(row.name + " cut at "s + std::to_string(cut));
      const Outcome outcome = read_in_pieces(row.body, cut, row.side);
      ASSERT_TRUE(outcome.error);
      EXPECT_EQ(outcome.error->code, Errc::malformed_frames);
      EXPECT_EQ(outcome.error->offset, row.offset);
      EXPECT_STRNE(outcome.error->detail, "");
    }
  }
}

TEST(BatchFramesTest, WritesLittleEndian) {
  EXPECT_EQ(core::as_text(item_header(0x04030201)), "\x01\x02\x03\x04");
  EXPECT_EQ(core::as_text(item_header(0xFFFFFFFE)), "\xfe\xff\xff\xff");
  EXPECT_EQ(core::as_text(failed_item_header(0x102)), "\xff\xff\xff\xff\x02\x01\0\0"s);
}

TEST(BatchFramesTest, NeedsNothingWhenThereIsNothing) {
  FrameReader reader;
  const auto step = reader.step({});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->event, FrameEvent::need_input);
  EXPECT_EQ(step->consumed, 0u);
  EXPECT_TRUE(reader.finish());
}

}  // namespace
}  // namespace frdpu::proto
