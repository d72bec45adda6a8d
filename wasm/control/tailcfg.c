#include "control/tailcfg.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/tailcfg_json.h"

/* What Tailscale sends to log out: time.Unix(123, 0). */
#define LOGOUT_EXPIRY "1970-01-01T00:02:03Z"

/* Writing. The document borrows every string but the keys' text; values are added with `ok &=`, so
 * that the one check is at the end. */

static bool add_host(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct tailcfg_host *host)
{
    yyjson_mut_val *info = yyjson_mut_obj(doc), *net;
    bool ok = yyjson_mut_obj_add_str(doc, info, "IPNVersion", TAILCFG_IPN_VERSION) &&
              yyjson_mut_obj_add_str(doc, info, "OS", "js") &&
              yyjson_mut_obj_add_str(doc, info, "App", "meshterm") &&
              yyjson_mut_obj_add_str(doc, info, "Hostname", host->hostname) &&
              yyjson_mut_obj_add_str(doc, info, "GoArch", "wasm") &&
              yyjson_mut_obj_add_bool(doc, info, "Userspace", true);

    if (host->preferred_derp != 0) {
        net = yyjson_mut_obj(doc);
        ok = ok && yyjson_mut_obj_add_int(doc, net, "PreferredDERP", host->preferred_derp) &&
             yyjson_mut_obj_add_val(doc, info, "NetInfo", net);
    }
    return ok && yyjson_mut_obj_add_val(doc, root, "Hostinfo", info);
}

static bool add_node_key(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name,
                         const struct node_public *key)
{
    char text[KEY_TEXT_CAP];

    node_public_format(text, key);
    return yyjson_mut_obj_add_strcpy(doc, root, name, text);
}

/* Writes the finished document to out and frees it; ok says whether it was put together. */
static int finish(struct buf *out, yyjson_mut_doc *doc, bool ok)
{
    yyjson_write_err why = {0};
    size_t len = 0;
    char *text = ok ? yyjson_mut_write_opts(doc, 0, NULL, &len, &why) : NULL;
    int err;

    yyjson_mut_doc_free(doc);
    if (text == NULL)
        return why.code == YYJSON_WRITE_ERROR_INVALID_STRING ? IPN_ERR_ARG : IPN_ERR_NOMEM;
    err = buf_append(out, text, len);
    wipe(text, len); /* may hold the auth key */
    free(text);
    return err;
}

int tailcfg_write_register(struct buf *out, const struct tailcfg_register_request *r)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *auth;
    bool ok;

    if (doc == NULL)
        return IPN_ERR_NOMEM;
    yyjson_mut_doc_set_root(doc, root);
    ok = yyjson_mut_obj_add_int(doc, root, "Version", r->version) &&
         add_node_key(doc, root, "NodeKey", &r->node_key);
    if (!bytes_are_zero(r->old_node_key.b, KEY_LEN))
        ok = ok && add_node_key(doc, root, "OldNodeKey", &r->old_node_key);
    if (r->auth_key[0] != '\0') {
        auth = yyjson_mut_obj(doc);
        ok = ok && yyjson_mut_obj_add_str(doc, auth, "AuthKey", r->auth_key) &&
             yyjson_mut_obj_add_val(doc, root, "Auth", auth);
    }
    if (r->logout)
        ok = ok && yyjson_mut_obj_add_str(doc, root, "Expiry", LOGOUT_EXPIRY);
    if (r->followup[0] != '\0')
        ok = ok && yyjson_mut_obj_add_str(doc, root, "Followup", r->followup);
    if (r->ephemeral)
        ok = ok && yyjson_mut_obj_add_bool(doc, root, "Ephemeral", true);
    ok = ok && add_host(doc, root, &r->host);
    return finish(out, doc, ok);
}

int tailcfg_write_map(struct buf *out, const struct tailcfg_map_request *r)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    char disco[KEY_TEXT_CAP];
    bool ok;

    if (doc == NULL)
        return IPN_ERR_NOMEM;
    yyjson_mut_doc_set_root(doc, root);
    disco_public_format(disco, &r->disco_key);
    ok = yyjson_mut_obj_add_int(doc, root, "Version", r->version) &&
         yyjson_mut_obj_add_bool(doc, root, "KeepAlive", true) &&
         add_node_key(doc, root, "NodeKey", &r->node_key) &&
         yyjson_mut_obj_add_str(doc, root, "DiscoKey", disco);
    if (r->stream)
        ok = ok && yyjson_mut_obj_add_str(doc, root, "Compress", "zstd") &&
             yyjson_mut_obj_add_bool(doc, root, "Stream", true);
    else
        ok = ok && yyjson_mut_obj_add_bool(doc, root, "OmitPeers", true);
    ok = ok && add_host(doc, root, &r->host);
    return finish(out, doc, ok);
}

/* Reading. */

int tailcfg_parse_server_key(struct machine_public *out, const uint8_t *json, size_t len)
{
    yyjson_doc *doc = yyjson_read((const char *)json, len, 0);
    const char *text = json_get_text(yyjson_doc_get_root(doc), "publicKey", KEY_TEXT_CAP);
    int err = machine_public_parse(out, text, strlen(text));

    yyjson_doc_free(doc);
    return err < 0 || bytes_are_zero(out->b, KEY_LEN) ? IPN_ERR_PROTOCOL : 0;
}

static void parse_register(struct tailcfg_register_response *out, yyjson_val *root)
{
    yyjson_val *error = yyjson_obj_get(root, "Error"), *url = yyjson_obj_get(root, "AuthURL");

    if (yyjson_get_len(error) > 0)
        control_text_sanitise(out->error, sizeof out->error, (const uint8_t *)yyjson_get_str(error),
                              yyjson_get_len(error));
    if (yyjson_get_len(error) > 0 && out->error[0] == '\0')
        memcpy(out->error, "no reason given", sizeof "no reason given");
    if (yyjson_is_str(url) && yyjson_get_len(url) > 0) {
        size_t len = yyjson_get_len(url);

        out->bad_auth_url = !control_text_is_web_url(yyjson_get_str(url), len);
        if (!out->bad_auth_url)
            memcpy(out->auth_url, yyjson_get_str(url), len + 1);
    }
    out->node_key_expired = json_get_bool(root, "NodeKeyExpired");
    out->machine_authorized = json_get_bool(root, "MachineAuthorized");
}

int tailcfg_parse_register(struct tailcfg_register_response *out, const uint8_t *json, size_t len)
{
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, len, 0, NULL, &why);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int err = 0;

    memset(out, 0, sizeof *out);
    if (doc == NULL)
        return why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? IPN_ERR_NOMEM : IPN_ERR_PROTOCOL;
    if (yyjson_is_obj(root))
        parse_register(out, root);
    else if (!yyjson_is_null(root))
        err = IPN_ERR_PROTOCOL;
    yyjson_doc_free(doc);
    return err;
}

/* Times: 2006-01-02T15:04:05[.999999999](Z|±07:00) */

/* Reads exactly n digits and what must follow them; -1 if it is not so. */
static int digits(const char **at, const char *end, int n, char then)
{
    int value = 0;

    if (end - *at < n + (then != '\0'))
        return -1;
    for (; n > 0; n--, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    if (then != '\0' && *(*at)++ != then)
        return -1;
    return value;
}

/* Days from 1970-01-01 in the Gregorian calendar; years start in March, so leap days end them. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2), m = (month + 9) % 12;

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* Fraction and zone: milliseconds to add, or -1 for anything else. *ok tells. */
static int64_t parse_tail(const char *at, const char *end, bool *ok)
{
    int64_t ms = 0, scale = 100, sign = 0;
    int hours, minutes;

    *ok = false;
    if (at < end && *at == '.') {
        const char *first = ++at;

        for (; at < end && *at >= '0' && *at <= '9'; at++, scale /= 10)
            ms += (*at - '0') * scale;
        if (at == first)
            return 0;
    }
    if (end - at == 1 && *at == 'Z') {
        *ok = true;
        return ms;
    }
    if (end - at != 6 || (*at != '+' && *at != '-'))
        return 0;
    sign = *at++ == '+' ? -1 : 1;
    hours = digits(&at, end, 2, ':');
    minutes = digits(&at, end, 2, '\0');
    *ok = hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
    return ms + sign * (hours * 60 + minutes) * 60000;
}

int tailcfg_parse_time(int64_t *wall_ms, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    int year = digits(&at, end, 4, '-');
    int month = year < 0 ? -1 : digits(&at, end, 2, '-');
    int day = month < 0 ? -1 : digits(&at, end, 2, 'T');
    int hour = day < 0 ? -1 : digits(&at, end, 2, ':');
    int minute = hour < 0 ? -1 : digits(&at, end, 2, ':');
    int second = minute < 0 ? -1 : digits(&at, end, 2, '\0');
    int64_t tail, ms;
    bool ok;

    if (second < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60)
        return IPN_ERR_ARG;
    tail = parse_tail(at, end, &ok);
    if (!ok)
        return IPN_ERR_ARG;
    ms = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 +
         tail;
    *wall_ms = year <= 1 ? 0 : ms < 1 ? 1 : ms;
    return 0;
}
