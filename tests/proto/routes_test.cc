#include "proto/routes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frdpu::proto {
namespace {

using core::Errc;

struct Good {
  const char* name;
  Listener listener;
  const char* method;
  const char* target;
  Route route;
  const char* query = "";
  const char* dictionary = "";
  const char* authority = "";
};

const Good kGood[] = {
    {"compress", Listener::service, "POST", "/v1/compress", Route::compress},
    {"query", Listener::service, "POST", "/v1/compress?level=3&x=/?", Route::compress,
     "level=3&x=/?"},
    {"empty query", Listener::service, "POST", "/v1/decompress?", Route::decompress},
    {"transcode", Listener::service, "POST", "/v1/transcode?to=br", Route::transcode, "to=br"},
    {"estimate", Listener::service, "POST", "/v1/estimate", Route::estimate},
    {"probe", Listener::service, "POST", "/v1/probe", Route::probe},
    {"dictionaries", Listener::service, "GET", "/v1/dictionaries", Route::dictionaries},
    {"dictionaries head", Listener::service, "HEAD", "/v1/dictionaries", Route::dictionaries},
    {"dictionary", Listener::service, "PUT", "/v1/dictionaries/logs", Route::dictionary, "",
     "logs"},
    {"dictionary delete", Listener::service, "DELETE", "/v1/dictionaries/_a.b-C", Route::dictionary,
     "", "_a.b-C"},
    {"dictionary escaped", Listener::service, "GET", "/v1/dictionaries/%6cog%73", Route::dictionary,
     "", "logs"},
    {"a name that reads as a verb", Listener::service, "GET", "/v1/dictionaries/train",
     Route::dictionary, "", "train"},
    {"train", Listener::service, "POST", "/v1/dictionaries/logs/train?size=4096",
     Route::dictionary_train, "size=4096", "logs"},
    {"batch compress", Listener::service, "POST", "/v1/batch/compress", Route::batch_compress},
    {"batch decompress", Listener::service, "POST", "/v1/batch/decompress",
     Route::batch_decompress},
    {"codings", Listener::service, "GET", "/v1/codings", Route::codings},
    {"limits", Listener::service, "HEAD", "/v1/limits", Route::limits},
    {"openapi", Listener::service, "GET", "/openapi.json", Route::openapi},
    {"openapi on admin", Listener::admin, "GET", "/openapi.json", Route::openapi},
    {"metrics", Listener::admin, "GET", "/metrics", Route::metrics},
    {"livez", Listener::admin, "HEAD", "/livez", Route::livez},
    {"readyz", Listener::admin, "GET", "/readyz?verbose", Route::readyz, "verbose"},
    {"pools", Listener::admin, "GET", "/v1/pools", Route::pools},
    {"status page", Listener::admin, "GET", "/", Route::status_page},
    {"escaped path", Listener::service, "POST", "/%76%31/c%6Fmpress", Route::compress},
    {"absolute form", Listener::service, "POST", "http://h:8080/v1/compress?level=1",
     Route::compress, "level=1", "", "h:8080"},
    {"absolute form, https", Listener::service, "POST", "HTTPS://[::1]/v1/compress",
     Route::compress, "", "", "[::1]"},
    {"absolute form without path", Listener::admin, "GET", "http://h", Route::status_page, "", "",
     "h"},
    {"absolute form, query only", Listener::admin, "GET", "http://h?a=1", Route::status_page, "a=1",
     "", "h"},
    {"options of the server", Listener::service, "OPTIONS", "*", Route::any},
    {"options, absolute form", Listener::service, "OPTIONS", "http://h", Route::any, "", "", "h"},
};

TEST(RoutesTest, FindsTheRoute) {
  for (const Good& row : kGood) {
    SCOPED_TRACE(row.name);
    const auto match = match_route(row.listener, row.method, row.target);
    ASSERT_TRUE(match) << match.error().error.error.detail;
    EXPECT_EQ(match->route, row.route);
    EXPECT_EQ(to_string(match->method), row.method);
    EXPECT_EQ(match->query, row.query);
    EXPECT_EQ(match->name.view(), row.dictionary);
    EXPECT_EQ(match->authority, row.authority);
  }
}

struct Bad {
  const char* name;
  Listener listener;
  const char* method;
  std::string target;
  Errc code;
  Route route = Route::other;
  const char* allow = "";
};

const Bad kBad[] = {
    {"unknown path", Listener::service, "GET", "/v2/compress", Errc::not_found},
    {"root of the service", Listener::service, "GET", "/", Errc::not_found},
    {"trailing slash", Listener::service, "POST", "/v1/compress/", Errc::not_found},
    {"doubled slash", Listener::service, "POST", "//v1/compress", Errc::not_found},
    {"dot segments", Listener::service, "POST", "/v1/../v1/compress", Errc::not_found},
    {"case of the path", Listener::service, "POST", "/V1/compress", Errc::not_found},
    {"an escaped slash is none", Listener::service, "POST", "/v1%2Fcompress", Errc::not_found},
    {"an escaped mark starts no query", Listener::service, "POST", "/v1/compress%3Flevel=1",
     Errc::not_found},
    {"prefix of a path", Listener::service, "POST", "/v1", Errc::not_found},
    {"too deep", Listener::service, "POST", "/v1/dictionaries/a/train/b", Errc::not_found},
    {"empty name", Listener::service, "GET", "/v1/dictionaries/", Errc::not_found},
    {"empty name, train", Listener::service, "POST", "/v1/dictionaries//train", Errc::not_found},
    {"admin path on service", Listener::service, "GET", "/metrics", Errc::not_found},
    {"service path on admin", Listener::admin, "POST", "/v1/compress", Errc::not_found},
    {"star is no path", Listener::service, "OPTIONS", "/*", Errc::not_found},

    {"get of a post", Listener::service, "GET", "/v1/compress", Errc::method_not_allowed,
     Route::compress, "POST"},
    {"head of a post", Listener::service, "HEAD", "/v1/compress", Errc::method_not_allowed,
     Route::compress, "POST"},
    {"post of a get", Listener::service, "POST", "/v1/codings", Errc::method_not_allowed,
     Route::codings, "GET, HEAD"},
    {"options of a path", Listener::service, "OPTIONS", "/v1/compress", Errc::method_not_allowed,
     Route::compress, "POST"},
    {"case of the method", Listener::service, "post", "/v1/compress", Errc::method_not_allowed,
     Route::compress, "POST"},
    {"unknown method", Listener::service, "BREW", "/v1/dictionaries/a", Errc::method_not_allowed,
     Route::dictionary, "GET, HEAD, PUT, DELETE"},
    {"trace", Listener::admin, "TRACE", "/", Errc::method_not_allowed, Route::status_page,
     "GET, HEAD"},

    {"empty target", Listener::service, "GET", "", Errc::malformed_request},
    {"fragment", Listener::service, "POST", "/v1/compress#top", Errc::malformed_request},
    {"fragment in the query", Listener::service, "POST", "/v1/compress?a#b",
     Errc::malformed_request},
    {"broken escape", Listener::service, "POST", "/v1/compress%2", Errc::malformed_request},
    {"escape of no hex", Listener::service, "POST", "/v1/%zzcompress", Errc::malformed_request},
    {"space", Listener::service, "POST", "/v1/comp ress", Errc::malformed_request},
    {"control character", Listener::service, "POST", "/v1/compress\x01", Errc::malformed_request},
    {"nul", Listener::service, "POST", std::string("/v1/compress\0", 13), Errc::malformed_request},
    {"del", Listener::service, "POST", "/v1/compress\x7f", Errc::malformed_request},
    {"raw utf-8", Listener::service, "POST", "/v1/compr\xc3\xa9ss", Errc::malformed_request},
    {"star with get", Listener::service, "GET", "*", Errc::malformed_request},
    {"no leading slash", Listener::service, "POST", "v1/compress", Errc::malformed_request},
    {"other scheme", Listener::service, "POST", "ftp://h/v1/compress", Errc::malformed_request},
    {"no authority", Listener::service, "POST", "http:///v1/compress", Errc::malformed_request},
    {"scheme alone", Listener::service, "POST", "http://", Errc::malformed_request},
    {"user name", Listener::service, "POST", "http://me@h/v1/compress", Errc::malformed_request},
    {"connect", Listener::service, "CONNECT", "h:80", Errc::malformed_request},
    {"connect to a path", Listener::service, "CONNECT", "/v1/compress", Errc::malformed_request},

    {"name starts with a dot", Listener::service, "GET", "/v1/dictionaries/.a",
     Errc::invalid_parameter, Route::dictionary},
    {"name climbs", Listener::service, "GET", "/v1/dictionaries/..", Errc::invalid_parameter,
     Route::dictionary},
    {"name with a slash", Listener::service, "GET", "/v1/dictionaries/a%2Fb",
     Errc::invalid_parameter, Route::dictionary},
    {"name with a nul", Listener::service, "GET", "/v1/dictionaries/a%00", Errc::invalid_parameter,
     Route::dictionary},
    {"name with a plus", Listener::service, "GET", "/v1/dictionaries/a+b", Errc::invalid_parameter,
     Route::dictionary},
    {"name that is the template's", Listener::service, "GET", "/v1/dictionaries/{name}",
     Errc::invalid_parameter, Route::dictionary},
    {"name too long", Listener::service, "PUT", "/v1/dictionaries/" + std::string(65, 'a'),
     Errc::invalid_parameter, Route::dictionary},
    {"name too long for train", Listener::service, "POST",
     "/v1/dictionaries/" + std::string(5000, 'a') + "/train", Errc::invalid_parameter,
     Route::dictionary_train},
};

TEST(RoutesTest, RefusesTheRest) {
  for (const Bad& row : kBad) {
    SCOPED_TRACE(row.name);
    const auto match = match_route(row.listener, row.method, row.target);
    ASSERT_FALSE(match);
    EXPECT_EQ(match.error().error.error.code, row.code);
    EXPECT_EQ(match.error().route, row.route);
    EXPECT_EQ(allow_text(match.error().allow).view(), row.allow);
    EXPECT_STRNE(match.error().error.error.detail, "");
  }
}

TEST(RoutesTest, TakesTheLongestName) {
  const std::string name(64, 'z');
  const auto match = match_route(Listener::service, "PUT", "/v1/dictionaries/" + name);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->name.view(), name);
}

TEST(RoutesTest, NamesTheServersMethods) {
  EXPECT_EQ(allow_text(match_route(Listener::service, "OPTIONS", "*")->allow).view(),
            "GET, HEAD, POST, PUT, DELETE, OPTIONS");
  EXPECT_EQ(allow_text(match_route(Listener::admin, "OPTIONS", "*")->allow).view(),
            "GET, HEAD, OPTIONS");
}

TEST(RoutesTest, TableIsInOrder) {
  ASSERT_EQ(all_routes().size() + 1, kRouteCount);
  for (std::size_t i = 0; i < all_routes().size(); ++i) {
    const RouteInfo& row = all_routes()[i];
    EXPECT_EQ(static_cast<std::size_t>(row.route), i);
    EXPECT_EQ(route_template(row.route), row.path_template);
    EXPECT_EQ(row.methods.contains(Method::get), row.methods.contains(Method::head));
    EXPECT_TRUE(row.on_service || row.on_admin);
  }
  EXPECT_EQ(route_template(Route::other), "other");
  EXPECT_EQ(route_template(Route::dictionary), "/v1/dictionaries/{name}");
}

TEST(RoutesTest, AllMethodsFitTheAllowField) {
  const MethodSet all = {Method::get, Method::head,    Method::post,   Method::put,
                         Method::del, Method::options, Method::connect};
  EXPECT_EQ(allow_text(all).view(), "GET, HEAD, POST, PUT, DELETE, OPTIONS, CONNECT");
}

}  // namespace
}  // namespace frdpu::proto
