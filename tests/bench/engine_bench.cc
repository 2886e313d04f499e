// Our LZ77 engine beside liblz4 (and snappy and zstd for orientation), block against block.
//
//   ./dev bench engine                     every case, some minutes
//   ./dev bench engine --ms 20 1400 65536  a quick look at some
//   ./dev bench engine --by-file           with a line for each file
//   ./dev bench engine --only 'frdpu 1'    one of ours (again for more), and what it is held
//   against
//
// The corpus is cut into consecutive payloads. For every file each contender encodes all of it,
// then decodes all of it, in turn, again and again; each result is first decoded with the other
// side's decoder and compared. A ratio is the median over the rounds of the paired times (rival's
// to ours: larger is faster), then the geometric mean over the files; CPU time of the thread
// counts, so that neighbours on the machine disturb little. MB/s are geometric means, too.
//
// Sizes are of blocks, without frame overhead. Both sides get rooms of the size that their own
// bound asks for when encoding, and the slack of a pool block behind the payload when decoding.
// Results also go to build/bench/engine.json: `block` is the case, `level` ours or a rival's name.
#include <time.h>
#include <zdict.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "tests/bench/engine_contenders.h"
#include "tests/support/test_data.h"

namespace {

using namespace frdpu;
using namespace frdpu::bench;
using test::Buffer;

constexpr std::size_t kSlackBytes = 100;  // a 1,400 B payload in a block of 1,500
constexpr std::size_t kWindow = 65535;
constexpr int kLeastRounds = 3;
constexpr int kMostRounds = 61;

double budget_seconds = 0.15;  // of a contender for one file and direction
bool by_file = false;          // print each file's ratios, too

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "engine_bench: %s\n", what.c_str());
  std::exit(1);
}

double now() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  require(!values.empty(), "nothing measured");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// One file as a contender sees it.
struct Run {
  std::vector<View> payloads;
  std::vector<std::uint8_t> encoded;
  std::vector<std::size_t> sizes;
  std::vector<double> encode_seconds{};
  std::vector<double> decode_seconds{};
};

/// What came of a contender in a case, a value for each file.
struct Score {
  std::vector<double> bytes, encoded_bytes, encode_seconds, decode_seconds;
  std::map<std::string, std::vector<double>> encode_ratios, decode_ratios, size_ratios;
};

struct Case {
  std::string name;
  std::size_t payload_bytes;
  bool linked = false;  ///< payloads refer to those before
  std::vector<test::Sample> files;
  std::vector<std::unique_ptr<Contender>> contenders{};
  std::vector<std::string> references{"liblz4"};
  std::vector<Score> scores{};
};

std::size_t room_for(std::size_t bytes) {
  return std::max(ZSTD_compressBound(bytes), std::max(snappy_max_compressed_length(bytes),
                                                      core::lz4::block_bound(bytes) + 64));
}

std::vector<View> cut(const test::Sample& file, std::size_t bytes) {
  std::vector<View> views;
  const auto* const data = reinterpret_cast<const std::uint8_t*>(file.bytes.data());
  for (std::size_t at = 0; at < file.bytes.size(); at += bytes) {
    views.push_back({data + at, std::min(bytes, file.bytes.size() - at)});
  }
  return views;
}

/// Encodes all payloads once; keeps the results, and checks them with the other's decoder.
Run prepare(const Case& of, Contender& contender, const test::Sample& file) {
  Run run{.payloads = cut(file, of.payload_bytes), .encoded = {}, .sizes = {}};
  std::vector<std::uint8_t> room(room_for(of.payload_bytes));
  std::vector<std::uint8_t> back(file.bytes.size() + kSlackBytes);
  contender.start(run.payloads.front().data);
  std::size_t done = 0;
  for (const View payload : run.payloads) {
    const std::size_t size = contender.encode(payload, {room.data(), room.size()});
    require(size != 0 && size <= room.size(), contender.name() + " does not encode " + file.name);
    const Encoded encoded{{room.data(), size}, payload.size, of.linked ? done : 0};
    for (const bool cross : {false, true}) {
      const Room to{back.data() + done, payload.size};
      const std::size_t decoded =
          cross ? contender.cross_decode(encoded, to) : contender.decode(encoded, to);
      require(decoded == payload.size && std::memcmp(to.data, payload.data, decoded) == 0,
              contender.name() + " breaks " + file.name + (cross ? " for others" : ""));
    }
    run.encoded.insert(run.encoded.end(), room.data(), room.data() + size);
    run.sizes.push_back(size);
    done += payload.size;
  }
  return run;
}

double time_encoding(Contender& contender, const Run& run, Room room) {
  const double from = now();
  contender.start(run.payloads.front().data);
  for (const View payload : run.payloads) contender.encode(payload, room);
  return now() - from;
}

double time_decoding(const Case& of, Contender& contender, const Run& run, Room room) {
  const double from = now();
  const std::uint8_t* encoded = run.encoded.data();
  std::size_t done = 0;
  for (std::size_t i = 0; i < run.sizes.size(); ++i) {
    const std::size_t size = run.payloads[i].size;
    contender.decode({{encoded, run.sizes[i]}, size, of.linked ? done : 0},
                     {room.data + (of.linked ? done : 0), size + kSlackBytes});
    encoded += run.sizes[i];
    done += size;
  }
  return now() - from;
}

/// The median of the paired times of the rounds in which both took part.
double ratio(const std::vector<double>& rival, const std::vector<double>& ours) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(rival.size(), ours.size()); ++i) {
    ratios.push_back(rival[i] / ours[i]);
  }
  return median(std::move(ratios));
}

void measure_file(Case& of, const test::Sample& file) {
  std::vector<Run> runs;
  for (const auto& contender : of.contenders) runs.push_back(prepare(of, *contender, file));
  const std::size_t room_bytes = of.linked ? file.bytes.size() : of.payload_bytes;
  std::vector<std::uint8_t> encode_room(room_for(of.payload_bytes));
  std::vector<std::uint8_t> decode_room(room_bytes + kSlackBytes);
  const auto repeat = [&](std::vector<double> Run::*times, const auto& once) {
    std::vector<double> spent(runs.size());
    for (int round = 0; round < kMostRounds; ++round) {
      for (std::size_t i = 0; i < runs.size(); ++i) {
        if (round >= kLeastRounds && spent[i] > budget_seconds) continue;
        const double seconds = once(*of.contenders[i], runs[i]);
        (runs[i].*times).push_back(seconds);
        spent[i] += seconds;
      }
    }
  };
  repeat(&Run::encode_seconds, [&](Contender& contender, const Run& run) {
    return time_encoding(contender, run, {encode_room.data(), encode_room.size()});
  });
  repeat(&Run::decode_seconds, [&](Contender& contender, const Run& run) {
    return time_decoding(of, contender, run, {decode_room.data(), decode_room.size()});
  });

  of.scores.resize(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Score& score = of.scores[i];
    score.bytes.push_back(static_cast<double>(file.bytes.size()));
    score.encoded_bytes.push_back(static_cast<double>(runs[i].encoded.size()));
    score.encode_seconds.push_back(median(runs[i].encode_seconds));
    score.decode_seconds.push_back(median(runs[i].decode_seconds));
    for (const std::string& name : of.references) {
      const auto reference = static_cast<std::size_t>(
          std::ranges::find(of.contenders, name, [](const auto& c) { return c->name(); }) -
          of.contenders.begin());
      require(reference < runs.size(), "no contender " + name);
      const Run& rival = runs[reference];
      score.encode_ratios[name].push_back(ratio(rival.encode_seconds, runs[i].encode_seconds));
      score.decode_ratios[name].push_back(ratio(rival.decode_seconds, runs[i].decode_seconds));
      score.size_ratios[name].push_back(static_cast<double>(runs[i].encoded.size()) /
                                        static_cast<double>(rival.encoded.size()));
    }
  }
}

void report_last_file(const Case& of, const test::Sample& file) {
  for (std::size_t i = 0; i < of.contenders.size(); ++i) {
    const Score& score = of.scores[i];
    std::printf("%-26s %-28s %9.1f %9.1f |", file.name.c_str(), of.contenders[i]->name().c_str(),
                score.bytes.back() / score.encode_seconds.back() / 1e6,
                score.bytes.back() / score.decode_seconds.back() / 1e6);
    for (const std::string& name : of.references) {
      std::printf(" %6.3f %6.3f %8.4f", score.encode_ratios.at(name).back(),
                  score.decode_ratios.at(name).back(), score.size_ratios.at(name).back());
    }
    std::printf("\n");
  }
}

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

double megabytes_per_second(const std::vector<double>& bytes, const std::vector<double>& seconds) {
  std::vector<double> rates;
  for (std::size_t i = 0; i < bytes.size(); ++i) rates.push_back(bytes[i] / seconds[i] / 1e6);
  return geometric_mean(rates);
}

/// Prints a case's table and appends its rows to the JSON.
void report(const Case& of, std::string& json) {
  std::printf("\n%s, %zu files\n%-28s %9s %9s %8s", of.name.c_str(), of.files.size(), "",
              "enc MB/s", "dec MB/s", "size %");
  for (const std::string& name : of.references) std::printf(" | %-23s", ("to " + name).c_str());
  std::printf("\n");
  for (std::size_t i = 0; i < of.contenders.size(); ++i) {
    const Score& score = of.scores[i];
    const std::string& who = of.contenders[i]->name();
    std::vector<double> kept;
    for (std::size_t f = 0; f < score.bytes.size(); ++f) {
      kept.push_back(score.encoded_bytes[f] / score.bytes[f]);
    }
    const double encode = megabytes_per_second(score.bytes, score.encode_seconds);
    const double decode = megabytes_per_second(score.bytes, score.decode_seconds);
    std::printf("%-28s %9.1f %9.1f %8.2f", who.c_str(), encode, decode, 100 * geometric_mean(kept));
    const bool ours = who.starts_with("frdpu ") && who.size() == 7;
    const bool number = of.name.find_first_not_of("0123456789") == std::string::npos;
    for (const std::string& name : of.references) {
      const double speed = geometric_mean(score.encode_ratios.at(name));
      const double back = geometric_mean(score.decode_ratios.at(name));
      const double size = geometric_mean(score.size_ratios.at(name));
      std::printf(" | %6.3f %6.3f %8.4f", speed, back, size);
      char row[512];
      std::snprintf(row, sizeof row,
                    "%s  {\"block\": %s, \"level\": %s, \"against\": \"%s\", "
                    "\"compress_speed_ratio\": %.4f, \"decompress_speed_ratio\": %.4f, "
                    "\"size_ratio\": %.4f, \"compress_mb_s\": %.1f, \"decompress_mb_s\": %.1f}",
                    json.empty() ? "" : ",\n",
                    number ? of.name.c_str() : ("\"" + of.name + "\"").c_str(),
                    ours ? who.substr(6).c_str() : ("\"" + who + "\"").c_str(), name.c_str(), speed,
                    back, size, encode, decode);
      json += row;
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

/// Levels 1 to 9 and everyone else, each payload alone.
Case plain_case(std::string name, std::size_t payload_bytes, std::vector<test::Sample> files) {
  Case made{.name = std::move(name), .payload_bytes = payload_bytes, .files = std::move(files)};
  auto& all = made.contenders;
  all.push_back(std::make_unique<Liblz4>());
  for (int level = 1; level <= 9; ++level) {
    all.push_back(std::make_unique<Ours>(level, payload_bytes, kWindow));
  }
  all.push_back(std::make_unique<ReadByUs>(std::make_unique<Liblz4>()));
  all.push_back(std::make_unique<Liblz4Hc>(9));
  all.push_back(std::make_unique<Liblz4Hc>(12));
  all.push_back(std::make_unique<ReadByUs>(std::make_unique<Liblz4Hc>(12)));
  all.push_back(std::make_unique<Snappy>());
  all.push_back(std::make_unique<Zstd>(1));
  all.push_back(std::make_unique<Zstd>(-1));
  made.references.push_back("liblz4 hc 12");
  return made;
}

/// Every payload may refer to the 64 KiB before it.
Case history_case(std::size_t payload_bytes, std::vector<test::Sample> files) {
  Case made{.name = std::to_string(payload_bytes) + " history",
            .payload_bytes = payload_bytes,
            .linked = true,
            .files = std::move(files)};
  made.contenders.push_back(std::make_unique<Liblz4>());
  made.contenders.push_back(std::make_unique<Liblz4Stream>());
  for (int level = 1; level <= 9; ++level) {
    made.contenders.push_back(
        std::make_unique<Ours>(level, payload_bytes, kWindow, kWindow + payload_bytes));
  }
  made.references.push_back("liblz4 stream");
  return made;
}

/// Drops the contenders that were not asked for and that no ratio needs.
void keep(Case& of, const std::vector<std::string>& names) {
  std::erase_if(of.contenders, [&](const auto& contender) {
    const auto is = [&](const std::string& name) { return name == contender->name(); };
    return std::ranges::none_of(names, is) && contender->name() != of.references.front();
  });
  std::erase_if(of.references, [&](const std::string& name) {
    return std::ranges::none_of(of.contenders, [&](const auto& c) { return c->name() == name; });
  });
}

/// Whole files, in linked blocks of ours and in one block of liblz4's.
Case file_case(std::vector<test::Sample> files) {
  std::size_t most = 0;
  for (const test::Sample& file : files) most = std::max(most, file.bytes.size());
  Case made = plain_case("file", most, std::move(files));
  for (auto& contender : made.contenders) {
    const std::string& name = contender->name();
    if (name.starts_with("frdpu ")) contender = std::make_unique<OursLinked>(name.back() - '0');
  }
  return made;
}

/// Random bytes beside text, both from us and from liblz4.
Case incompressible_case(std::size_t payload_bytes) {
  Case made{.name = std::to_string(payload_bytes) + " incompressible",
            .payload_bytes = payload_bytes,
            .files = {{"random", test::random_bytes(std::size_t{1} << 20)}}};
  made.contenders.push_back(std::make_unique<Liblz4>());
  for (int level = 1; level <= 9; ++level) {
    made.contenders.push_back(std::make_unique<Ours>(level, payload_bytes, kWindow));
  }
  return made;
}

/// The records of a file: lines of NDJSON, or what is between lines that are "    },".
std::vector<std::string> records_of(const test::Sample& file) {
  const std::string text = test::to_text(file.bytes);
  const std::string mark = file.name.ends_with(".ndjson") ? "\n" : "\n    },\n";
  std::vector<std::string> records;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(mark, at), text.size() - mark.size());
    records.push_back(text.substr(at, end + mark.size() - at));
    at = end + mark.size();
  }
  return records;
}

/// Every other record of two files trains a dictionary for the rest. One case for each file: the
/// dictionary is the file's.
Case dictionary_case(const test::Sample& file, std::vector<std::uint8_t>& dictionary) {
  std::string trained;
  std::vector<std::size_t> sizes;
  std::string tested;
  bool train = false;
  for (const std::string& record : records_of(file)) {
    train = !train;
    if (train) {
      trained += record;
      sizes.push_back(record.size());
    } else {
      tested += record;
    }
  }
  dictionary.resize(16384);
  const std::size_t size =
      ZDICT_trainFromBuffer(dictionary.data(), dictionary.size(), trained.data(), sizes.data(),
                            static_cast<unsigned>(sizes.size()));
  require(ZDICT_isError(size) == 0, "no dictionary of " + file.name);
  dictionary.resize(size);
  const View view{dictionary.data(), dictionary.size()};
  Case made{.name = "1400 dictionary, " + file.name,
            .payload_bytes = 1400,
            .files = {{file.name, test::to_buffer(tested)}}};
  made.contenders.push_back(std::make_unique<Liblz4Dictionary>(view));
  made.contenders.push_back(std::make_unique<Ours>(1, 1400, kWindow));
  for (int level = 1; level <= 9; ++level) {
    made.contenders.push_back(std::make_unique<OursDictionary>(level, view, 1400));
  }
  made.references = {"liblz4 dictionary", "frdpu 1"};
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> wanted;
  std::vector<std::string> only;
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == std::string("--ms") && i + 1 < argc) {
      budget_seconds = std::stod(argv[++i]) / 1000;
    } else if (argv[i] == std::string("--by-file")) {
      by_file = true;
    } else if (argv[i] == std::string("--only") && i + 1 < argc) {
      only.emplace_back(argv[++i]);
    } else {
      wanted.emplace_back(argv[i]);
    }
  }
  const std::vector<test::Sample> corpus = test::corpus_samples();
  require(!corpus.empty(), "the shared corpus is not there");
  std::vector<Case> cases;
  cases.push_back(plain_case("1400", 1400, corpus));
  cases.push_back(plain_case("65536", 65536, corpus));
  cases.push_back(file_case(corpus));
  cases.push_back(history_case(1400, corpus));
  cases.push_back(incompressible_case(1400));
  cases.push_back(incompressible_case(65536));
  std::vector<std::uint8_t> dictionaries[2];
  for (const test::Sample& file : corpus) {
    if (file.name == "gsoc-2018.json") cases.push_back(dictionary_case(file, dictionaries[0]));
    if (file.name.ends_with(".ndjson")) cases.push_back(dictionary_case(file, dictionaries[1]));
  }
  std::string json;
  for (Case& each : cases) {
    if (!wanted.empty() && std::ranges::find(wanted, each.name) == wanted.end()) continue;
    if (!only.empty()) keep(each, only);
    for (const test::Sample& file : each.files) {
      measure_file(each, file);
      if (by_file) report_last_file(each, file);
    }
    report(each, json);
  }
  const std::filesystem::path path = std::filesystem::path(argv[0]).parent_path() / "engine.json";
  std::ofstream(path) << "[\n" << json << "\n]\n";
  std::printf("\nwritten: %s\n", path.c_str());
}
