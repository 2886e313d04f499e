// What a codec takes for one body in this process, without HTTP: the other half of the bound.
//
//   codec_time compress|decompress CODING LEVEL FILE MILLISECONDS
//
// prints nanoseconds of CPU for one body, and the bytes of its result.
#include <time.h>

#include "tests/bench/http/one_codec.h"

namespace {

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace frdpu;
  if (argc != 6) bench::die("usage: codec_time compress|decompress CODING LEVEL FILE MILLISECONDS");
  const test::Buffer body = test::read_file(argv[4]);
  if (body.empty()) bench::die("no body");
  const double until_ns = std::atof(argv[5]) * 1e6;

  bench::OneCodec codec(argv[1], argv[2], argv[3], body);
  test::Buffer room(codec.room_bytes());
  const std::size_t size = codec.run(body, room);
  std::size_t count = 0;
  const double start = cpu_ns();
  double spent = 0;
  do {
    codec.run(body, room);
    ++count;
    spent = cpu_ns() - start;
  } while (spent < until_ns);
  std::printf("%.0f %zu\n", spent / static_cast<double>(count), size);
}
