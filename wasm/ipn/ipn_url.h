/* The URLs the engine opens, all made from the control URL, the DERP map and the overrides. */
#ifndef IPN_IPN_URL_H
#define IPN_IPN_URL_H

#include <stdbool.h>
#include <stddef.h>

#define IPN_URL_CAP 1024
#define IPN_HOST_CAP 256

/* http(s)://host[:port][/prefix], no query, no fragment, no user. */
struct ipn_url {
    bool tls;
    char host[IPN_HOST_CAP]; /* IPv6 literals keep their brackets */
    int port;                /* the scheme's default if none was written */
    char prefix[IPN_HOST_CAP]; /* "" or "/…", without a final slash */
};

/* 0, or IPN_ERR_ARG with *err naming what is wrong. */
int ipn_url_parse(struct ipn_url *out, const char *text, const char **err);

/* Writes scheme://host[:port]prefix + path, ws(s) when websocket. Returns the length, or
 * IPN_ERR_ARG if it does not fit. */
int ipn_url_format(char *out, size_t cap, const struct ipn_url *url, bool websocket,
                   const char *path, size_t path_len);

/* The url for a DERP region out of KEY=url lines: by region id, by host:port of its first node,
 * or "*". NULL without one; else a pointer into lines and *len. */
const char *ipn_url_override(const char *lines, int region, const char *host, int port,
                             size_t *len);

/* Whether two hosts are one, and whether it is this machine: "localhost", an address of 127/8, ::1.
 * IPv6 literals may stand in brackets; a name like 127.0.0.1.example is only a name. */
bool ipn_url_same_host(const char *a, const char *b);
bool ipn_url_is_loopback(const char *host);

/* True for an http or https URL of printable ASCII. */
bool ipn_url_is_web(const char *text, size_t len);

#endif
