// Build tool: turns openapi.yaml into a C++ source that holds it as JSON.
//
//   openapi_embed openapi.yaml openapi_json.cc
//
// Reads the part of YAML that the file keeps to, and stops at everything else, so that nothing can
// be read differently here than elsewhere: block mappings and sequences by indentation, `>-`
// blocks, flow collections on one line, quoted and plain scalars, comments on lines of their own.
#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Line {
  std::size_t number;
  std::size_t indent;
  std::string text;
};

[[noreturn]] void stop(const Line& line, const std::string& why) {
  throw std::runtime_error("line " + std::to_string(line.number) + ": " + why + ": " + line.text);
}

std::vector<Line> read_lines(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  std::vector<Line> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(file, text); ++number) {
    const std::size_t indent = text.find_first_not_of(' ');
    if (indent == text.npos || text[indent] == '#') continue;
    Line line{number, indent, text.substr(indent)};
    if (text.contains('\t') || text.ends_with(' ')) stop(line, "tab or space at the end");
    lines.push_back(line);
  }
  return lines;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

constexpr std::string_view kDigits = "0123456789";

// JSON's numbers without exponents.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t whole = std::min(text.find_first_not_of(kDigits), text.size());
  if (whole == 0 || (whole > 1 && text.front() == '0')) return false;
  text.remove_prefix(whole);
  if (text.empty()) return true;
  return text.size() > 1 && text.front() == '.' && text.find_first_not_of(kDigits, 1) == text.npos;
}

// Words and numbers that YAML 1.1 and 1.2 read differently. Three numbers with dots are a version.
bool is_unclear(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords = {"yes", "no", "on", "off",
                                                      "y",   "n",  "~",  "null"};
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (std::ranges::find(kWords, lower) != kWords.end() || lower == "true" || lower == "false") {
    return true;
  }
  const bool like_a_number = kDigits.contains(text.front()) ||
                             (text.size() > 1 && std::string_view("+-.").contains(text.front()));
  const bool is_version =
      std::ranges::count(text, '.') == 2 && text.find_first_not_of("0123456789.") == text.npos;
  return like_a_number && !is_version;
}

// A plain scalar as JSON.
std::string plain(const Line& line, const std::string& text) {
  if (text.empty()) stop(line, "empty scalar");
  if (text == "true" || text == "false" || text == "null" || is_number(text)) return text;
  if (is_unclear(text) || std::string_view("!&*?|>%@`\"'#{}[],").contains(text.front()) ||
      text.contains(": ") || text.contains(" #") || text.ends_with(':')) {
    stop(line, "scalar that needs quotes");
  }
  return quoted(text);
}

// Reads one scalar or flow collection from the front of `rest`.
class FlowReader {
 public:
  FlowReader(const Line& line, std::string_view rest) : line_(line), rest_(rest) {}

  std::string whole_value() {
    // Outside of brackets a plain scalar goes to the end of the line.
    const bool is_plain = !std::string_view("[{'\"").contains(rest_.front());
    if (is_plain) return plain(line_, std::string(rest_));
    const std::string result = value();
    if (!rest_.empty()) stop(line_, "text behind the value");
    return result;
  }

  std::string value() {
    if (rest_.empty()) stop(line_, "value missing");
    switch (rest_.front()) {
      case '[':
        return collection(']', false);
      case '{':
        return collection('}', true);
      case '\'':
      case '"':
        return quoted_scalar();
      default:
        break;
    }
    const std::size_t end = rest_.find_first_of(",]}:");
    return plain(line_, take(std::min(end, rest_.size())));
  }

 private:
  std::string take(std::size_t size) {
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

  void expect(char c) {
    if (rest_.empty() || rest_.front() != c) stop(line_, std::string("expected ") + c);
    rest_.remove_prefix(1);
  }

  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }

  std::string collection(char end, bool mapping) {
    std::string result = take(1);
    while (!rest_.starts_with(end)) {
      result += value();
      if (mapping) {
        expect(':');
        skip_spaces();
        result += ':' + value();
      }
      if (!rest_.starts_with(',')) break;
      result += take(1);
      skip_spaces();
    }
    expect(end);
    return result + end;
  }

  std::string quoted_scalar() {
    const char quote = rest_.front();
    const std::size_t end = rest_.find(quote, 1);
    if (end == rest_.npos) stop(line_, "quote without an end");
    const std::string text = take(end + 1).substr(1, end - 1);
    if (text.contains('\\') || rest_.starts_with(quote)) stop(line_, "escape in a quoted scalar");
    return quoted(text);
  }

  const Line& line_;
  std::string_view rest_;
};

class BlockReader {
 public:
  explicit BlockReader(std::vector<Line> lines) : lines_(std::move(lines)) {}

  std::string document() {
    std::string result = block(0);
    if (at_ < lines_.size()) stop(lines_[at_], "unexpected indentation");
    return result;
  }

 private:
  static bool is_item(const Line& line) { return line.text.starts_with("- "); }

  std::string block(std::size_t indent) {
    if (at_ == lines_.size()) throw std::runtime_error("the file ends where a value is missing");
    return is_item(lines_[at_]) ? sequence(indent) : mapping(indent);
  }

  bool has_line(std::size_t indent) const {
    return at_ < lines_.size() && lines_[at_].indent == indent;
  }

  std::string sequence(std::size_t indent) {
    std::string result = "[";
    while (has_line(indent) && is_item(lines_[at_])) {
      if (result.size() > 1) result += ',';
      Line& line = lines_[at_];
      line.text.erase(0, 2);
      line.indent += 2;
      // An item that is `key: value` is the first line of a mapping, moved right by its dash.
      if (key_end(line) != std::string::npos) {
        result += mapping(indent + 2);
      } else {
        result += FlowReader(line, line.text).whole_value();
        ++at_;
      }
    }
    return result + ']';
  }

  // Returns where the key's colon is, or npos where the line is no `key: value`.
  static std::size_t key_end(const Line& line) {
    const char first = line.text.front();
    std::size_t from = 0;
    if (first == '\'' || first == '"') from = line.text.find(first, 1) + 1;
    if (first == '[' || first == '{') return std::string::npos;
    const std::size_t colon = line.text.find(": ", from);
    if (colon != std::string::npos) return colon;
    return line.text.ends_with(':') ? line.text.size() - 1 : std::string::npos;
  }

  std::string mapping(std::size_t indent) {
    std::string result = "{";
    std::vector<std::string> keys;
    while (has_line(indent) && !is_item(lines_[at_])) {
      const Line line = lines_[at_];
      const std::size_t colon = key_end(line);
      if (colon == std::string::npos) stop(line, "no key");
      std::string key = line.text.substr(0, colon);
      if (key.front() == '\'' || key.front() == '"') key = key.substr(1, key.size() - 2);
      if (std::ranges::find(keys, key) != keys.end()) stop(line, "key repeated");
      keys.push_back(key);
      if (result.size() > 1) result += ',';
      result += quoted(key) + ':';
      const std::string rest = line.text.substr(std::min(colon + 2, line.text.size()));
      ++at_;
      if (rest.empty()) {
        if (at_ == lines_.size() || lines_[at_].indent <= indent) stop(line, "value missing");
        result += block(lines_[at_].indent);
      } else if (rest == ">-") {
        result += folded(indent);
      } else {
        result += FlowReader(line, rest).whole_value();
      }
    }
    return result + '}';
  }

  std::string folded(std::size_t indent) {
    std::string text;
    const std::size_t inner = at_ < lines_.size() ? lines_[at_].indent : 0;
    while (at_ < lines_.size() && lines_[at_].indent > indent) {
      if (lines_[at_].indent != inner) stop(lines_[at_], "uneven block");
      if (!text.empty()) text += ' ';
      text += lines_[at_++].text;
    }
    return quoted(text);
  }

  std::vector<Line> lines_;
  std::size_t at_ = 0;
};

void write_source(const char* path, const std::string& json) {
  constexpr std::size_t kLineChars = 90;
  std::ofstream file(path);
  file << "// Made from openapi.yaml by openapi_embed.\n#include \"proto/openapi.h\"\n\n"
          "namespace frdpu::proto {\n\nstd::string_view openapi_json() noexcept {\n  return";
  for (std::size_t at = 0; at < json.size(); at += kLineChars) {
    file << "\n      R\"json(" << json.substr(at, kLineChars) << ")json\"";
  }
  file << ";\n}\n\n}  // namespace frdpu::proto\n";
  if (!file.flush()) throw std::runtime_error(std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: openapi_embed openapi.yaml openapi_json.cc\n";
    return 2;
  }
  try {
    write_source(argv[2], BlockReader(read_lines(argv[1])).document());
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ": " << error.what() << '\n';
    return 1;
  }
  return 0;
}
