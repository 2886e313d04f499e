#include "server/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "server/setting_access.h"
#include "server/settings_output.h"

namespace frdpu::server {
namespace {

// The contract's table of settings and what came later, by name and default ("" where it depends on
// the machine).
constexpr std::pair<const char*, const char*> kContract[] = {{"listen", "127.0.0.1:8080"},
                                                             {"admin-listen", "127.0.0.1:8081"},
                                                             {"listen-mode", "0660"},
                                                             {"admin-listen-mode", "0600"},
                                                             {"threads", "0"},
                                                             {"compute-threads", "0"},
                                                             {"pool-mtu-blocks", "0"},
                                                             {"pool-64k-blocks", "0"},
                                                             {"workspace-bytes", "0"},
                                                             {"default-coding", "lz4"},
                                                             {"max-body-bytes", "1g"},
                                                             {"max-output-bytes", "1g"},
                                                             {"max-ratio", "0"},
                                                             {"max-window-bytes", "8m"},
                                                             {"max-cpu-seconds", "60"},
                                                             {"max-header-bytes", "16k"},
                                                             {"max-connections", "10000"},
                                                             {"max-frames", "1000000"},
                                                             {"max-content-codings", "2"},
                                                             {"max-requests-per-connection", "0"},
                                                             {"max-queued-jobs", "512"},
                                                             {"min-bytes-per-second", "240"},
                                                             {"max-stream-bytes", "256m"},
                                                             {"queue-timeout", "1s"},
                                                             {"header-timeout", "10s"},
                                                             {"body-timeout", "30s"},
                                                             {"write-timeout", "30s"},
                                                             {"idle-timeout", "75s"},
                                                             {"drain-delay", "0s"},
                                                             {"drain-timeout", "30s"},
                                                             {"ready-grace", "5s"},
                                                             {"dictionary-dir", ""},
                                                             {"dictionary-bytes", "16m"},
                                                             {"auth-token-file", ""},
                                                             {"tls-cert", ""},
                                                             {"tls-key", ""},
                                                             {"tls-client-ca", ""},
                                                             {"admin-auth-token-file", ""},
                                                             {"admin-tls-cert", ""},
                                                             {"admin-tls-key", ""},
                                                             {"admin-tls-client-ca", ""},
                                                             {"log-level", "info"},
                                                             {"log-format", "logfmt"},
                                                             {"access-log-sample", "1"},
                                                             {"access-log-rate", "1000"}};

TEST(SettingsTest, HoldTheContractsNamesAndDefaults) {
  const Config defaults;
  std::set<std::string_view> names;
  for (const auto& [name, value] : kContract) {
    const Setting* setting = find_setting(name);
    ASSERT_NE(setting, nullptr) << name;
    EXPECT_EQ(value_text(defaults, *setting), value) << name;
    names.insert(name);
  }
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.contains(setting.name)) << setting.name << " is not in the contract";
    EXPECT_FALSE(setting.help.empty()) << setting.name;
  }
  EXPECT_EQ(settings().size(), names.size());
}

TEST(SettingsTest, NamesFollowFromTheFlag) {
  EXPECT_EQ(environment_name("max-output-bytes"), "FRDPU_MAX_OUTPUT_BYTES");
  EXPECT_EQ(file_key("pool-64k-blocks"), "pool_64k_blocks");
}

TEST(SettingsTest, DefaultsAreWithinTheirOwnBounds) {
  const Config defaults;
  for (const Setting& setting : settings()) {
    Config config;
    EXPECT_TRUE(set_value(config, setting, value_text(defaults, setting))) << setting.name;
  }
}

TEST(SettingsTest, ARefusedValueLeavesTheConfigAsItWas) {
  Config config;
  EXPECT_FALSE(set_value(config, *find_setting("max-header-bytes"), "65k"));
  EXPECT_EQ(config.max_header_bytes, 16u << 10);
}

TEST(SettingsTest, LimitsAreOneFlatObjectInBytesAndSeconds) {
  Config config;
  config.queue_timeout = std::chrono::milliseconds(250);
  const auto limits = nlohmann::json::parse(limits_json(config, 12345));
  EXPECT_EQ(limits.at("max_body_bytes"), 1u << 30);
  EXPECT_EQ(limits.at("max_cpu_seconds"), 60);
  EXPECT_EQ(limits.at("queue_timeout"), 0.25);
  EXPECT_EQ(limits.at("memory_bytes"), 12345);
  EXPECT_FALSE(limits.contains("listen"));
  for (const auto& [key, value] : limits.items()) EXPECT_TRUE(value.is_number()) << key;
}

TEST(SettingsTest, TheReadmeTableHasOneRowASetting) {
  const std::string table = settings_markdown();
  EXPECT_THAT(table, ::testing::HasSubstr("| `--max-body-bytes` | `1g` | "));
  EXPECT_THAT(table, ::testing::HasSubstr("| `--threads` | number of cores | "));
  EXPECT_THAT(table, ::testing::HasSubstr("| `--dictionary-dir` | none | "));
}

TEST(SettingsTest, TheReadmeShowsThatTable) {
  std::ifstream file(FRDPU_SOURCE_DIR "/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(readme.find(settings_markdown()), std::string::npos) << "README.md should hold:\n"
                                                                 << settings_markdown();
}

}  // namespace
}  // namespace frdpu::server
