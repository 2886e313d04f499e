#include "server/cli_command.h"

#include <cstdio>

namespace frdpu::server {

int cli_error(std::string_view message, int status) {
  std::string line = "frdpu: ";
  for (const char c : message) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
  return status;
}

}  // namespace frdpu::server
