#include "ipn/ipn_url.h"

#include "base/err.h"
#include "test.h"

static const struct {
    const char *text;
    bool ok, tls;
    const char *host;
    int port;
    const char *ws; /* what /derp becomes over a WebSocket */
} URLS[] = {
    {"http://127.0.0.1:8080", true, false, "127.0.0.1", 8080, "ws://127.0.0.1:8080/derp"},
    {"https://hs.example", true, true, "hs.example", 443, "wss://hs.example/derp"},
    {"https://hs.example/", true, true, "hs.example", 443, "wss://hs.example/derp"},
    {"https://hs.example/a/b//", true, true, "hs.example", 443, "wss://hs.example/a/b/derp"},
    {"http://hs:80", true, false, "hs", 80, "ws://hs/derp"},
    {"https://hs:80/x", true, true, "hs", 80, "wss://hs:80/x/derp"},
    {"http://[::1]:9", true, false, "[::1]", 9, "ws://[::1]:9/derp"},
    {"http://[fd00::1]", true, false, "[fd00::1]", 80, "ws://[fd00::1]/derp"},
    {"ftp://hs", false, false, "", 0, ""},
    {"hs.example", false, false, "", 0, ""},
    {"", false, false, "", 0, ""},
    {"http://", false, false, "", 0, ""},
    {"http:///x", false, false, "", 0, ""},
    {"http://hs:0", false, false, "", 0, ""},
    {"http://hs:65536", false, false, "", 0, ""},
    {"http://hs:", false, false, "", 0, ""},
    {"http://hs:+1", false, false, "", 0, ""},
    {"http://hs:1x", false, false, "", 0, ""},
    {"http://user@hs", false, false, "", 0, ""},
    {"http://hs?x", false, false, "", 0, ""},
    {"http://hs/#x", false, false, "", 0, ""},
    {"http://h s", false, false, "", 0, ""},
    {"http://hs\n", false, false, "", 0, ""},
};

static void test_parse_and_format(void)
{
    for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++) {
        struct ipn_url url;
        const char *err = NULL;
        char text[IPN_URL_CAP];
        int rc = ipn_url_parse(&url, URLS[i].text, &err);
        if (!CHECK((rc == 0) == URLS[i].ok))
            fprintf(stderr, "    case %zu: %s\n", i, URLS[i].text);
        if (!URLS[i].ok) {
            CHECK(err && err[0]);
            continue;
        }
        CHECK_EQ(url.tls, URLS[i].tls);
        CHECK_EQ(url.port, URLS[i].port);
        CHECK(strcmp(url.host, URLS[i].host) == 0);
        CHECK_EQ(ipn_url_format(text, sizeof text, &url, true, "/derp", 5), strlen(URLS[i].ws));
        CHECK(strcmp(text, URLS[i].ws) == 0);
    }
}

static void test_overlong(void)
{
    struct ipn_url url;
    const char *err;
    char text[2 * IPN_HOST_CAP + 16] = "http://", small[12];
    memset(text + 7, 'a', IPN_HOST_CAP);
    CHECK_EQ(ipn_url_parse(&url, text, &err), IPN_ERR_ARG);
    strcpy(text + 7, "h/");
    memset(text + 9, 'b', IPN_HOST_CAP);
    CHECK_EQ(ipn_url_parse(&url, text, &err), IPN_ERR_ARG);
    CHECK_EQ(ipn_url_parse(&url, "http://host", &err), 0);
    CHECK_EQ(ipn_url_format(small, sizeof small, &url, false, "/x", 2), IPN_ERR_ARG);
}

static void test_override(void)
{
    static const char lines[] = "7=ws://seven\nhs:443=wss://by-host/derp\n12=a\n";
    size_t len;
    const char *url = ipn_url_override(lines, 7, "hs", 443, &len);
    CHECK(url && len == 10 && memcmp(url, "ws://seven", len) == 0);
    url = ipn_url_override(lines, 8, "hs", 443, &len);
    CHECK(url && len == 18 && memcmp(url, "wss://by-host/derp", len) == 0);
    CHECK(!ipn_url_override(lines, 1, "other", 443, &len));
    CHECK(!ipn_url_override(lines, 2, "hs", 44, &len));
    CHECK(!ipn_url_override("", 7, "hs", 443, &len));
    url = ipn_url_override("7=x\n*=all", 9, "hs", 1, &len);
    CHECK(url && len == 3 && memcmp(url, "all", len) == 0);
}

static void test_is_web(void)
{
    CHECK(ipn_url_is_web("https://a.example/x?y#z", 23));
    CHECK(ipn_url_is_web("http://a", 8));
    CHECK(!ipn_url_is_web("javascript:alert(1)", 19));
    CHECK(!ipn_url_is_web("https://a b", 11));
    CHECK(!ipn_url_is_web("https://a\"", 10));
    CHECK(!ipn_url_is_web("https://", 8));
    CHECK(!ipn_url_is_web("", 0));
}

static void test_hosts(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"hs.example", "HS.Example", true}, {"hs", "hs.example", false},
        {"hs.example", "hs", false},        {"[fd00::1]", "fd00::1", true},
        {"fd00:0::1", "[FD00::1]", true},   {"fd00::1", "fd00::2", false},
        {"127.0.0.1", "127.0.0.2", false},  {"[]", "", true},
    };
    static const struct {
        const char *host;
        bool loopback;
    } hosts[] = {
        {"localhost", true},
        {"LOCALHOST", true},
        {"127.0.0.1", true},
        {"127.255.1.2", true},
        {"::1", true},
        {"[::1]", true},
        {"127.evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"128.0.0.1", false},
        {"::2", false},
        {"localhost.evil.example", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CHECK_EQ(ipn_url_same_host(pairs[i].a, pairs[i].b), pairs[i].same);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        CHECK_EQ(ipn_url_is_loopback(hosts[i].host), hosts[i].loopback);
}

int main(void)
{
    test_parse_and_format();
    test_overlong();
    test_override();
    test_is_web();
    test_hosts();
    return TEST_DONE();
}
