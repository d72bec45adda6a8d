/* Just enough of RFC 3986 for URLs that a person configures; anything unusual is refused by name. */
#include "ipn/ipn_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/ipaddr.h"

static bool is_printable(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '<' || s[i] == '>')
            return false;
    }
    return true;
}

static int refuse(const char **err, const char *why)
{
    *err = why;
    return IPN_ERR_ARG;
}

/* host[:port] of len characters; the host's brackets stay. */
static int parse_authority(struct ipn_url *out, const char *text, size_t len, const char **err)
{
    const char *colon = NULL;
    const char *bracket = memchr(text, ']', len);
    for (size_t i = bracket ? (size_t)(bracket - text) : 0; i < len; i++) {
        if (text[i] == ':')
            colon = text + i;
        if (text[i] == '@')
            return refuse(err, "The control URL must not contain a user or password.");
    }
    size_t host_len = colon ? (size_t)(colon - text) : len;
    if (host_len == 0 || host_len >= sizeof out->host)
        return refuse(err, "The control URL has no host, or one that is too long.");
    memcpy(out->host, text, host_len);
    out->host[host_len] = 0;
    if (colon) {
        char *end;
        long port = strtol(colon + 1, &end, 10);
        if (end != text + len || port < 1 || port > 65535 || colon[1] == '+')
            return refuse(err, "The port in the control URL is not a number from 1 to 65535.");
        out->port = (int)port;
    }
    return 0;
}

int ipn_url_parse(struct ipn_url *out, const char *text, const char **err)
{
    struct ipn_url url = {0};
    if (strncmp(text, "https://", 8) == 0) {
        url.tls = true;
        text += 8;
    } else if (strncmp(text, "http://", 7) == 0) {
        text += 7;
    } else {
        return refuse(err, "The control URL must begin with http:// or https://.");
    }
    url.port = url.tls ? 443 : 80;
    size_t len = strlen(text);
    if (!is_printable(text, len) || strpbrk(text, "?#"))
        return refuse(err, "The control URL must have no query, fragment or spaces.");
    const char *slash = strchr(text, '/');
    int rc = parse_authority(&url, text, slash ? (size_t)(slash - text) : len, err);
    if (rc < 0)
        return rc;
    if (slash) {
        size_t prefix_len = strlen(slash);
        while (prefix_len && slash[prefix_len - 1] == '/')
            prefix_len--;
        if (prefix_len >= sizeof url.prefix)
            return refuse(err, "The path in the control URL is too long.");
        memcpy(url.prefix, slash, prefix_len);
    }
    *out = url;
    return 0;
}

int ipn_url_format(char *out, size_t cap, const struct ipn_url *url, bool websocket,
                   const char *path, size_t path_len)
{
    const char *scheme = websocket ? "ws" : "http";
    char port[8] = "";
    if (url->port != (url->tls ? 443 : 80))
        snprintf(port, sizeof port, ":%d", url->port);
    int n = snprintf(out, cap, "%s%s://%s%s%s%.*s", scheme, url->tls ? "s" : "", url->host, port,
                     url->prefix, (int)path_len, path);
    return n < 0 || (size_t)n >= cap ? IPN_ERR_ARG : n;
}

static const char *find_line(const char *lines, const char *key, size_t *len)
{
    size_t key_len = strlen(key);
    for (const char *line = lines; *line;) {
        const char *end = strchr(line, '\n');
        size_t line_len = end ? (size_t)(end - line) : strlen(line);
        if (line_len > key_len && memcmp(line, key, key_len) == 0 && line[key_len] == '=') {
            *len = line_len - key_len - 1;
            return line + key_len + 1;
        }
        line += line_len + (end ? 1 : 0);
    }
    return NULL;
}

const char *ipn_url_override(const char *lines, int region, const char *host, int port, size_t *len)
{
    char key[IPN_HOST_CAP + 16];
    snprintf(key, sizeof key, "%d", region);
    const char *url = find_line(lines, key, len);
    if (!url) {
        snprintf(key, sizeof key, "%s:%d", host, port);
        url = find_line(lines, key, len);
    }
    return url ? url : find_line(lines, "*", len);
}

/* The host without its brackets. */
static const char *bare_host(const char *host, size_t *len)
{
    *len = strlen(host);
    if (*len < 2 || host[0] != '[' || host[*len - 1] != ']')
        return host;
    *len -= 2;
    return host + 1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool ipn_url_same_host(const char *a, const char *b)
{
    size_t a_len, b_len, i = 0;
    struct ipaddr x, y;
    a = bare_host(a, &a_len);
    b = bare_host(b, &b_len);
    if (ipaddr_parse(&x, a, a_len) == 0 && ipaddr_parse(&y, b, b_len) == 0)
        return ipaddr_equal(&x, &y);
    while (i < a_len && i < b_len && lower(a[i]) == lower(b[i]))
        i++;
    return i == a_len && i == b_len;
}

bool ipn_url_is_loopback(const char *host)
{
    size_t len;
    struct ipaddr addr;
    const char *bare = bare_host(host, &len);
    if (ipaddr_parse(&addr, bare, len) < 0)
        return ipn_url_same_host(host, "localhost");
    return addr.family == 4 ? addr.b[0] == 127 : ipn_url_same_host(host, "::1");
}

bool ipn_url_is_web(const char *text, size_t len)
{
    bool web = (len > 8 && memcmp(text, "https://", 8) == 0) ||
               (len > 7 && memcmp(text, "http://", 7) == 0);
    return web && is_printable(text, len);
}
