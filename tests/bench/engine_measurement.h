#pragma once

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/engine_contenders.h"
#include "tests/support/test_data.h"

/// How `engine_bench` measures a case: each file by all contenders in turn, ratios paired round by
/// round, and the table that comes of it. The head of engine_bench.cc says what the figures mean.
namespace frdpu::bench {

inline constexpr std::size_t kSlackBytes = 100;  // a 1,400 B payload in a block of 1,500
inline constexpr int kLeastRounds = 3;
inline constexpr int kMostRounds = 601;  // of what takes next to no time

/// How long it measures and what it prints; set by the command line.
struct MeasureOptions {
  double budget_seconds = 0.15;  ///< of a contender for one file and direction
  bool by_file = false;          ///< print each file's ratios, too
};

inline void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "engine_bench: %s\n", what.c_str());
  std::exit(1);
}

inline double now() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

inline double median(std::vector<double> values) {
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
  View dictionary{};  ///< lies right before every payload that is decoded
  std::vector<std::unique_ptr<Contender>> contenders{};
  std::vector<std::string> references{"liblz4"};
  std::vector<Score> scores{};
};

inline std::size_t room_for(std::size_t bytes) {
  return std::max(ZSTD_compressBound(bytes), std::max(snappy_max_compressed_length(bytes),
                                                      core::lz4::block_bound(bytes) + 64));
}

inline std::vector<View> cut(const test::Sample& file, std::size_t bytes) {
  std::vector<View> views;
  const auto* const data = reinterpret_cast<const std::uint8_t*>(file.bytes.data());
  for (std::size_t at = 0; at < file.bytes.size(); at += bytes) {
    views.push_back({data + at, std::min(bytes, file.bytes.size() - at)});
  }
  return views;
}

/// Where payloads are decoded to: one behind the other where they refer to each other, else all at
/// one place, right behind the dictionary if there is one. A decoder that is used again and again
/// keeps it there: what refers to it looks like what refers to the payload's own bytes.
class DecodeRoom {
 public:
  DecodeRoom(const Case& of, const test::Sample& file)
      : linked_(of.linked),
        dictionary_bytes_(of.dictionary.size),
        bytes_(dictionary_bytes_ + (linked_ ? file.bytes.size() : of.payload_bytes) + kSlackBytes) {
    if (dictionary_bytes_ != 0) {
      std::memcpy(bytes_.data(), of.dictionary.data, dictionary_bytes_);
    }
  }
  /// For the payload behind `done` bytes of others.
  [[nodiscard]] Room at(std::size_t done, std::size_t size) {
    return {bytes_.data() + history(done), size};
  }
  [[nodiscard]] std::size_t history(std::size_t done) const {
    return dictionary_bytes_ + (linked_ ? done : 0);
  }

 private:
  bool linked_;
  std::size_t dictionary_bytes_;
  std::vector<std::uint8_t> bytes_;
};

/// Encodes all payloads once; keeps the results, and checks them with the other's decoder.
inline Run prepare(const Case& of, Contender& contender, const test::Sample& file) {
  Run run{.payloads = cut(file, of.payload_bytes), .encoded = {}, .sizes = {}};
  std::vector<std::uint8_t> room(room_for(of.payload_bytes));
  DecodeRoom back(of, file);
  contender.start(run.payloads.front().data);
  std::size_t done = 0;
  for (const View payload : run.payloads) {
    const std::size_t size = contender.encode(payload, {room.data(), room.size()});
    require(size != 0 && size <= room.size(), contender.name() + " does not encode " + file.name);
    const Encoded encoded{{room.data(), size}, payload.size, back.history(done)};
    for (const bool cross : {false, true}) {
      const Room to = back.at(done, payload.size);
      std::memset(to.data, 0xA5, to.size);
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

inline double time_encoding(Contender& contender, const Run& run, Room room) {
  const double from = now();
  contender.start(run.payloads.front().data);
  for (const View payload : run.payloads) contender.encode(payload, room);
  return now() - from;
}

inline double time_decoding(Contender& contender, const Run& run, DecodeRoom& room) {
  const double from = now();
  const std::uint8_t* encoded = run.encoded.data();
  std::size_t done = 0;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < run.sizes.size(); ++i) {
    const std::size_t size = run.payloads[i].size;
    wrong += contender.decode({{encoded, run.sizes[i]}, size, room.history(done)},
                              room.at(done, size + kSlackBytes)) != size;
    encoded += run.sizes[i];
    done += size;
  }
  const double spent = now() - from;
  require(wrong == 0, contender.name() + " does not decode while it is timed");
  return spent;
}

/// The median of the paired times of the rounds in which both took part.
inline double ratio(const std::vector<double>& rival, const std::vector<double>& ours) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(rival.size(), ours.size()); ++i) {
    ratios.push_back(rival[i] / ours[i]);
  }
  return median(std::move(ratios));
}

inline void measure_file(Case& of, const test::Sample& file, double budget_seconds) {
  std::vector<Run> runs;
  for (const auto& contender : of.contenders) runs.push_back(prepare(of, *contender, file));
  std::vector<std::uint8_t> encode_room(room_for(of.payload_bytes));
  DecodeRoom decode_room(of, file);
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
    return time_decoding(contender, run, decode_room);
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

inline void report_last_file(const Case& of, const test::Sample& file) {
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

inline double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

inline double megabytes_per_second(const std::vector<double>& bytes,
                                   const std::vector<double>& seconds) {
  std::vector<double> rates;
  for (std::size_t i = 0; i < bytes.size(); ++i) rates.push_back(bytes[i] / seconds[i] / 1e6);
  return geometric_mean(rates);
}

/// Prints a case's table and appends its rows to the JSON.
inline void report(const Case& of, std::string& json) {
  std::printf("\n%s, %zu files\n%-28s %9s %9s %8s", of.name.c_str(), of.scores.front().bytes.size(),
              "", "enc MB/s", "dec MB/s", "size %");
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

}  // namespace frdpu::bench
