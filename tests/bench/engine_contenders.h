#pragma once

#define LZ4_STATIC_LINKING_ONLY  // attached dictionaries
#define LZ4_HC_STATIC_LINKING_ONLY
#include <lz4.h>
#include <lz4hc.h>
#include <snappy-c.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "core/engine/block_decoder.h"
#include "core/engine/block_encoder.h"

/// Who takes part in `engine_bench`: our engine and the libraries beside it, each through the best
/// interface it has for the case, all with state that is made once.
namespace frdpu::bench {

struct View {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};
struct Room {
  std::uint8_t* data;
  std::size_t size;
};

/// An encoded payload, what it decodes to, and how many bytes right before the room it may refer
/// to. LZ4 blocks with `encoded.size == size` are stored raw.
struct Encoded {
  View encoded;
  std::size_t size;
  std::size_t history;
};

inline constexpr std::size_t kRefused = SIZE_MAX;

inline char* chars(std::uint8_t* bytes) {
  return reinterpret_cast<char*>(bytes);
}
inline const char* chars(const std::uint8_t* bytes) {
  return reinterpret_cast<const char*>(bytes);
}

/// One codec at one setting.
class Contender {
 public:
  explicit Contender(std::string name) : name_(std::move(name)) {}
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;
  [[nodiscard]] const std::string& name() const { return name_; }

  /// A new row of payloads begins: what came before is not to be referred to.
  virtual void start(const std::uint8_t* /*begin*/) {}
  /// Returns: the encoded size. The room holds any result.
  virtual std::size_t encode(View input, Room room) = 0;
  /// Returns: the decoded size, or kRefused.
  virtual std::size_t decode(const Encoded& from, Room room) = 0;
  /// The same by another's decoder, where the format has one.
  virtual std::size_t cross_decode(const Encoded& from, Room room) { return decode(from, room); }

 private:
  std::string name_;
};

/// Decodes an LZ4 block with our decoder.
inline std::size_t decode_with_ours(const Encoded& from, Room room) {
  core::lz4::BlockDecoder decoder;
  decoder.begin(from.encoded.size, from.size);
  core::lz4::DecodeViews views{.in = from.encoded.data,
                               .in_end = from.encoded.data + from.encoded.size,
                               .floor = room.data - from.history,
                               .out = room.data,
                               .out_end = room.data + room.size,
                               .history_end = nullptr,
                               .history_bytes = 0};
  if (decoder.run(views) != core::lz4::DecodeOutcome::done) return kRefused;
  return static_cast<std::size_t>(views.out - room.data);
}

/// Decodes an LZ4 block with liblz4's.
inline std::size_t decode_with_liblz4(const Encoded& from, Room room) {
  const char* const in = chars(from.encoded.data);
  const int in_size = static_cast<int>(from.encoded.size);
  const int out_size = static_cast<int>(room.size);
  const int size = from.history == 0
                       ? LZ4_decompress_safe(in, chars(room.data), in_size, out_size)
                       : LZ4_decompress_safe_usingDict(in, chars(room.data), in_size, out_size,
                                                       chars(room.data - from.history),
                                                       static_cast<int>(from.history));
  return size < 0 ? kRefused : static_cast<std::size_t>(size);
}

inline std::size_t copy_raw(const Encoded& from, Room room) {
  std::memcpy(room.data, from.encoded.data, from.size);
  return from.size;
}

using Region = std::unique_ptr<std::uint8_t, decltype(&std::free)>;

inline Region aligned_region(std::size_t bytes) {
  return {static_cast<std::uint8_t*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)), &std::free};
}

/// Blocks as our engine makes them: raw where encoding does not help.
class OursFormat : public Contender {
 public:
  using Contender::Contender;
  std::size_t decode(const Encoded& from, Room room) override {
    return from.encoded.size == from.size ? copy_raw(from, room) : decode_with_ours(from, room);
  }
  std::size_t cross_decode(const Encoded& from, Room room) override {
    return from.encoded.size == from.size ? copy_raw(from, room) : decode_with_liblz4(from, room);
  }

 protected:
  /// Encodes `input`, whose history goes back to `floor`.
  static std::size_t encode_behind(core::lz4::BlockEncoder& encoder, const std::uint8_t* floor,
                                   View input, Room room) {
    const std::size_t size = encoder.encode({.floor = floor,
                                             .begin = input.data,
                                             .end = input.data + input.size,
                                             .out = room.data,
                                             .out_end = room.data + room.size});
    if (size != 0 && size < input.size) return size;
    std::memcpy(room.data, input.data, input.size);
    return input.size;
  }
};

/// Our engine: one block a payload, alone or (with `stream_bytes`) linked to those before.
class Ours : public OursFormat {
 public:
  Ours(int level, std::size_t block_bytes, std::size_t window, std::size_t stream_bytes = 0)
      : OursFormat("frdpu " + std::to_string(level)),
        config_{.level = level,
                .window = window,
                .reach = std::max(block_bytes, stream_bytes),
                .block_bytes = block_bytes},
        streams_(stream_bytes != 0),
        tables_(aligned_region(core::lz4::BlockEncoder::table_bytes(config_))),
        encoder_(config_, tables_.get()) {}

  void start(const std::uint8_t* begin) override {
    floor_ = begin;
    encoder_.forget(begin);
  }
  std::size_t encode(View input, Room room) override {
    if (!streams_) start(input.data);
    return encode_behind(encoder_, floor_, input, room);
  }

 private:
  core::lz4::BlockEncoderConfig config_;
  bool streams_;
  Region tables_;
  core::lz4::BlockEncoder encoder_;
  const std::uint8_t* floor_ = nullptr;
};

/// Our engine with a dictionary that was learned once: every payload is copied behind it, and the
/// tables are taken back to what they were.
class OursDictionary : public OursFormat {
 public:
  OursDictionary(int level, View dictionary, std::size_t block_bytes)
      : OursFormat("frdpu " + std::to_string(level) + " dictionary"),
        dictionary_bytes_(dictionary.size),
        config_{.level = level,
                .window = 65535,
                .reach = dictionary.size + block_bytes,
                .block_bytes = block_bytes},
        table_bytes_(core::lz4::BlockEncoder::table_bytes(config_)),
        tables_(aligned_region(table_bytes_)),
        learned_tables_(aligned_region(table_bytes_)),
        gathered_(aligned_region(config_.reach)),
        learned_(config_, tables_.get()) {
    std::memcpy(gathered_.get(), dictionary.data, dictionary.size);
    learned_.forget(gathered_.get());
    learned_.learn(gathered_.get(), gathered_.get() + dictionary.size);
    std::memcpy(learned_tables_.get(), tables_.get(), table_bytes_);
  }
  std::size_t encode(View input, Room room) override {
    std::uint8_t* const begin = gathered_.get() + dictionary_bytes_;
    std::memcpy(begin, input.data, input.size);
    std::memcpy(tables_.get(), learned_tables_.get(), table_bytes_);
    core::lz4::BlockEncoder encoder = learned_;
    return encode_behind(encoder, gathered_.get(), {begin, input.size}, room);
  }

 private:
  std::size_t dictionary_bytes_;
  core::lz4::BlockEncoderConfig config_;
  std::size_t table_bytes_;
  Region tables_;
  Region learned_tables_;
  Region gathered_;
  core::lz4::BlockEncoder learned_;
};

/// Our engine on inputs of any size: linked blocks of 64 KiB, each behind its size in 4 bytes.
class OursLinked : public Contender {
 public:
  explicit OursLinked(int level)
      : Contender("frdpu " + std::to_string(level)),
        blocks_(level, kBlock, 65535, 65535 + kBlock) {}
  std::size_t encode(View input, Room room) override {
    blocks_.start(input.data);
    std::uint8_t* out = room.data;
    for (std::size_t at = 0; at < input.size; at += kBlock) {
      const std::size_t size = std::min(kBlock, input.size - at);
      const std::size_t left = room.size - static_cast<std::size_t>(out - room.data);
      const std::size_t encoded = blocks_.encode({input.data + at, size}, {out + 4, left - 4});
      core::lz4::store_le32(out, static_cast<std::uint32_t>(encoded));
      out += 4 + encoded;
    }
    return static_cast<std::size_t>(out - room.data);
  }
  std::size_t decode(const Encoded& from, Room room) override {
    return each_block(from, room,
                      [&](const auto& block, Room to) { return blocks_.decode(block, to); });
  }
  std::size_t cross_decode(const Encoded& from, Room room) override {
    return each_block(from, room,
                      [&](const auto& block, Room to) { return blocks_.cross_decode(block, to); });
  }

 private:
  static constexpr std::size_t kBlock = 65536;
  template <class Decode>
  std::size_t each_block(const Encoded& from, Room room, const Decode& decode) {
    const std::uint8_t* in = from.encoded.data;
    for (std::size_t at = 0; at < from.size; at += kBlock) {
      const std::size_t size = core::lz4::load_le32(in);
      const Encoded block{{in + 4, size}, std::min(kBlock, from.size - at), at};
      if (decode(block, {room.data + at, room.size - at}) != block.size) return kRefused;
      in += 4 + size;
    }
    return from.size;
  }
  Ours blocks_;
};

/// liblz4's formats of a block: all its ways of encoding, and both decoders.
class Liblz4Format : public Contender {
 public:
  using Contender::Contender;
  std::size_t decode(const Encoded& from, Room room) override {
    return decode_with_liblz4(from, room);
  }
  std::size_t cross_decode(const Encoded& from, Room room) override {
    return decode_with_ours(from, room);
  }
};

/// liblz4's default with external state and fast reset.
class Liblz4 : public Liblz4Format {
 public:
  Liblz4() : Liblz4Format("liblz4") { LZ4_initStream(&state_, sizeof state_); }
  std::size_t encode(View input, Room room) override {
    return static_cast<std::size_t>(LZ4_compress_fast_extState_fastReset(
        &state_, chars(input.data), chars(room.data), static_cast<int>(input.size),
        static_cast<int>(room.size), 1));
  }

 private:
  LZ4_stream_t state_;
};

/// liblz4's high compression, likewise.
class Liblz4Hc : public Liblz4Format {
 public:
  explicit Liblz4Hc(int level) : Liblz4Format("liblz4 hc " + std::to_string(level)), level_(level) {
    LZ4_initStreamHC(&state_, sizeof state_);
  }
  std::size_t encode(View input, Room room) override {
    return static_cast<std::size_t>(LZ4_compress_HC_extStateHC_fastReset(
        &state_, chars(input.data), chars(room.data), static_cast<int>(input.size),
        static_cast<int>(room.size), level_));
  }

 private:
  int level_;
  LZ4_streamHC_t state_;
};

/// liblz4 with history over the stream.
class Liblz4Stream : public Liblz4Format {
 public:
  Liblz4Stream() : Liblz4Format("liblz4 stream") { LZ4_initStream(&state_, sizeof state_); }
  void start(const std::uint8_t* /*begin*/) override { LZ4_resetStream_fast(&state_); }
  std::size_t encode(View input, Room room) override {
    return static_cast<std::size_t>(
        LZ4_compress_fast_continue(&state_, chars(input.data), chars(room.data),
                                   static_cast<int>(input.size), static_cast<int>(room.size), 1));
  }

 private:
  LZ4_stream_t state_;
};

/// liblz4 with a prepared dictionary, attached to a reset stream for every payload.
class Liblz4Dictionary : public Liblz4Format {
 public:
  explicit Liblz4Dictionary(View dictionary) : Liblz4Format("liblz4 dictionary") {
    LZ4_initStream(&state_, sizeof state_);
    LZ4_initStream(&prepared_, sizeof prepared_);
    LZ4_loadDict(&prepared_, chars(dictionary.data), static_cast<int>(dictionary.size));
  }
  std::size_t encode(View input, Room room) override {
    LZ4_resetStream_fast(&state_);
    LZ4_attach_dictionary(&state_, &prepared_);
    return static_cast<std::size_t>(
        LZ4_compress_fast_continue(&state_, chars(input.data), chars(room.data),
                                   static_cast<int>(input.size), static_cast<int>(room.size), 1));
  }

 private:
  LZ4_stream_t state_;
  LZ4_stream_t prepared_;
};

/// Another's encoder with our decoder: how fast we read what is not ours.
class ReadByUs : public Contender {
 public:
  explicit ReadByUs(std::unique_ptr<Contender> other)
      : Contender(other->name() + ", read by us"), other_(std::move(other)) {}
  std::size_t encode(View input, Room room) override { return other_->encode(input, room); }
  std::size_t decode(const Encoded& from, Room room) override {
    return decode_with_ours(from, room);
  }

 private:
  std::unique_ptr<Contender> other_;
};

class Snappy : public Contender {
 public:
  Snappy() : Contender("snappy") {}
  std::size_t encode(View input, Room room) override {
    std::size_t size = room.size;
    const auto status = snappy_compress(chars(input.data), input.size, chars(room.data), &size);
    return status == SNAPPY_OK ? size : kRefused;
  }
  std::size_t decode(const Encoded& from, Room room) override {
    std::size_t size = room.size;
    const auto status =
        snappy_uncompress(chars(from.encoded.data), from.encoded.size, chars(room.data), &size);
    return status == SNAPPY_OK ? size : kRefused;
  }
};

/// zstd; negative levels are its `--fast`.
class Zstd : public Contender {
 public:
  explicit Zstd(int level)
      : Contender(level < 0 ? "zstd --fast=" + std::to_string(-level)
                            : "zstd -" + std::to_string(level)),
        level_(level) {}
  std::size_t encode(View input, Room room) override {
    return ZSTD_compressCCtx(encoder_.get(), room.data, room.size, input.data, input.size, level_);
  }
  std::size_t decode(const Encoded& from, Room room) override {
    return ZSTD_decompressDCtx(decoder_.get(), room.data, room.size, from.encoded.data,
                               from.encoded.size);
  }

 private:
  int level_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> encoder_{ZSTD_createCCtx(), &ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> decoder_{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

}  // namespace frdpu::bench
