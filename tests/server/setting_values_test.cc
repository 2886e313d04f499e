#include "server/setting_values.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace frdpu::server {
namespace {

using std::chrono::milliseconds;

TEST(SettingValuesTest, SizesAreReadWithPowersOf1024) {
  struct Row {
    const char* text;
    std::uint64_t bytes;
  };
  for (const Row& row : {Row{"0", 0}, Row{"1500", 1500}, Row{"16k", 16'384}, Row{"16K", 16'384},
                         Row{"256m", 268'435'456}, Row{"1g", 1'073'741'824},
                         Row{"18446744073709551615", ~0ull}, Row{"17179869183g", ~0ull << 30}}) {
    SCOPED_TRACE(row.text);
    const auto size = parse_size(row.text);
    ASSERT_TRUE(size) << size.error();
    EXPECT_EQ(*size, row.bytes);
    EXPECT_EQ(parse_size(format_size(*size)), size);
  }
}

TEST(SettingValuesTest, SizesThatAreNoneAreRefused) {
  for (const char* text : {"", "k", "-1", "+1", " 1", "1 ", "1.5g", "1kb", "1t", "0x10", "1e3",
                           "18446744073709551616", "17179869184g", "16kk"}) {
    EXPECT_FALSE(parse_size(text)) << "'" << text << "'";
  }
}

TEST(SettingValuesTest, DurationsNeedAUnit) {
  struct Row {
    const char* text;
    milliseconds duration;
  };
  for (const Row& row :
       {Row{"0", milliseconds(0)}, Row{"0s", milliseconds(0)}, Row{"250ms", milliseconds(250)},
        Row{"5s", milliseconds(5000)}, Row{"75s", milliseconds(75'000)},
        Row{"2m", milliseconds(120'000)}, Row{"1440m", milliseconds(86'400'000)}}) {
    SCOPED_TRACE(row.text);
    const auto duration = parse_duration(row.text);
    ASSERT_TRUE(duration) << duration.error();
    EXPECT_EQ(*duration, row.duration);
    EXPECT_EQ(parse_duration(format_duration(*duration)), duration);
  }
  for (const char* text : {"", "5", "s", "1.5s", "5 s", "-5s", "5S", "5h", "5us", "1441m",
                           "18446744073709551615m", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << "'" << text << "'";
  }
}

TEST(SettingValuesTest, ModesAreOctal) {
  for (const auto& [text, mode, written] :
       {std::tuple{"0660", 0660u, "0660"}, std::tuple{"600", 0600u, "0600"},
        std::tuple{"0", 0u, "0000"}, std::tuple{"0777", 0777u, "0777"}}) {
    const auto parsed = parse_mode(text);
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(*parsed, mode);
    EXPECT_EQ(format_mode(*parsed), written);
  }
  for (const char* text : {"", "0668", "1777", "0o660", "rw-rw----", "-660", "660 "}) {
    EXPECT_FALSE(parse_mode(text)) << "'" << text << "'";
  }
}

TEST(SettingValuesTest, ListenAddressesAreHostAndPortOrAUnixPath) {
  struct Row {
    const char* text;
    ListenAddress address;
  };
  for (const Row& row :
       {Row{"127.0.0.1:8080", {"127.0.0.1", 8080, {}}}, Row{"localhost:0", {"localhost", 0, {}}},
        Row{"0.0.0.0:65535", {"0.0.0.0", 65535, {}}}, Row{"[::1]:80", {"::1", 80, {}}},
        Row{"unix:/run/frdpu.sock", {{}, 0, "/run/frdpu.sock"}}}) {
    SCOPED_TRACE(row.text);
    const auto address = parse_listen_address(row.text);
    ASSERT_TRUE(address) << address.error();
    EXPECT_EQ(*address, row.address);
    EXPECT_EQ(format_listen_address(*address), row.text);
  }
  const std::string long_path = "unix:/" + std::string(107, 'a');
  for (const std::string& text :
       {std::string(), std::string("8080"), std::string("127.0.0.1"), std::string(":8080"),
        std::string("127.0.0.1:"), std::string("127.0.0.1:65536"), std::string("a:-1"),
        std::string("::1:80"), std::string("[]:80"), std::string("a b:80"), std::string("unix:"),
        std::string("unix:relative"), std::string("http://a:80"), long_path}) {
    EXPECT_FALSE(parse_listen_address(text)) << "'" << text << "'";
  }
  EXPECT_TRUE(parse_listen_address(long_path.substr(0, long_path.size() - 1)));
}

}  // namespace
}  // namespace frdpu::server
