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
// Sizes are of blocks, without frame overhead; blocks that did not compress are kept as they are
// and copied. Everyone gets the same room, which holds any result, and the slack of a pool block
// behind the payload when decoding. A dictionary is learned once, its tables copied for every
// payload. Results also go to build/bench/engine.json: `block` is the case, `level` ours or a
// rival's name, and the ratios are to `against`: liblz4's default first, then who else the case is
// held against.
#include <zdict.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/bench/engine_contenders.h"
#include "tests/bench/engine_measurement.h"
#include "tests/support/test_data.h"

namespace {

using namespace frdpu;
using namespace frdpu::bench;

constexpr std::size_t kWindow = 65535;

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

/// Every other record of a file trains a dictionary for the rest. One case for each file, since the
/// dictionary is the file's; they have one name, and so become one row.
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
  Case made{.name = "1400 dictionary",
            .payload_bytes = 1400,
            .files = {{file.name, test::to_buffer(tested)}},
            .dictionary = view};
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
  MeasureOptions options;
  std::vector<std::string> wanted;
  std::vector<std::string> only;
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == std::string("--ms") && i + 1 < argc) {
      options.budget_seconds = std::stod(argv[++i]) / 1000;
    } else if (argv[i] == std::string("--by-file")) {
      options.by_file = true;
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
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Case& each = cases[i];
    if (!wanted.empty() && std::ranges::find(wanted, each.name) == wanted.end()) continue;
    if (!only.empty()) keep(each, only);
    for (const test::Sample& file : each.files) {
      measure_file(each, file, options.budget_seconds);
      if (options.by_file) report_last_file(each, file);
    }
    if (i + 1 < cases.size() && cases[i + 1].name == each.name) {
      cases[i + 1].scores = std::move(each.scores);
    } else {
      report(each, json);
    }
  }
  const std::filesystem::path path = std::filesystem::path(argv[0]).parent_path() / "engine.json";
  std::ofstream(path) << "[\n" << json << "\n]\n";
  std::printf("\nwritten: %s\n", path.c_str());
}
