/* The fields of a request on files. */
#include "base/err.h"
#include "ipn/ipn_ssh_conn.h"
#include "ssh/ssh_sftp.h"
#include "test.h"

static struct ssh_sftp_request request;
static uint8_t block[1024];

/* text with '|' for NUL. */
static int parse(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        block[i] = text[i] == '|' ? 0 : (uint8_t)text[i];
    return ipn_sftp_parse(&request, block, len);
}

static const struct {
    const char *text;
    int rc;
} CASES[] = {
    {"", IPN_ERR_ARG},
    {"request|1|op|1|path|/|", 0},
    {"request|1|op|1|path|/", IPN_ERR_ARG},
    {"request|1|op|1|path|", IPN_ERR_ARG},
    {"request|1|op|1|path||", 0},
    {"request|1|op|1|", IPN_ERR_ARG},
    {"request|0|op|1|path|/|", IPN_ERR_ARG},
    {"op|1|path|/|", IPN_ERR_ARG},
    {"request|1|op|0|path|/|", IPN_ERR_ARG},
    {"request|1|op|13|path|/|", 0},
    {"request|1|op|14|path|/|", IPN_ERR_ARG},
    {"request|1|op|8|path|/|", IPN_ERR_ARG},
    {"request|1|op|8|path|a|path2|b|", 0},
    {"request|1|op|9|path|a|", IPN_ERR_ARG},
    {"request|4294967295|op|1|path|/|", 0},
    {"request|4294967296|op|1|path|/|", IPN_ERR_ARG},
    {"request|1|op|1|path|/|offset|9223372036854775807|", 0},
    {"request|1|op|1|path|/|offset|9223372036854775808|", IPN_ERR_ARG},
    {"request|1|op|1|path|/|offset|99999999999999999999999|", IPN_ERR_ARG},
    {"request|1|op|1|path|/|offset||", IPN_ERR_ARG},
    {"request|1|op|1|path|/|offset|-1|", IPN_ERR_ARG},
    {"request|1|op|1|path|/|mode|0x1ff|", IPN_ERR_ARG},
    {"request|1|op|1|path|/|size|1|", IPN_ERR_ARG},
};

int main(void)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (!CHECK_EQ(parse(CASES[i].text), CASES[i].rc))
            fprintf(stderr, "    case %zu: %s\n", i, CASES[i].text);
    }
    CHECK_EQ(parse("op|13|request|7|path|/tmp/ä b|path2|c|offset|5000000000|length|6000000000|"
                   "mode|420|flags|24|"),
             0);
    CHECK_EQ(request.request, 7);
    CHECK_EQ(request.op, SSH_SFTP_WRITE);
    CHECK_STR(request.path, "/tmp/ä b");
    CHECK_STR(request.path2, "c");
    CHECK_EQ(request.offset, 5000000000);
    CHECK_EQ(request.length, 6000000000);
    CHECK_EQ(request.mode, 0644);
    CHECK_EQ(request.flags, 24);
    return TEST_DONE();
}
