// Holds openapi.yaml, as the build serves it, against the tables of routes, parameters, codings
// and error codes. Each comparison is of sets, so that neither side can have more than the other.
#include "proto/openapi.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/coding.h"
#include "core/pool/pool_stats.h"
#include "proto/documents.h"
#include "proto/problem.h"
#include "proto/query.h"
#include "proto/routes.h"

namespace frdpu::proto {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

const json& document() {
  static const json parsed = json::parse(openapi_json(), nullptr, false);
  return parsed;
}

// Follows a reference, or returns the value itself.
const json& resolved(const json& value) {
  if (!value.is_object() || !value.contains("$ref")) return value;
  const auto target = value["$ref"].get<std::string>();
  return document().at(json::json_pointer(target.substr(1)));
}

Names names_of(const json& list) {
  Names names;
  for (const json& entry : list) {
    EXPECT_TRUE(names.insert(entry.get<std::string>()).second) << entry;
  }
  return names;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool is_method(const std::string& key) {
  return key == "get" || key == "post" || key == "put" || key == "delete" || key == "patch" ||
         key == "head" || key == "options" || key == "trace";
}

TEST(OpenapiTest, IsOpenapi) {
  ASSERT_TRUE(document().is_object());
  EXPECT_EQ(document()["openapi"], "3.1.0");
  EXPECT_LT(openapi_json().size(), core::k64kBlockBytes);  // one block answers it
}

TEST(OpenapiTest, HasTheRoutesAndNoOthers) {
  Names written;
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [key, operation] : item.items()) {
      if (is_method(key)) written.insert(key + " " + path);
    }
  }
  Names served;
  for (const RouteInfo& row : all_routes()) {
    if (row.route == Route::any) continue;
    for (const Method method : {Method::get, Method::post, Method::put, Method::del}) {
      if (!row.methods.contains(method)) continue;
      served.insert(lower(to_string(method)) + " " + std::string(row.path_template));
    }
  }
  EXPECT_EQ(written, served);
}

TEST(OpenapiTest, TagsThePathsOfTheAdminListener) {
  for (const RouteInfo& row : all_routes()) {
    if (row.route == Route::any) continue;
    SCOPED_TRACE(row.path_template);
    const json& item = document()["paths"].at(std::string(row.path_template));
    EXPECT_EQ(item.contains("servers"), !row.on_service);
    for (const auto& [key, operation] : item.items()) {
      if (is_method(key)) {
        EXPECT_EQ(operation["tags"][0] == "admin", !row.on_service);
      }
    }
  }
}

TEST(OpenapiTest, HasTheParametersAndNoOthers) {
  for (const RouteInfo& row : all_routes()) {
    if (row.route == Route::any) continue;
    SCOPED_TRACE(row.path_template);
    const json& item = document()["paths"].at(std::string(row.path_template));
    Names path_parameters;
    for (const json& entry : item.value("parameters", json::array())) {
      EXPECT_EQ(resolved(entry)["in"], "path");
      EXPECT_EQ(resolved(entry)["required"], true);
      path_parameters.insert(resolved(entry)["name"]);
    }
    EXPECT_EQ(path_parameters, row.path_template.contains("{name}") ? Names{"name"} : Names{});
    for (const auto& [key, operation] : item.items()) {
      if (!is_method(key)) continue;
      Names written;
      for (const json& entry : operation.value("parameters", json::array())) {
        if (resolved(entry)["in"] == "query") written.insert(resolved(entry)["name"]);
      }
      Names taken;
      for (std::size_t i = 0; i < kParameterCount; ++i) {
        const auto parameter = static_cast<Parameter>(i);
        if (parameters_of(row.route).contains(parameter)) taken.emplace(to_string(parameter));
      }
      EXPECT_EQ(written, taken) << key;
    }
  }
}

// What a parser says to each value of a parameter's `enum`.
TEST(OpenapiTest, ListsValuesThatAreTaken) {
  const json& parameters = document()["components"]["parameters"];
  const auto query_of = [](const std::string& name, const std::string& value) {
    return (name == "prefer" ? "coding=auto&" : "") + name + "=" + value;
  };
  for (const char* key : {"CompressCoding", "Label", "Prefer"}) {
    for (const json& value : parameters[key]["schema"]["enum"]) {
      const std::string query = query_of(parameters[key]["name"], value);
      EXPECT_TRUE(parse_compress_query(query, {})) << query;
    }
  }
  for (const json& value : resolved(parameters["SourceCoding"]["schema"])["enum"]) {
    EXPECT_TRUE(parse_decompress_query("coding=" + value.get<std::string>())) << value;
  }
  Names compress = {"auto", "x-gzip"};
  for (const core::CodingTraits& row : core::all_codings()) compress.emplace(row.name);
  EXPECT_EQ(names_of(parameters["CompressCoding"]["schema"]["enum"]), compress);
  compress.erase("auto");
  EXPECT_EQ(names_of(resolved(parameters["To"]["schema"])["enum"]), compress);
}

json range_of(const core::IntRange& range) {
  return {{"min", range.min}, {"max", range.max}, {"default", range.default_value}};
}

TEST(OpenapiTest, HasTheRangesOfTheCodings) {
  const json& codings = document()["components"]["schemas"]["CodingName"]["x-codings"];
  std::uint32_t max_level = 0;
  std::uint32_t max_window = 0;
  EXPECT_EQ(codings.size() + 1, core::kCodingCount);  // identity has none
  for (const core::CodingTraits& row : core::all_codings()) {
    if (row.coding == core::Coding::identity) continue;
    SCOPED_TRACE(row.name);
    EXPECT_EQ(codings[row.name], json({{"media_type", row.media_type},
                                       {"levels", range_of(row.levels)},
                                       {"window_bytes", range_of(row.window_bytes)},
                                       {"dictionary", row.takes_dictionary}}));
    max_level = std::max(max_level, row.levels.max);
    max_window = std::max(max_window, row.window_bytes.max);
    const json& components = document()["components"];
    EXPECT_TRUE(components["responses"]["Compressed"]["content"].contains(row.media_type));
    EXPECT_TRUE(components["requestBodies"]["CompressedBytes"]["content"].contains(row.media_type));
  }
  const json& parameters = document()["components"]["parameters"];
  EXPECT_EQ(parameters["Level"]["schema"]["maximum"], max_level);
  EXPECT_EQ(parameters["Window"]["schema"]["maximum"], max_window);
  EXPECT_EQ(parameters["Size"]["schema"]["minimum"], kTrainedDictionaryBytes.min);
  EXPECT_EQ(parameters["Size"]["schema"]["maximum"], kTrainedDictionaryBytes.max);
  EXPECT_EQ(parameters["Size"]["schema"]["default"], kTrainedDictionaryBytes.default_value);
}

TEST(OpenapiTest, HasTheErrorCodesAndNoOthers) {
  std::set<std::pair<int, std::string>> written;
  for (const auto& [name, response] : document()["components"]["responses"].items()) {
    if (!response.contains("x-codes")) continue;
    EXPECT_TRUE(response["content"].contains(kProblemType)) << name;
    for (const json& code : response["x-codes"]) {
      EXPECT_TRUE(written.emplace(response["x-status"], code).second) << code;
    }
  }
  std::set<std::pair<int, std::string>> sent;
  Names codes;
  for (const ProblemInfo& info : all_problems()) {
    sent.emplace(info.status, info.name);
    codes.emplace(info.name);
  }
  EXPECT_EQ(written, sent);
  const json& problem = document()["components"]["schemas"]["Problem"];
  EXPECT_EQ(names_of(problem["properties"]["code"]["enum"]), codes);
}

TEST(OpenapiTest, GivesEachResponseItsStatus) {
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [key, operation] : item.items()) {
      if (!is_method(key)) continue;
      SCOPED_TRACE(key + " " + path);
      EXPECT_TRUE(operation["responses"].contains("default"));
      for (const auto& [status, response] : operation["responses"].items()) {
        const json& target = resolved(response);
        EXPECT_TRUE(target.contains("description"));
        if (target.contains("x-status")) {
          EXPECT_EQ(std::to_string(target["x-status"].get<int>()), status);
        }
      }
    }
  }
}

// Probes have no place for a secret; everything else may ask for a token.
TEST(OpenapiTest, LetsProbesAloneInWithoutAToken) {
  for (const auto& [path, item] : document()["paths"].items()) {
    const bool is_probe = path == "/livez" || path == "/readyz";
    for (const auto& [key, operation] : item.items()) {
      if (!is_method(key)) continue;
      SCOPED_TRACE(key + " " + path);
      EXPECT_EQ(operation["responses"].contains("401"), !is_probe);
      EXPECT_EQ(operation.value("security", json()) == json::array(), is_probe);
    }
  }
}

TEST(OpenapiTest, NamesEachOperationOnce) {
  Names ids;
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [key, operation] : item.items()) {
      if (is_method(key)) {
        EXPECT_TRUE(ids.insert(operation["operationId"]).second);
      }
    }
  }
  EXPECT_GE(ids.size(), 20u);
}

void collect_references(const json& value, Names& references) {
  if (value.is_object() && value.contains("$ref")) {
    references.insert(value["$ref"].get<std::string>());
  }
  if (value.is_structured()) {
    for (const json& entry : value) collect_references(entry, references);
  }
}

TEST(OpenapiTest, ReferencesWhatIsThereAndUsesWhatItHas) {
  Names references;
  collect_references(document(), references);
  for (const std::string& reference : references) {
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_TRUE(document().contains(json::json_pointer(reference.substr(1)))) << reference;
  }
  for (const char* group : {"parameters", "requestBodies", "schemas", "headers"}) {
    for (const auto& [name, value] : document()["components"][group].items()) {
      EXPECT_TRUE(references.contains(std::string("#/components/") + group + "/" + name)) << name;
    }
  }
}

// The schemas of the documents that proto writes itself name their members, all of them.
TEST(OpenapiTest, DescribesItsOwnDocuments) {
  std::vector<std::byte> out(16 * 1024);
  const auto parsed = [&out](std::size_t size) {
    return json::parse(core::as_text(core::Bytes(out).first(size)));
  };
  const auto keys = [](const json& object) {
    Names names;
    for (const auto& [key, value] : object.items()) names.insert(key);
    return names;
  };
  const json& schemas = document()["components"]["schemas"];
  const CodingMemory codings[] = {{core::Coding::lz4, {}}};
  const json coding = parsed(write_codings(out, codings, 1024))["codings"][0];
  const json& coding_schema = schemas["Codings"]["properties"]["codings"]["items"];
  EXPECT_EQ(keys(coding), names_of(coding_schema["required"]));
  EXPECT_EQ(keys(coding), keys(coding_schema["properties"]));
  EXPECT_EQ(keys(coding["levels"]), keys(schemas["Range"]["properties"]));

  const core::PoolStats pools[] = {{.pool = "mtu"}};
  const json pool = parsed(write_pools(out, pools))["pools"][0];
  const json& pool_schema = schemas["Pools"]["properties"]["pools"]["items"];
  EXPECT_EQ(keys(pool), names_of(pool_schema["required"]));
  EXPECT_EQ(keys(pool), keys(pool_schema["properties"]));

  const json problem =
      parsed(write_problem(out, core::Error{core::Errc::corrupt_input, "", 1, 2, 3}));
  EXPECT_EQ(keys(problem), keys(schemas["Problem"]["properties"]));
}

}  // namespace
}  // namespace frdpu::proto
