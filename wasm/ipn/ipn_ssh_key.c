/* Keys made here: the page stores the private text, the public line goes to a server. */
#include <string.h>

#include "base/buf.h"
#include "ipn/ipn_internal.h"
#include "ssh/ssh_key.h"

enum { KEY_TEXT_MAX_LEN = 4096 };

/* One line of printable text: it becomes part of an authorized_keys line. */
static bool is_comment(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return false;
    }
    return len <= SSH_KEY_MAX_COMMENT_LEN;
}

int ipn_ssh_keygen(struct ipn *ipn, const char *comment, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (!is_comment(comment))
        return IPN_ERR_ARG;
    struct buf text, line;
    struct ssh_key *key = ssh_key_generate_ed25519();
    buf_init(&text, KEY_TEXT_MAX_LEN);
    buf_init(&line, KEY_TEXT_MAX_LEN);
    uint32_t id = ++ipn->next_key & 0x7fffffff;
    int rc = key ? ssh_key_private_text(&text, key, comment) : IPN_ERR_NOMEM;
    if (rc == 0)
        rc = ssh_key_public_line(&line, key, comment);
    if (rc == 0)
        rc = ipn_event_push(&ipn->events, IPN_EVENT_KEY, id, 0, buf_head(&text), text.len,
                            buf_head(&line), line.len);
    buf_wipe(&text);
    buf_wipe(&line);
    ssh_key_free(key);
    return rc < 0 ? rc : (int)id;
}
