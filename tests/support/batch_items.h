#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "proto/batch_frames.h"
#include "tests/support/test_data.h"

/// Batches as tests make and read them.
namespace frdpu::test {

/// What came back for an item.
struct BatchItem {
  bool failed = false;
  Buffer bytes;
  bool operator==(const BatchItem&) const = default;
};

inline Buffer framed(const std::vector<Buffer>& items) {
  Buffer frames;
  for (const Buffer& item : items) {
    const auto header = proto::item_header(static_cast<std::uint32_t>(item.size()));
    frames.insert(frames.end(), header.begin(), header.end());
    frames.insert(frames.end(), item.begin(), item.end());
  }
  return frames;
}

/// Reads an answer; one that is no batch is a failure.
inline std::vector<BatchItem> unframed(core::Bytes frames) {
  std::vector<BatchItem> items;
  proto::FrameReader reader(proto::FrameSide::response);
  for (;;) {
    const auto step = reader.step(frames);
    EXPECT_TRUE(step);
    if (!step || step->event == proto::FrameEvent::need_input) break;
    frames = frames.subspan(step->consumed);
    if (step->event == proto::FrameEvent::item_begin) items.push_back({step->failed, {}});
    if (step->event == proto::FrameEvent::item_data) {
      items.back().bytes.insert(items.back().bytes.end(), step->data.begin(), step->data.end());
    }
  }
  EXPECT_TRUE(reader.finish());
  return items;
}

}  // namespace frdpu::test
