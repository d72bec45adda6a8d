/*
 * From a text that somebody pasted to a key: finds the PEM block (RFC 7468, loosely: blanks, line
 * ends, a one-line paste and other blocks around it do not matter) and says what the text is where it
 * is no private key.
 */
#include "ssh/ssh_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "ssh/ssh_key_internal.h"

enum label_kind {
    LABEL_OPENSSH = SSH_KEY_PKCS8_ENCRYPTED + 1,
    LABEL_PUBLIC,
    LABEL_DSA,
    LABEL_OTHER
};

static const struct {
    const char *label;
    int kind; /* enum ssh_key_label or label_kind */
} labels[] = {{"OPENSSH PRIVATE KEY", LABEL_OPENSSH},
              {"RSA PRIVATE KEY", SSH_KEY_RSA},
              {"EC PRIVATE KEY", SSH_KEY_EC},
              {"PRIVATE KEY", SSH_KEY_PKCS8},
              {"ENCRYPTED PRIVATE KEY", SSH_KEY_PKCS8_ENCRYPTED},
              {"PUBLIC KEY", LABEL_PUBLIC},
              {"RSA PUBLIC KEY", LABEL_PUBLIC},
              {"CERTIFICATE", LABEL_PUBLIC},
              {"DSA PRIVATE KEY", LABEL_DSA}};

/* ---- finding ---- */

/* Where needle begins in b, or b.len. */
static size_t find(struct bytes b, const char *needle)
{
    size_t len = strlen(needle);

    for (size_t i = 0; i + len <= b.len; i++) {
        if (memcmp(b.data + i, needle, len) == 0)
            return i;
    }
    return b.len;
}

static struct bytes skip(struct bytes b, size_t n)
{
    return (struct bytes){b.data + n, b.len - n};
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes skip_blanks(struct bytes b)
{
    while (b.len && is_blank(b.data[0]))
        b = skip(b, 1);
    return b;
}

static bool begins(struct bytes b, const char *text)
{
    size_t len = strlen(text);

    return b.len >= len && memcmp(b.data, text, len) == 0;
}

struct block {
    int kind;
    struct bytes label;
    struct bytes body; /* between the lines */
};

/* Takes the next "-----BEGIN LABEL-----" from the front of text; the body is all that follows. */
static bool next_block(struct block *b, struct bytes *text)
{
    static const char begin[] = "-----BEGIN ";
    size_t at = find(*text, begin);

    if (at == text->len)
        return false;
    *text = skip(*text, at + sizeof begin - 1);
    b->label = (struct bytes){text->data, find(*text, "-----")};
    if (b->label.len == text->len)
        return false;
    b->body = skip(*text, b->label.len + 5);
    b->kind = LABEL_OTHER;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (ssh_bytes_are(b->label, labels[i].label))
            b->kind = labels[i].kind;
    }
    return true;
}

/* Cuts the body at its END line; false if there is none. */
static bool cut_body(struct block *b)
{
    static const char end[] = "-----END ";
    size_t at = find(b->body, end);
    struct bytes rest = skip(b->body, at);

    if (!rest.len)
        return false;
    rest = skip(rest, sizeof end - 1);
    b->body.len = at;
    return rest.len >= b->label.len + 5 && memcmp(rest.data, b->label.data, b->label.len) == 0 &&
           memcmp(rest.data + b->label.len, "-----", 5) == 0;
}

/* What a text without a private key is. */
static int name_text(struct bytes text)
{
    struct bytes start = skip_blanks(text);

    if (find(text, "PuTTY-User-Key-File-") < text.len)
        return SSH_KEY_ERR_PUTTY;
    if (find(text, "SSH PRIVATE KEY FILE FORMAT 1.") < text.len)
        return SSH_KEY_ERR_TYPE;
    if (begins(start, "ssh-") || begins(start, "ecdsa-sha2-") || begins(start, "sk-") ||
        find(text, "BEGIN SSH2 PUBLIC KEY") < text.len)
        return SSH_KEY_ERR_PUBLIC;
    return SSH_KEY_ERR_NO_KEY;
}

/* 0 and the first block with a private key, or an error. */
static int find_block(struct block *b, struct bytes text)
{
    int error = name_text(text);

    if (text.len > SSH_KEY_MAX_TEXT_LEN)
        return SSH_KEY_ERR_NO_KEY;
    while (next_block(b, &text)) {
        if (b->kind <= LABEL_OPENSSH)
            return cut_body(b) ? 0 : SSH_KEY_ERR_CUT;
        if (b->kind != LABEL_OTHER && error == SSH_KEY_ERR_NO_KEY)
            error = b->kind == LABEL_DSA ? SSH_KEY_ERR_DSA : SSH_KEY_ERR_PUBLIC;
    }
    return error;
}

/* ---- decoding ---- */

/* What base64 stands for, with blanks anywhere in it, in a block of its own; NULL if it is none or
 * out of memory. *cap is the block's size. */
static uint8_t *decode(size_t *len, size_t *cap, struct bytes base64)
{
    char *packed = malloc(base64.len + 1);
    uint8_t *data = malloc(base64.len + 1);
    size_t n = 0;
    int got = -1;

    *cap = base64.len + 1;
    for (size_t i = 0; packed && i < base64.len; i++) {
        if (!is_blank(base64.data[i]))
            packed[n++] = (char)base64.data[i];
    }
    if (packed && data)
        got = base64_decode(data, *cap, packed, n);
    if (packed) {
        wipe(packed, base64.len + 1);
        free(packed);
    }
    if (got < 0) {
        if (data)
            wipe(data, *cap);
        free(data);
        return NULL;
    }
    *len = (size_t)got;
    return data;
}

/* Takes the headers of RFC 1421 from the front of body: "Proc-Type: 4,ENCRYPTED", "DEK-Info: …". */
static struct bytes take_dek_info(struct bytes *body)
{
    static const char name[] = "DEK-Info:";
    size_t at = find(*body, name);
    struct bytes value = {NULL, 0};

    if (at == body->len)
        return value;
    *body = skip_blanks(skip(*body, at + sizeof name - 1));
    value.data = body->data;
    while (value.len < body->len && !is_blank(body->data[value.len]))
        value.len++;
    *body = skip(*body, value.len);
    return value;
}

int ssh_key_parse(struct ssh_key **key, struct bytes text, struct bytes passphrase)
{
    struct bytes dek_info;
    struct block b;
    size_t len, cap;
    uint8_t *data;
    int rc;

    *key = NULL;
    rc = find_block(&b, text);
    if (rc < 0)
        return rc;
    dek_info = take_dek_info(&b.body);
    data = decode(&len, &cap, b.body);
    if (!data)
        return SSH_KEY_ERR_MALFORMED;
    if (b.kind == LABEL_OPENSSH)
        rc = ssh_key_from_openssh(key, data, len, passphrase);
    else
        rc = ssh_key_from_der(key, (enum ssh_key_label)b.kind, data, len, dek_info, passphrase);
    wipe(data, cap);
    free(data);
    return rc;
}

int ssh_key_parse_public(struct buf *blob, struct bytes text)
{
    struct bytes found;
    struct block b;
    size_t len, cap;
    uint8_t *data;
    int rc;

    rc = find_block(&b, text);
    if (rc < 0)
        return rc;
    if (b.kind != LABEL_OPENSSH)
        return SSH_KEY_ERR_ENCRYPTED;
    data = decode(&len, &cap, b.body);
    if (!data)
        return SSH_KEY_ERR_MALFORMED;
    rc = ssh_key_openssh_public(&found, (struct bytes){data, len});
    if (rc == 0)
        rc = buf_append(blob, found.data, found.len);
    wipe(data, cap);
    free(data);
    return rc;
}

/* ---- in words ---- */

const char *ssh_key_error_text(int error)
{
    switch (error) {
    case SSH_KEY_ERR_ENCRYPTED:
        return "The private key is encrypted; its passphrase is needed.";
    case SSH_KEY_ERR_PASSPHRASE:
        return "The passphrase does not open the private key.";
    case SSH_KEY_ERR_PUBLIC:
        return "This is a public key or a certificate. The private key is the file of the same "
               "name "
               "without .pub; it begins with -----BEGIN.";
    case SSH_KEY_ERR_PUTTY:
        return "This is a PuTTY key (.ppk). In PuTTYgen, choose Conversions, Export OpenSSH key; "
               "or "
               "run: puttygen key.ppk -O private-openssh -o key";
    case SSH_KEY_ERR_NO_KEY:
        return "This is not a private key. Paste the whole file, from its -----BEGIN line to its "
               "-----END line.";
    case SSH_KEY_ERR_CUT:
        return "The private key is cut off: its -----END line is missing. Paste the whole file.";
    case SSH_KEY_ERR_HARDWARE:
        return "This key lives in a security key (sk-ssh-ed25519 or sk-ecdsa), which a web page "
               "cannot use for SSH. Take a key without hardware.";
    case SSH_KEY_ERR_DSA:
        return "This is a DSA key, which no current SSH server accepts. Make a new one: ssh-keygen "
               "-t ed25519";
    case SSH_KEY_ERR_TYPE:
        return "This type of private key cannot be used here; Ed25519, RSA, and ECDSA on P-256, "
               "P-384 and P-521 can.";
    case SSH_KEY_ERR_CIPHER:
        return "The private key is encrypted in a way that is not known here. Encrypt it anew: "
               "ssh-keygen -p -f key";
    case SSH_KEY_ERR_ROUNDS:
        return "The private key's passphrase would take minutes to work through. Encrypt it anew "
               "with fewer rounds: ssh-keygen -p -a 24 -f key";
    case SSH_KEY_ERR_SIZE:
        return "RSA keys of 1024 to 8192 bits can be used; this one has another size.";
    case IPN_ERR_NOMEM:
        return "Out of memory for the private key.";
    default:
        return "The private key is damaged: its contents do not fit together.";
    }
}
