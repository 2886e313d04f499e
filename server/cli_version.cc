#include "server/cli_version.h"

#include "server/versions.h"

namespace frdpu::server {

std::string version_text() {
  std::string text("frdpu ");
  text.append(version()).append(" (").append(revision()).append(")");
  for (const LibraryVersion& library : library_versions()) {
    text.append("\n").append(library.name).append(" ").append(library.version);
  }
  return text;
}

}  // namespace frdpu::server
