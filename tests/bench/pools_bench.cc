// What one acquisition and its release cost, beside the allocators that one would use instead.
//
//   ./dev bench pools                                   all rows, some two minutes, and the goals
//   ./dev bench pools --benchmark_filter='pair/1500/'   one case
//
// Rows are <case>/<bytes>/<who>/threads:<n>; the figure is CPU time of one acquisition and its
// release, in ns, over all threads:
//   pair      one block, given back at once
//   batch     32 blocks, then all of them given back
//   handover  acquired on one thread, through a queue in batches of 32, released on another
// The first byte of each block is written, as any user would. The repetitions of all rows are
// shuffled within one run, so that whatever else the machine does meets all alike; medians count.
// "cores" is CPU time by wall time: two threads that took turns on one core have met no contention.
// What our pool counted is checked after every single run: a miss ends the program with status 1.
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/pools_table.h"
#include "tests/bench/rival_allocators.h"

namespace {

using namespace frdpu::bench;

constexpr std::size_t kBatch = 32;
constexpr std::size_t kQueued = 16 * kBatch;  // on their way to the other thread, at most

void touch(std::byte* memory) {
  *memory = std::byte{1};
  benchmark::DoNotOptimize(memory);
}

/// Gives every thread a core of its own. Left to itself the system lets short runs share one, where
/// two threads never meet.
void pin(const benchmark::State& state) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(static_cast<unsigned>(state.thread_index()) % cores, &core);
  ::pthread_setaffinity_np(::pthread_self(), sizeof core, &core);
}

/// Says how many pairs this thread completed; the first thread checks what the allocator counted.
template <class Allocator>
void finish(benchmark::State& state, Allocator& allocator, std::uint64_t own_pairs, Done all) {
  state.counters["pairs"] = static_cast<double>(own_pairs);
  if (state.thread_index() == 0 && !allocator.exact(all)) {
    state.SkipWithError("the statistics are not exact");
  }
}

template <class Allocator>
void pair(benchmark::State& state, Allocator& allocator) {
  if (state.thread_index() == 0) allocator.start();
  for (auto _ : state) {
    auto block = allocator.take();
    touch(allocator.at(block));
    allocator.drop(std::move(block));
  }
  const auto threads = static_cast<std::uint64_t>(state.threads());
  finish(state, allocator, state.iterations(),
         {.pairs = state.iterations() * threads, .least_peak = 1, .most_peak = threads});
}

template <class Allocator>
void batch(benchmark::State& state, Allocator& allocator) {
  if (state.thread_index() == 0) allocator.start();
  std::array<typename Allocator::Handle, kBatch> blocks;
  for (auto _ : state) {
    for (auto& block : blocks) {
      block = allocator.take();
      touch(allocator.at(block));
    }
    for (auto& block : blocks) allocator.drop(std::move(block));
  }
  const auto threads = static_cast<std::uint64_t>(state.threads());
  finish(state, allocator, state.iterations() * kBatch,
         {.pairs = state.iterations() * kBatch * threads,
          .least_peak = kBatch,
          .most_peak = kBatch * threads});
}

using Queue = boost::lockfree::spsc_queue<std::byte*, boost::lockfree::capacity<kQueued>>;

template <class Allocator>
void handover(benchmark::State& state, Allocator& allocator, Queue& queue) {
  std::array<std::byte*, kBatch> blocks;
  if (state.thread_index() == 0) {
    allocator.start();
    for (auto _ : state) {
      for (std::byte*& block : blocks) {
        auto taken = allocator.take();
        touch(allocator.at(taken));
        block = allocator.raw(std::move(taken));
      }
      std::size_t sent = 0;
      while ((sent += queue.push(blocks.data() + sent, kBatch - sent)) < kBatch) {
        std::this_thread::yield();
      }
    }
  } else {
    for (auto _ : state) {
      std::size_t came = 0;
      while ((came += queue.pop(blocks.data() + came, kBatch - came)) < kBatch) {
        std::this_thread::yield();
      }
      for (std::byte* const block : blocks) allocator.drop(allocator.own(block));
    }
  }
  const std::uint64_t pairs = state.iterations() * kBatch;
  finish(state, allocator, state.thread_index() == 0 ? 0 : pairs,
         {.pairs = pairs, .least_peak = kBatch, .most_peak = kQueued + 2 * kBatch});
}

/// The cases of one allocator. Every case has an allocator for itself.
template <class Allocator>
void add(const char* who, std::size_t bytes) {
  const auto row = [&](const std::string& name, auto run) {
    return benchmark::RegisterBenchmark(
        (name + "/" + std::to_string(bytes) + "/" + who).c_str(),
        [run, allocator = std::make_shared<Allocator>(bytes)](benchmark::State& state) {
          pin(state);
          run(state, *allocator);
        });
  };
  for (const int threads : {1, 2}) {
    row("pair", &pair<Allocator>)->Threads(threads);
    row("batch", &batch<Allocator>)->Threads(threads);
  }
  row("handover", [queue = std::make_shared<Queue>()](benchmark::State& state, Allocator& from) {
    handover(state, from, *queue);
  })->Threads(2);
}

// jemalloc wants more static thread-local storage than a program keeps for libraries that are
// loaded late; how much it keeps is settled before main.
void make_room_for_jemalloc(char** argv) {
  if (std::getenv("GLIBC_TUNABLES") != nullptr) return;
  ::setenv("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384", 0);
  ::execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  make_room_for_jemalloc(argv);
  for (const std::size_t bytes : {64uz, 1500uz, 65536uz}) {
    add<Glibc>("glibc", bytes);
    add<Mimalloc>("mimalloc", bytes);
    add<Jemalloc>("jemalloc", bytes);
    add<BoostStack>("boost stack", bytes);
    add<Us>("us", bytes);
  }
  // Defaults first, so that what the user says wins.
  std::array<std::string, 3> defaults = {"--benchmark_repetitions=9", "--benchmark_min_time=0.2",
                                         "--benchmark_enable_random_interleaving=true"};
  std::vector<char*> args = {argv[0]};
  for (std::string& each : defaults) args.push_back(each.data());
  args.insert(args.end(), argv + 1, argv + argc);
  int count = static_cast<int>(args.size());
  benchmark::Initialize(&count, args.data());
  if (benchmark::ReportUnrecognizedArguments(count, args.data())) return 1;
  PoolsTable table;
  benchmark::RunSpecifiedBenchmarks(&table);
  table.print_goals();
  return table.failed() ? 1 : 0;
}
