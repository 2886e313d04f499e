#include "core/file/file_compressor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/codec_factory.h"
#include "core/coding_sniffer.h"

namespace frdpu::core {
namespace {

/// A file that is read from its start. Directories and what cannot be opened are refused.
class Source {
 public:
  static Result<Source> open(const std::filesystem::path& path) {
    Source source;
    source.file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source.file_ || ::fstat(source.file_.number(), &source.info_) != 0) {
      return io_failure("the source cannot be opened");
    }
    if (S_ISDIR(source.info_.st_mode)) return io_failure("the source is a directory", EISDIR);
    return source;
  }

  /// Fills the buffer as far as the file goes. Returns: nothing read is the end.
  Result<void> read(PooledBuffer& buffer) noexcept {
    buffer.clear();
    while (!buffer.room().empty()) {
      const ssize_t count = ::read(file_.number(), buffer.room().data(), buffer.room().size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_failure("the source cannot be read");
      if (count == 0) break;
      static_cast<void>(buffer.resize(buffer.len() + static_cast<std::size_t>(count)));
    }
    return {};
  }

  /// Returns nothing for pipes, and for files that do not tell (those of /proc claim to be empty).
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept {
    if (!S_ISREG(info_.st_mode) || info_.st_size == 0) return std::nullopt;
    return static_cast<std::uint64_t>(info_.st_size);
  }
  [[nodiscard]] mode_t mode() const noexcept {
    return S_ISREG(info_.st_mode) ? info_.st_mode : 0600;
  }
  [[nodiscard]] bool is(const std::filesystem::path& path) const noexcept {
    struct stat other {};
    return ::stat(path.c_str(), &other) == 0 && other.st_dev == info_.st_dev &&
           other.st_ino == info_.st_ino;
  }

 private:
  FileDescriptor file_;
  struct stat info_ {};
};

/// One file on its way through a codec: what `compress` and `decompress` have in common.
class Passage {
 public:
  static Result<Passage> open(const std::filesystem::path& from, const std::filesystem::path& to,
                              Existing existing, BufferPool& buffers) {
    auto source = Source::open(from);
    if (!source) return std::unexpected(source.error());
    if (source->is(to)) return fail(Errc::invalid_parameter, "the result is the source itself");
    auto in = buffers.get_medium_buffer();
    if (!in) return std::unexpected(in.error());
    auto out = buffers.get_medium_buffer();
    if (!out) return std::unexpected(out.error());
    auto result = ResultFile::create(to, existing);
    if (!result) return std::unexpected(result.error());
    Passage passage{*std::move(source), *std::move(result), *std::move(in), *std::move(out), {}};
    if (auto read = passage.source.read(passage.in); !read) return std::unexpected(read.error());
    return passage;
  }

  /// Requires: the first piece is in `in`. `pledged`: the size that the codec was told.
  Result<FileOutcome> run(Transform& codec, std::optional<std::uint64_t> pledged) {
    Bytes unread = in.bytes();
    outcome.read_bytes = unread.size();
    const MutableBytes room = out.room();
    while (true) {
      const bool ended = in.empty();
      const bool changed =
          pledged && (outcome.read_bytes > *pledged || (ended && outcome.read_bytes != *pledged));
      if (changed) {
        return std::unexpected(Error{.code = Errc::io_error,
                                     .detail = "the source changed while it was read",
                                     .limit = pledged,
                                     .observed = outcome.read_bytes});
      }
      const auto progress = codec.step(unread, room, ended ? Flush::finish : Flush::none);
      if (!progress) return std::unexpected(progress.error());
      unread = unread.subspan(progress->consumed);
      outcome.written_bytes += progress->produced;
      if (auto written = result.write(room.first(progress->produced)); !written) {
        return std::unexpected(written.error());
      }
      if (progress->state == StepState::done) break;
      if (unread.empty() && !ended) {
        if (auto read = source.read(in); !read) return std::unexpected(read.error());
        unread = in.bytes();
        outcome.read_bytes += unread.size();
      }
    }
    if (auto committed = result.commit(source.mode()); !committed) {
      return std::unexpected(committed.error());
    }
    return outcome;
  }

  Source source;
  ResultFile result;
  PooledBuffer in;
  PooledBuffer out;
  FileOutcome outcome;
};

}  // namespace

Result<FileOutcome> FileCompressor::compress(const std::filesystem::path& from,
                                             const std::filesystem::path& to, EncoderParams params,
                                             Existing existing) {
  auto passage = Passage::open(from, to, existing, buffers_);
  if (!passage) return std::unexpected(passage.error());
  params.content_bytes = passage->source.size();
  params.whole = false;
  const auto encoder = make_encoder(params, workspaces_);
  if (!encoder) return std::unexpected(encoder.error());
  return passage->run(**encoder, params.content_bytes);
}

Result<FileOutcome> FileCompressor::decompress(const std::filesystem::path& from,
                                               const std::filesystem::path& to,
                                               const DecodeLimits& limits,
                                               std::optional<Coding> coding, Existing existing,
                                               DictionarySource* dictionaries) {
  auto passage = Passage::open(from, to, existing, buffers_);
  if (!passage) return std::unexpected(passage.error());
  if (!coding) coding = sniff(passage->in.bytes());
  if (!coding) return fail(Errc::unknown_coding, "the first bytes do not tell the coding");
  BodyDecoder decoder(*coding, limits, workspaces_, dictionaries);
  return passage->run(decoder, std::nullopt);
}

}  // namespace frdpu::core
