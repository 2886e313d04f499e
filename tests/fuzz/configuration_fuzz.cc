// The configuration, from where it can come: the first byte chooses a file, an environment (lines),
// the value of one setting, or a file of tokens. What is taken is shown (--print-config) as
// something that is taken again and means the same.
#include <algorithm>
#include <string>
#include <vector>

#include "server/config_sources.h"
#include "server/setting_access.h"
#include "server/setting_values.h"
#include "server/settings.h"
#include "server/settings_output.h"
#include "server/token_list.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace frdpu;
using fuzz::require;

// Settings as the file gives them, all or nothing.
bool apply(server::Config& config, const server::SettingTexts& texts) {
  for (const auto& [name, text] : texts) {
    const server::Setting* setting = server::find_setting(name);
    require(setting != nullptr, "what is no setting is taken for one");
    if (!server::set_value(config, *setting, text)) return false;
  }
  return true;
}

void check_shown(const server::Config& config) {
  const std::string shown = server::config_json(config);
  if (shown.find("\xEF\xBF\xBD") != shown.npos) return;  // held what is no UTF-8
  const auto texts = server::parse_config_json(shown, "shown");
  require(texts.has_value(), "what is shown is not taken");
  server::Config again;
  require(apply(again, *texts), "a value that is shown is not taken");
  require(server::config_json(again) == shown, "what is shown means something else");
  static_cast<void>(server::limits_json(config, 1));
}

// Messages stand in the log and on terminals.
void check_message(const std::string& message) {
  require(
      !message.empty() && message.find_first_of(std::string_view("\n\r\0\x1b", 4)) == message.npos,
      "a message that is not one line");
}

void check_file(std::string_view text) {
  const auto texts = server::parse_config_json(text, "file");
  if (!texts) return check_message(texts.error());
  server::Config config;
  if (apply(config, *texts)) check_shown(config);
}

void check_environment(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t end = 0; end != text.npos && lines.size() < 100;) {
    end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end != text.npos) text.remove_prefix(end + 1);
  }
  std::vector<const char*> environment;
  for (const std::string& line : lines) environment.push_back(line.c_str());
  environment.push_back(nullptr);
  const auto texts = server::read_environment(environment.data());
  if (!texts) return check_message(texts.error());
  if (texts->contains("config")) return;  // no files of this machine
  const auto config = server::load_config({}, environment.data());
  if (config) {
    check_shown(*config);
  } else {
    check_message(config.error());
  }
}

void check_value(std::string_view text, const server::Setting& setting) {
  if (const auto size = server::parse_size(text)) {
    require(server::parse_size(server::format_size(*size)) == size, "another size");
  }
  if (const auto time = server::parse_duration(text)) {
    require(server::parse_duration(server::format_duration(*time)) == time, "another duration");
  }
  if (const auto address = server::parse_listen_address(text)) {
    require(server::parse_listen_address(server::format_listen_address(*address)) == address,
            "another address");
  }
  server::Config config;
  if (!server::set_value(config, setting, text)) return;
  const std::string shown = server::value_text(config, setting);
  server::Config again;
  require(server::set_value(again, setting, shown).has_value(), "a shown value is not taken");
  require(server::value_text(again, setting) == shown, "a shown value is another one");
}

void check_tokens(std::string_view text) {
  const auto tokens = server::TokenList::parse(text);
  if (!tokens) return check_message(tokens.error());
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, end);
    const std::string_view blanks = " \t\r";
    const std::size_t begin = std::min(whole.find_first_not_of(blanks), whole.size());
    const std::string_view line = whole.substr(begin, whole.find_last_not_of(blanks) + 1 - begin);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    ++count;
    require(tokens->contains(line), "a token is not taken");
    require(!tokens->contains(std::string(line) + "\x01"), "what is no token is taken");
  }
  require(tokens->size() == count, "another number of tokens");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  switch (choices.below(4)) {
    case 0:
      check_file(choices.text());
      break;
    case 1:
      check_environment(choices.text());
      break;
    case 2: {
      const auto& setting = server::settings()[choices.below(server::settings().size())];
      check_value(choices.text(), setting);
      break;
    }
    default:
      check_tokens(choices.text());
  }
  return 0;
}
