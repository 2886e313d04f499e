#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "core/codec.h"
#include "server/cli_files.h"

/// Drives one codec from a file to a file.
namespace frdpu::server {

struct PumpOptions {
  core::Bytes head;          ///< what was read of the input already
  bool input_ended = false;  ///< nothing follows `head`
  bool show_progress = false;
};

/// Reads the input to its end, hands it through the codec and writes what comes out. Buffers are
/// 256 KiB each, however long the file. Shows a progress bar on stderr while it works.
/// Returns: nothing, or one line on what went wrong, with the byte where a decoder gave up; "" when
/// a signal asked to stop (the caller cleans up; the process ends by the signal).
[[nodiscard]] std::expected<void, std::string> pump(InputFile& input, core::Transform& codec,
                                                    OutputFile& output, const PumpOptions& options);

/// An error of the library as a line for people: "corrupt_input at byte 123: ...".
[[nodiscard]] std::string error_text(const core::Error& error);

}  // namespace frdpu::server
