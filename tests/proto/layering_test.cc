// Which folder may include what: core <- proto <- server. Reads the sources as text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace frdpu {
namespace {

// Path from the root ("core/bytes.h") to text.
using Sources = std::map<std::string, std::string>;

struct Include {
  std::string target;
  bool quoted;
};

struct Layer {
  const char* name;
  std::vector<std::string> own;             // folders that it may include from
  std::vector<std::string> foreign_banned;  // beginnings of <...> that it may not include
};

const std::vector<std::string> kSocketsAndServerLibraries = {
    "boost/",       "nlohmann/",   "prometheus/", "CLI/",     "spdlog/", "fmt/",   "openssl/",
    "sys/socket.h", "sys/epoll.h", "sys/un.h",    "netinet/", "arpa/",   "netdb.h"};

std::vector<std::string> with(std::vector<std::string> list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

const std::vector<Layer>& layers() {
  // liblz4 is for tests alone; codec libraries are core's, except that `server` asks them for
  // their versions.
  static const std::vector<Layer> rows = {
      {"core", {"core"}, with(kSocketsAndServerLibraries, {"lz4"})},
      {"proto",
       {"core", "proto"},
       with(kSocketsAndServerLibraries,
            {"lz4", "zlib.h", "zstd.h", "brotli/", "libdeflate.h", "isa-l"})},
      {"server", {"core", "proto", "server"}, {"lz4"}},
  };
  return rows;
}

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto skip = [&line](std::string_view what) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      if (!line.starts_with(what)) return false;
      line.remove_prefix(what.size());
      return true;
    };
    if (!skip("#") || !skip("include")) continue;
    line.remove_prefix(std::min(line.find_first_of("\"<"), line.size()));
    const std::size_t close = line.find_first_of("\">", 1);
    if (close == line.npos) continue;
    found.push_back({std::string(line.substr(1, close - 1)), line.front() == '"'});
  }
  return found;
}

std::string folder_of(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}

void check_file(const std::string& path, const std::string& text,
                std::vector<std::string>& complaints) {
  const auto layer = std::ranges::find(layers(), folder_of(path), &Layer::name);
  if (layer == layers().end()) return;
  for (const Include& include : includes_of(text)) {
    const std::string what = path + " includes " + include.target;
    if (include.quoted) {
      const bool known =
          include.target.contains('/') &&
          std::ranges::find(layer->own, folder_of(include.target)) != layer->own.end();
      if (!known) complaints.push_back(what);
    } else if (std::ranges::any_of(layer->foreign_banned, [&](const std::string& banned) {
                 return include.target.starts_with(banned);
               })) {
      complaints.push_back(what);
    }
  }
}

// Walks the headers depth first; a header that is met while it is still open closes a cycle.
class CycleFinder {
 public:
  CycleFinder(const Sources& sources, std::vector<std::string>& complaints)
      : sources_(sources), complaints_(complaints) {}

  void run() {
    for (const auto& [path, text] : sources_) visit(path);
  }

 private:
  enum class State { open, done };

  void visit(const std::string& path) {
    const auto source = sources_.find(path);
    if (source == sources_.end()) return;
    const auto [state, fresh] = states_.emplace(path, State::open);
    if (!fresh) {
      if (state->second == State::open) complaints_.push_back("cycle through " + path);
      return;
    }
    for (const Include& include : includes_of(source->second)) {
      if (include.quoted) visit(include.target);
    }
    states_[path] = State::done;
  }

  const Sources& sources_;
  std::vector<std::string>& complaints_;
  std::map<std::string, State> states_;
};

std::vector<std::string> complaints_about(const Sources& sources) {
  std::vector<std::string> complaints;
  for (const auto& [path, text] : sources) check_file(path, text, complaints);
  CycleFinder(sources, complaints).run();
  return complaints;
}

Sources read_tree(const std::filesystem::path& root) {
  Sources sources;
  for (const Layer& layer : layers()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / layer.name)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream file(entry.path(), std::ios::binary);
      sources[std::filesystem::relative(entry.path(), root).generic_string()] =
          std::string(std::istreambuf_iterator<char>(file), {});
    }
  }
  return sources;
}

TEST(LayeringTest, HoldsForTheTree) {
  const Sources sources = read_tree(FRDPU_SOURCE_DIR);
  EXPECT_TRUE(sources.contains("core/error.h"));
  EXPECT_TRUE(sources.contains("proto/routes.h"));
  EXPECT_GT(sources.size(), 50u);
  for (const std::string& complaint : complaints_about(sources)) ADD_FAILURE() << complaint;
}

TEST(LayeringTest, LetsThroughWhatIsAllowed) {
  EXPECT_EQ(complaints_about({
                {"core/a.h", "#include <vector>\n#include <zstd.h>\n"},
                {"core/a.cc", "#include \"core/a.h\"\n"},
                {"proto/b.h", "#include \"core/a.h\"\n"},
                {"server/c.h", "#include <boost/asio.hpp>\n#include \"proto/b.h\"\n"},
                {"server/c.cc", "#include \"server/c.h\"\n#include \"core/a.h\"\n"},
            }),
            std::vector<std::string>{});
}

TEST(LayeringTest, ComplainsAboutTheRest) {
  const struct {
    const char* name;
    Sources sources;
    std::vector<std::string> complaints;
  } rows[] = {
      {"core up to proto",
       {{"core/a.h", "#include \"proto/b.h\"\n"}},
       {"core/a.h includes proto/b.h"}},
      {"core up to server",
       {{"core/pool/a.cc", "\n  #  include \"server/b.h\"\n"}},
       {"core/pool/a.cc includes server/b.h"}},
      {"proto up to server",
       {{"proto/a.h", "#include \"server/b.h\"\n"}},
       {"proto/a.h includes server/b.h"}},
      {"tests from the service",
       {{"server/a.cc", "#include \"tests/support/t.h\"\n"}},
       {"server/a.cc includes tests/support/t.h"}},
      {"not from the root", {{"core/a.cc", "#include \"a.h\"\n"}}, {"core/a.cc includes a.h"}},
      {"Boost in core",
       {{"core/a.h", "#include <boost/asio.hpp>\n"}},
       {"core/a.h includes boost/asio.hpp"}},
      {"Boost in proto",
       {{"proto/a.cc", "#include <boost/beast/http.hpp>\n"}},
       {"proto/a.cc includes boost/beast/http.hpp"}},
      {"sockets in proto",
       {{"proto/a.cc", "#include <sys/socket.h>\n"}},
       {"proto/a.cc includes sys/socket.h"}},
      {"JSON library in proto",
       {{"proto/a.cc", "#include <nlohmann/json.hpp>\n"}},
       {"proto/a.cc includes nlohmann/json.hpp"}},
      {"codec library in proto",
       {{"proto/a.cc", "#include <zstd.h>\n"}},
       {"proto/a.cc includes zstd.h"}},
      {"the rival in core", {{"core/a.cc", "#include <lz4.h>\n"}}, {"core/a.cc includes lz4.h"}},
      {"cycle of two",
       {{"core/a.h", "#include \"core/b.h\"\n"}, {"core/b.h", "#include \"core/a.h\"\n"}},
       {"cycle through core/a.h"}},
      {"cycle of three",
       {{"core/a.h", "#include \"core/b.h\"\n"},
        {"core/b.h", "#include \"core/c.h\"\n"},
        {"core/c.h", "#include \"core/a.h\"\n"}},
       {"cycle through core/a.h"}},
      {"cycle of one", {{"core/a.h", "#include \"core/a.h\"\n"}}, {"cycle through core/a.h"}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(complaints_about(row.sources), row.complaints);
  }
}

}  // namespace
}  // namespace frdpu
