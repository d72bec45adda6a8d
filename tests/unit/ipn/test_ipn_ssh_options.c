#include "ipn/ipn_ssh_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "test.h"

static struct ipn_ssh_options o;

/* text with '|' for NUL. */
static int parse(const char *text)
{
    static uint8_t block[1024];
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        block[i] = text[i] == '|' ? 0 : (uint8_t)text[i];
    ipn_ssh_options_wipe(&o);
    int rc = ipn_ssh_options_parse(&o, block, len);
    memset(block, 0xee, sizeof block); /* nothing may still point there */
    return rc;
}

static void test_defaults(void)
{
    CHECK_EQ(parse("host|h|user|u|"), 0);
    CHECK_STR(o.host, "h");
    CHECK_STR(o.user, "u");
    CHECK_STR(o.term, "xterm-256color");
    CHECK_STR(o.command, "");
    CHECK_STR(o.replace_host_key, "");
    CHECK(!o.password && !o.passphrase);
    CHECK_EQ(o.kind, IPN_SSH_SHELL);
    CHECK_EQ(o.port, 22);
    CHECK_EQ(o.rows, 24);
    CHECK_EQ(o.cols, 80);
    CHECK_EQ(o.timeout_ms, 5000);
    CHECK_EQ(o.keep_alive_ms, 30000);
    CHECK_EQ(o.retry_delay_ms, 2000);
    CHECK_EQ(o.reuse, 1);
    CHECK_EQ(o.pty + o.prompts + o.ask_host_key + o.agent + o.retries + o.via + o.on, 0);
}

static void test_all(void)
{
    CHECK_EQ(parse("user|u|host|h|kind|test|port|2222|rows|50|cols|132|pty|1|timeout|0|"
                   "password||passphrase|p p|key|one|key|two|prompts|1|askHostKey|1|agent|1|"
                   "replaceHostKey|SHA256:x|keepAlive|0|retries|3|retryDelay|1|reuse|0|via|77|"
                   "env.LANG|C.UTF-8|env.EMPTY||term||"),
             0);
    CHECK_EQ(o.kind, IPN_SSH_TEST);
    CHECK_EQ(o.port, 2222);
    CHECK_EQ(o.rows, 50);
    CHECK_EQ(o.cols, 132);
    CHECK_EQ(o.timeout_ms, 5000);
    CHECK_STR(o.password, "");
    CHECK_STR(o.passphrase, "p p");
    CHECK_EQ(o.key_count, 2);
    CHECK_STR(o.keys[1], "two");
    CHECK_STR(o.replace_host_key, "SHA256:x");
    CHECK_STR(o.term, "xterm-256color");
    CHECK_EQ(o.pty + o.prompts + o.ask_host_key + o.agent, 4);
    CHECK_EQ(o.keep_alive_ms, 0);
    CHECK_EQ(o.retries, 3);
    CHECK_EQ(o.reuse, 0);
    CHECK_EQ(o.via, 77);
    CHECK_EQ(o.env_len, 20);
    CHECK_MEM((const uint8_t *)o.env, (const uint8_t *)"LANG\0C.UTF-8\0EMPTY\0\0", 20);
}

static const struct {
    const char *text;
    int rc;
} CASES[] = {
    {"", IPN_ERR_ARG},
    {"host|h|", IPN_ERR_ARG},
    {"user|u|", IPN_ERR_ARG},
    {"host|h|user|u", IPN_ERR_ARG},
    {"host|h|user|u|port|", IPN_ERR_ARG},
    {"host|h|user|u|port|0|", IPN_ERR_ARG},
    {"host|h|user|u|port|65535|", 0},
    {"host|h|user|u|port|65536|", IPN_ERR_ARG},
    {"host|h|user|u|port|22 |", IPN_ERR_ARG},
    {"host|h|user|u|port|+22|", IPN_ERR_ARG},
    {"host|h|user|u|port|4294967318|", IPN_ERR_ARG},
    {"host|h|user|u|timeout|4294967295|", 0},
    {"host|h|user|u|timeout|4294967296|", IPN_ERR_ARG},
    {"host|h|user|u|pty|2|", IPN_ERR_ARG},
    {"host|h|user|u|pty||", IPN_ERR_ARG},
    {"host|h|user|u|rows|0|", IPN_ERR_ARG},
    {"host|h|user|u|Port|22|", IPN_ERR_ARG},
    {"host|h|user|u|env.||", IPN_ERR_ARG},
    {"host|h|user|u|kind|shells|", IPN_ERR_ARG},
    {"host|h|user|u|via|0|", IPN_ERR_ARG},
    {"host|h|user|u|retries|101|", IPN_ERR_ARG},
    {"host|h|user|u|kind|forward|", IPN_ERR_ARG},
    {"host|h|user|u|kind|forward|destHost|x|", IPN_ERR_ARG},
    {"host|h|user|u|kind|forward|destHost|x|destPort|80|", 0},
    {"host|h|user|u|destHost|x|destPort|80|", IPN_ERR_ARG},
    {"on|5|kind|forward|destHost|x|destPort|80|", 0},
    {"on|5|via|6|kind|forward|destHost|x|destPort|80|", IPN_ERR_ARG},
    {"on|5|", 0},
    {"host|h|user|u|command|c|subsystem|s|", IPN_ERR_ARG},
    {"host|h|host|i|user|u|", 0},
    {"host|h|user|u|key|1|key|2|key|3|key|4|", 0},
    {"host|h|user|u|key|1|key|2|key|3|key|4|key|5|", IPN_ERR_FULL},
};

static void test_cases(void)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (!CHECK_EQ(parse(CASES[i].text), CASES[i].rc))
            fprintf(stderr, "    case %zu: %s\n", i, CASES[i].text);
    }
}

/* NAME with a value of n bytes, times over under names that differ. */
static int parse_long(const char *name, size_t n, int times)
{
    size_t cap = 32 + (size_t)times * (strlen(name) + n + 8), len = 0;
    uint8_t *block = malloc(cap);
    memcpy(block, "host\0h\0user\0u\0", 14);
    len = 14;
    for (int i = 0; i < times; i++) {
        len += (size_t)sprintf((char *)block + len, name, i) + 1;
        memset(block + len, 'x', n);
        block[len + n] = 0;
        len += n + 1;
    }
    ipn_ssh_options_wipe(&o);
    int rc = ipn_ssh_options_parse(&o, block, len);
    free(block);
    return rc;
}

static void test_limits(void)
{
    static const struct {
        const char *name, *words;
        size_t max;
    } LIMITS[] = {{"command", "The command is too long", IPN_SSH_MAX_COMMAND_LEN},
                  {"term", "The terminal type", IPN_SSH_MAX_TERM_LEN},
                  {"user", "The user name is too long", IPN_SSH_MAX_USER_LEN},
                  {"password", "The password is too long", IPN_SSH_MAX_SECRET_LEN},
                  {"key", "A private key is too long", IPN_SSH_MAX_KEY_LEN},
                  {"env.A", "The environment variable A is", IPN_SSH_MAX_ENV_VALUE_LEN}};
    for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        CHECK_EQ(parse_long(LIMITS[i].name, LIMITS[i].max, 1), 0);
        CHECK_EQ(parse_long(LIMITS[i].name, LIMITS[i].max + 1, 1), IPN_ERR_FULL);
        CHECK(strstr(o.problem, LIMITS[i].words) == o.problem);
        CHECK_STR(o.host, "h");
    }
    CHECK_EQ(parse_long("env.VARIABLE%03d", 1000, 64), 0);
    CHECK_EQ(parse_long("env.VARIABLE%03d", 1000, 65), IPN_ERR_FULL);
    CHECK(strstr(o.problem, "The environment is too large"));
    CHECK_EQ(parse_long("env.A%d", 8000, 100), IPN_ERR_ARG); /* more than any block may be */
}

int main(void)
{
    test_defaults();
    test_all();
    test_cases();
    test_limits();
    ipn_ssh_options_wipe(&o);
    return TEST_DONE();
}
