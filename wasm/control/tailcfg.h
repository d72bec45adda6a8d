/*
 * The control protocol's JSON, small messages: /key, RegisterRequest and its response, MapRequest.
 * Tailscale: tailcfg/tailcfg.go. With tailcfg_map.h the only place that includes yyjson.h.
 */
#ifndef CONTROL_TAILCFG_H
#define CONTROL_TAILCFG_H

#include "base/buf.h"
#include "control/control_text.h"
#include "crypto/key.h"

#define TAILCFG_IPN_VERSION "1.102.5-meshterm" /* the release whose protocol we follow */
#define TAILCFG_MAX_URL 2000
#define TAILCFG_MAX_REQUEST \
    (32 << 10) /* ours have 1 kB; an auth key or host name of that size is a mistake */

/* What requests say about this host (Hostinfo). */
struct tailcfg_host {
    const char *hostname;
    int preferred_derp; /* 0: unknown, left out */
};

struct tailcfg_register_request {
    int version;
    struct node_public node_key;
    struct node_public old_node_key; /* all zero: none */
    const char *auth_key;            /* "": none */
    const char *followup;            /* "": none */
    bool ephemeral;
    bool logout; /* Expiry far in the past */
    struct tailcfg_host host;
};

struct tailcfg_map_request {
    int version;
    struct node_public node_key;
    struct disco_public disco_key;
    bool stream; /* and compressed; else an update that wants no answer (OmitPeers) */
    struct tailcfg_host host;
};

/* Append the JSON to out. 0, IPN_ERR_NOMEM, IPN_ERR_FULL; IPN_ERR_ARG for text that is no UTF-8. */
int tailcfg_write_register(struct buf *out, const struct tailcfg_register_request *r);
int tailcfg_write_map(struct buf *out, const struct tailcfg_map_request *r);

/* The answer to /key: 0, or IPN_ERR_PROTOCOL. */
int tailcfg_parse_server_key(struct machine_public *out, const uint8_t *json, size_t len);

struct tailcfg_register_response {
    char error[CONTROL_TEXT_MAX + 1]; /* printable, cut; "" = none */
    char auth_url[TAILCFG_MAX_URL + 1]; /* "" = none */
    bool bad_auth_url; /* there is one, but it is no http(s) URL */
    bool node_key_expired, machine_authorized;
};

/* 0, IPN_ERR_PROTOCOL, IPN_ERR_NOMEM. null (an ephemeral node's logout) is all false. */
int tailcfg_parse_register(struct tailcfg_register_response *out, const uint8_t *json, size_t len);

/* RFC 3339 as Go writes time.Time; 0 for Go's zero time (year 1), else at least 1. IPN_ERR_ARG. */
int tailcfg_parse_time(int64_t *wall_ms, const char *text, size_t len);

#endif
