#include "server/versions.h"

#include <brotli/decode.h>
#include <isa-l.h>
#include <libdeflate.h>
#include <openssl/crypto.h>
#include <zlib.h>
#include <zstd.h>

#include <CLI/Version.hpp>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

namespace frdpu::server {
namespace {

std::string joined(unsigned long major, unsigned long minor, unsigned long patch) {
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

}  // namespace

std::string_view version() noexcept {
  return FRDPU_VERSION;
}

std::string_view revision() noexcept {
  return FRDPU_REVISION;
}

std::vector<LibraryVersion> library_versions() {
  const unsigned brotli = ::BrotliDecoderVersion();
  return {
      {"zstd", ::ZSTD_versionString(), true},
      {"zlib", ::zlibVersion(), true},
      {"libdeflate", LIBDEFLATE_VERSION_STRING, true},
      {"isal", joined(ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ISAL_PATCH_VERSION), true},
      {"brotli", joined(brotli >> 24, brotli >> 12 & 0xfff, brotli & 0xfff), true},
      {"openssl", ::OpenSSL_version(OPENSSL_VERSION_STRING), false},
      {"boost", joined(BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100),
       false},
      {"nlohmann_json",
       joined(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
              NLOHMANN_JSON_VERSION_PATCH),
       false},
      {"prometheus-cpp", FRDPU_PROMETHEUS_CPP_VERSION, false},
      {"cli11", CLI11_VERSION, false},
  };
}

}  // namespace frdpu::server
