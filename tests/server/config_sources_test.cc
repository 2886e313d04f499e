#include "server/config_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "server/setting_access.h"
#include "server/settings.h"
#include "server/settings_output.h"

namespace frdpu::server {
namespace {

using ::testing::HasSubstr;

constexpr const char* kNoEnvironment[] = {nullptr};

class ConfigSourcesTest : public ::testing::Test {
 protected:
  // A file of this test's own, removed by the end of the test.
  std::string write_file(const std::string& content) {
    path_ = ::testing::TempDir() + "frdpu_config_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".json";
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }
  void TearDown() override {
    if (!path_.empty()) std::remove(path_.c_str());
  }

 private:
  std::string path_;
};

TEST_F(ConfigSourcesTest, NothingGivenMeansTheDefaults) {
  const auto config = load_config({}, kNoEnvironment);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(format_listen_address(config->listen), "127.0.0.1:8080");
  EXPECT_EQ(format_listen_address(config->admin_listen), "127.0.0.1:8081");
  EXPECT_GE(config->threads, 1u);
  EXPECT_GE(config->compute_threads, 1u);
  EXPECT_EQ(config->max_window_bytes, 8u << 20);
  EXPECT_EQ(config->idle_timeout, std::chrono::seconds(75));
}

TEST_F(ConfigSourcesTest, FlagsWinOverEnvironmentOverFile) {
  const std::string path = write_file(
      R"({"max_body_bytes": 1, "max_output_bytes": "2k", "max_ratio": 3, "log_level": "debug"})");
  const std::string config_variable = "FRDPU_CONFIG=" + path;
  const char* environment[] = {"PATH=/bin", config_variable.c_str(), "FRDPU_MAX_OUTPUT_BYTES=20k",
                               "FRDPU_MAX_RATIO=30", nullptr};
  const auto config = load_config({{"max-ratio", "300"}}, environment);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->max_body_bytes, 1u);
  EXPECT_EQ(config->max_output_bytes, 20u << 10);
  EXPECT_EQ(config->max_ratio, 300u);
  EXPECT_EQ(config->log_level, LogLevel::debug);
}

TEST_F(ConfigSourcesTest, TheFlagNamesAnotherFileThanTheEnvironment) {
  const std::string path = write_file(R"({"max_ratio": 7})");
  const char* environment[] = {"FRDPU_CONFIG=/nowhere/at/all.json", nullptr};
  const auto config = load_config({{"config", path}}, environment);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->max_ratio, 7u);
  const auto missing = load_config({}, environment);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), "/nowhere/at/all.json cannot be read");
}

TEST_F(ConfigSourcesTest, EveryErrorNamesItsSourceAndTheValue) {
  struct Row {
    SettingTexts flags;
    const char* variable;
    const char* json;
    const char* message;
  };
  const Row rows[] = {
      {{{"max-window-bytes", "129m"}},
       "A=",
       "{}",
       "--max-window-bytes: '129m' is above the largest value, 128m"},
      {{{"queue-timeout", "5"}},
       "A=",
       "{}",
       "--queue-timeout: '5' is not a duration such as 250ms, 5s or 2m"},
      {{{"max-connections", "0"}},
       "A=",
       "{}",
       "--max-connections: '0' is below the smallest value, 1"},
      {{{"default-coding", "auto"}}, "A=", "{}", "--default-coding: 'auto' is not a coding"},
      {{{"log-format", "xml"}}, "A=", "{}", "--log-format: 'xml' is not one of logfmt, json"},
      {{{"listen", "8080"}}, "A=", "{}", "--listen: '8080' is not host:port or unix:/path"},
      {{{"listen", "a:1"}, {"admin-listen", "a:1"}}, "A=", "{}", "are the same address: a:1"},
      {{{"tls-cert", "/c.pem"}}, "A=", "{}", "--tls-cert and --tls-key only work together"},
      {{{"listen-mode", "0668"}}, "A=", "{}", "--listen-mode: '0668' is not a file's mode"},
      {{{"listen-mode", "1777"}}, "A=", "{}", "--listen-mode: '1777' is not a file's mode"},
      {{}, "FRDPU_MAX_BODY_BYTES=lots", "{}", "FRDPU_MAX_BODY_BYTES: 'lots' is not a size"},
      {{}, "FRDPU_MAX_BODY=1", "{}", "FRDPU_MAX_BODY is not a setting"},
      {{}, "FRDPU_PORT=8080", "{}", "FRDPU_PORT is not a setting"},
      {{}, "FRDPU_\x1b[31m=1", "{}", "FRDPU_?[31m is not a setting"},
      {{}, "A=", R"({"max-body-bytes": 1})", "'max-body-bytes' is not a setting"},
      {{},
       "A=",
       R"({"max_body_bytes": 1, "max_body_bytes": 1})",
       "'max_body_bytes' is there twice"},
      {{}, "A=", R"({"max_body_bytes": -1})", "is neither text nor a whole number"},
      {{}, "A=", R"({"max_body_bytes": 1.5})", "is neither text nor a whole number"},
      {{}, "A=", R"({"max_body_bytes": null})", "is neither text nor a whole number"},
      {{},
       "A=",
       R"({"max_body_bytes": {"a": [1, {"b": 2}]}})",
       "is neither text nor a whole number"},
      {{}, "A=", R"({"config": "x"})", "'config' is not a setting"},
      {{}, "A=", R"({"queue_timeout": 5})", "queue_timeout: '5' is not a duration"},
      {{}, "A=", R"([1])", "is not a JSON object"},
      {{}, "A=", R"({"max_body_bytes": 1)", "is not a JSON object"},
      {{}, "A=", "", "is not a JSON object"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.message);
    SettingTexts flags = row.flags;
    flags["config"] = write_file(row.json);
    const char* environment[] = {row.variable, nullptr};
    const auto config = load_config(flags, environment);
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error(), HasSubstr(row.message));
    EXPECT_EQ(config.error().find('\n'), std::string::npos);
  }
}

TEST_F(ConfigSourcesTest, VariablesOfAKubernetesServiceArePassedOver) {
  const char* environment[] = {"FRDPU_SERVICE_HOST=10.0.0.1",
                               "FRDPU_SERVICE_PORT=8080",
                               "FRDPU_SERVICE_PORT_HTTP=8080",
                               "FRDPU_PORT=tcp://10.0.0.1:8080",
                               "FRDPU_PORT_8080_TCP=tcp://10.0.0.1:8080",
                               "FRDPU_PORT_8080_TCP_ADDR=10.0.0.1",
                               "FRDPU_ADMIN_SERVICE_HOST=10.0.0.2",
                               nullptr};
  EXPECT_TRUE(load_config({}, environment));
}

TEST_F(ConfigSourcesTest, AFileAboveOneMiBIsRefused) {
  const auto config =
      load_config({{"config", write_file(std::string((1 << 20) + 1, ' '))}}, kNoEnvironment);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error(), HasSubstr("is longer than 1 MiB"));
}

TEST_F(ConfigSourcesTest, WhatIsPrintedCanBeReadBack) {
  Config config = load_config({}, kNoEnvironment).value();
  ASSERT_TRUE(set_value(config, *find_setting("listen"), "unix:/run/a b.sock"));
  ASSERT_TRUE(set_value(config, *find_setting("max-body-bytes"), "1234567"));
  ASSERT_TRUE(set_value(config, *find_setting("queue-timeout"), "1250ms"));
  ASSERT_TRUE(set_value(config, *find_setting("default-coding"), "br"));
  ASSERT_TRUE(set_value(config, *find_setting("log-format"), "json"));
  const std::string printed = config_json(config);
  const auto again = load_config({{"config", write_file(printed)}}, kNoEnvironment);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(config_json(*again), printed);
  for (const Setting& setting : settings()) {
    EXPECT_EQ(value_text(*again, setting), value_text(config, setting)) << setting.name;
  }
}

TEST_F(ConfigSourcesTest, TlsSettingsOnlyWorkTogether) {
  Config config;
  EXPECT_TRUE(check_config(config));
  config.access.tls_cert = "cert.pem";
  EXPECT_FALSE(check_config(config));
  config.access.tls_key = "key.pem";
  EXPECT_TRUE(check_config(config));
  config.admin_access.tls_client_ca = "ca.pem";
  const auto checked = check_config(config);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error(), "--admin-tls-client-ca needs --admin-tls-cert");
}

}  // namespace
}  // namespace frdpu::server
