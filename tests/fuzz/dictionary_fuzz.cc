// Dictionaries from strangers: an id is found for any bytes, what is encoded with one is decoded
// with it whatever it holds, and one in a broken format is an error and no more. The first bytes
// choose coding, level and how much of the rest is the dictionary; what remains is the text.
#include <algorithm>
#include <vector>

#include "core/body_decoder.h"
#include "server/dictionary_file.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using core::Coding;
using fuzz::require;

using Buffer = std::vector<std::byte>;

core::WorkspacePools& pools() {
  static core::WorkspacePools made = *core::WorkspacePools::create(256 * core::kMiB, 1u << 20);
  return made;
}

// Runs a codec over a text in one view. Returns: false for an error.
bool run(core::Transform& codec, core::Bytes input, Buffer& output) {
  Buffer room(1000);
  for (;;) {
    const auto step = codec.step(input, room, core::Flush::finish);
    if (!step) return false;
    input = input.subspan(step->consumed);
    output.insert(output.end(), room.begin(),
                  room.begin() + static_cast<std::ptrdiff_t>(step->produced));
    if (step->state == core::StepState::done) return true;
  }
}

bool decode(Coding coding, core::Bytes frame, server::DictionaryFile& file, Buffer& output) {
  core::BodyDecoder decoder(coding, {}, pools(), &file);
  return run(decoder, frame, output);
}

// A zstd frame without content that names a dictionary.
Buffer empty_zstd_frame(std::uint32_t id) {
  Buffer frame;
  const auto put = [&](std::uint32_t value, int count) {
    for (; count-- > 0; value >>= 8) frame.push_back(static_cast<std::byte>(value));
  };
  put(0xFD2FB528, 4);
  put(0x0003, 2);  // an id of four bytes; a window of 1 KiB
  put(id, 4);
  put(1, 3);  // the last block, raw, of no bytes
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * core::kKiB) return 0;
  fuzz::Choices choices(data, size);
  const Coding coding = choices.below(2) == 0 ? Coding::zstd : Coding::lz4;
  const int level = 1 + static_cast<int>(choices.below(5));
  const std::size_t dictionary_bytes = choices.below(1 << 16);
  const core::Bytes rest = choices.rest();
  const auto cut =
      rest.begin() + static_cast<std::ptrdiff_t>(std::min(dictionary_bytes, rest.size()));
  // Of its exact size, so that a sanitizer sees the byte behind it.
  const Buffer text(cut, rest.end());
  server::DictionaryFile file(Buffer(rest.begin(), cut));
  const core::Dictionary& dictionary = file.dictionary();
  if (!dictionary.is_zstd_format()) {
    require(dictionary.id() >= 32768 && dictionary.id() < 1u << 31, "a reserved id");
    if (coding == Coding::zstd) return 0;  // raw content has no place in its frames
  }

  Buffer nothing;
  if (coding == Coding::zstd && decode(coding, empty_zstd_frame(dictionary.id()), file, nothing)) {
    require(nothing.empty(), "something comes out of nothing");
  }
  Buffer frame;
  {
    const auto encoder = core::make_encoder(
        {.coding = coding, .level = level, .content_bytes = {}, .dictionary = &dictionary},
        pools());
    if (!encoder || !run(**encoder, text, frame)) {
      require(coding == Coding::zstd, "lz4 takes any bytes");
      return 0;
    }
  }
  Buffer back;
  require(decode(coding, frame, file, back) && back == text,
          "what was encoded with a dictionary is not decoded with it");
  return 0;
}
