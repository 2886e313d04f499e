#include "core/stream_transform.h"

#include <algorithm>
#include <cassert>

namespace frdpu::core {
namespace {

// With this much room every transform must go on (codec.h).
constexpr std::size_t kEnoughRoomBytes = 64;

}  // namespace

void StreamTransform::add(Transform& stage) noexcept {
  assert(count_ < kMaxStages);
  stages_[count_++].transform = &stage;
}

Result<StreamState> StreamTransform::run(BlockChain& in, bool input_ends, BlockChain& out,
                                         FixedPool& pool, std::size_t max_output_bytes) noexcept {
  assert(count_ != 0 && pool.block_bytes() >= kEnoughRoomBytes);
  Run run{in, input_ends, out, pool, max_output_bytes, max_output_bytes, {}};
  while (!stages_[count_ - 1].done) {
    bool moved = false;
    for (std::size_t i = count_; i-- > 0 && !moved;) {
      const Result<Move> move = advance(i, run);
      if (!move) return std::unexpected(move.error());
      if (*move == Move::output_full) return StreamState::output_full;
      moved = *move == Move::some;
    }
    if (!moved) return StreamState::need_input;
  }
  return StreamState::done;
}

// Runs one stage once, if it has anything to do.
Result<StreamTransform::Move> StreamTransform::advance(std::size_t i, Run& run) noexcept {
  Stage& stage = stages_[i];
  if (stage.done) return Move::none;
  Bytes input;
  bool last = false;
  if (i == 0) {
    input = run.in.front();
    last = run.input_ends && input.size() == run.in.size();
  } else {
    const Stage& before = stages_[i - 1];
    if (before.begin != before.end) {
      input = Bytes(before.block.bytes()).subspan(before.begin, before.end - before.begin);
    }
    last = before.done;
  }
  if (input.empty() && !last && !stage.holds_output) return Move::none;
  if (i != count_ - 1 && run.between_left == 0) return Move::output_full;

  const Result<MutableBytes> room = room_for(i, run);
  if (!room) return std::unexpected(room.error());
  if (room->size() < kEnoughRoomBytes) {
    return i == count_ - 1 ? Move::output_full : Move::none;
  }
  const auto stepped = stage.transform->step(input, *room, last ? Flush::finish : Flush::none);
  if (!stepped) return std::unexpected(stepped.error());
  consume(i, run, stepped->consumed);
  keep(i, run, stepped->produced);
  stage.done = stepped->state == StepState::done;
  stage.holds_output = stepped->state == StepState::need_output;
  if (stage.done && stepped->consumed < input.size()) {
    return fail(Errc::trailing_data, "bytes after the end");
  }
  if (stepped->state == StepState::paused) {
    stage.holds_output = true;
    stage.idle_steps = 0;
    return Move::output_full;
  }
  if (stage.done || stepped->consumed + stepped->produced != 0) {
    stage.idle_steps = 0;
    return Move::some;
  }
  // Neither took nor wrote, with room at hand: once may be, twice is a loop.
  if (!stage.holds_output && input.empty() && !last) return Move::none;
  if (++stage.idle_steps > 1) return fail(Errc::internal_error, "a transform gets nowhere");
  return Move::some;
}

Result<MutableBytes> StreamTransform::room_for(std::size_t i, Run& run) noexcept {
  if (i == count_ - 1) {
    if (run.output_left < kEnoughRoomBytes) return MutableBytes{};
    MutableBytes room = run.out.tail_room();
    if (room.size() < kEnoughRoomBytes) {
      if (!run.fresh) {
        Result<PooledBlock> block = run.pool.acquire();
        if (!block) return std::unexpected(block.error());
        run.fresh = std::move(*block);
      }
      room = run.fresh.bytes();
    }
    return room.first(std::min(room.size(), run.output_left));
  }
  Stage& stage = stages_[i];
  if (!stage.block) {
    Result<PooledBlock> block = run.pool.acquire();
    if (!block) return std::unexpected(block.error());
    stage.block = std::move(*block);
    stage.begin = stage.end = 0;
  }
  return stage.block.bytes().subspan(stage.end);
}

// Files away what a stage wrote into the room it was given.
void StreamTransform::keep(std::size_t i, Run& run, std::size_t bytes) noexcept {
  if (i != count_ - 1) {
    Stage& stage = stages_[i];
    stage.end += bytes;
    run.between_left -= std::min(bytes, run.between_left);
    if (stage.begin == stage.end) stage.block.release();
    return;
  }
  if (bytes == 0) return;
  if (run.fresh) {
    run.out.push_back(std::move(run.fresh), 0, bytes);
  } else {
    run.out.commit(bytes);
  }
  run.output_left -= bytes;
  produced_ += bytes;
}

void StreamTransform::consume(std::size_t i, Run& run, std::size_t bytes) noexcept {
  if (i == 0) {
    run.in.consume(bytes);
    consumed_ += bytes;
    return;
  }
  Stage& before = stages_[i - 1];
  before.begin += bytes;
  if (before.begin == before.end) before.block.release();
}

}  // namespace frdpu::core
