#include "server/cli_pump.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "server/progress_bar.h"

namespace frdpu::server {
namespace {

constexpr std::size_t kBufferBytes = 256 * core::kKiB;

// The bar on stderr, or nothing where nobody looks at it.
class Display {
 public:
  Display(const InputFile& input, const PumpOptions& options) {
    winsize size{};
    if (!options.show_progress || ::isatty(STDERR_FILENO) == 0) return;
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
    auto total = input.size();
    if (total) *total += options.head.size();
    bar_.emplace(input.name(), total, known ? size.ws_col : 80, ProgressBar::Clock::now());
  }
  ~Display() {
    if (bar_) put(bar_->clear());
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void update(std::uint64_t done_bytes) {
    if (bar_) put(bar_->update(done_bytes, ProgressBar::Clock::now()));
  }

 private:
  static void put(const std::string& text) {
    if (!text.empty()) static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
  }
  std::optional<ProgressBar> bar_;
};

}  // namespace

std::string error_text(const core::Error& error) {
  std::string text(core::to_string(error.code));
  if (error.offset) text.append(" at byte ").append(std::to_string(*error.offset));
  text.append(": ");
  text.append(*error.detail != '\0' ? std::string_view(error.detail) : core::describe(error.code));
  if (error.observed) text.append(", ").append(std::to_string(*error.observed));
  if (error.limit) text.append(", limit ").append(std::to_string(*error.limit));
  return text;
}

std::expected<void, std::string> pump(InputFile& input, core::Transform& codec, OutputFile& output,
                                      const PumpOptions& options) {
  Interrupts* const interrupts = output.interrupts();
  Display display(input, options);
  std::vector<std::byte> in_buffer(kBufferBytes);
  std::vector<std::byte> out_buffer(kBufferBytes);
  core::Bytes unread = options.head;
  std::uint64_t read_bytes = unread.size();
  bool ended = options.input_ended;

  while (true) {
    if (unread.empty() && !ended) {
      if (interrupts != nullptr && !interrupts->wait_readable(input.descriptor())) {
        return std::unexpected("");
      }
      const auto count = input.read(in_buffer);
      if (!count) return std::unexpected(count.error());
      unread = core::Bytes(in_buffer).first(*count);
      ended = *count == 0;
      read_bytes += *count;
    }
    if (interrupts != nullptr && interrupts->pending()) return std::unexpected("");
    const auto progress =
        codec.step(unread, out_buffer, ended ? core::Flush::finish : core::Flush::none);
    if (!progress) {
      return std::unexpected(input.name() + ": " + error_text(progress.error()));
    }
    unread = unread.subspan(progress->consumed);
    if (auto written = output.write(core::Bytes(out_buffer).first(progress->produced)); !written) {
      return written;
    }
    display.update(read_bytes - unread.size());
    if (progress->state == core::StepState::done) return {};
  }
}

}  // namespace frdpu::server
