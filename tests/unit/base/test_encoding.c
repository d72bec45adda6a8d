/* base64 and hex: RFC 4648's examples, what must be refused, round trips of random bytes. */
#include "test.h"

#include "base/encoding.h"
#include "base/err.h"
#include "prng.h"

static void test_base64_examples(void)
{
    static const struct {
        const char *plain, *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];
        uint8_t plain[16];
        size_t len = strlen(cases[i].plain);

        CHECK_EQ(base64_encode(text, (const uint8_t *)cases[i].plain, len), strlen(cases[i].text));
        CHECK_STR(text, cases[i].text);
        CHECK_EQ(BASE64_LEN(len), strlen(text));
        CHECK_EQ(base64_decode(plain, len, text, strlen(text)), len);
        CHECK_MEM(plain, cases[i].plain, len);
        if (len > 0)
            CHECK_EQ(base64_decode(plain, len - 1, text, strlen(text)), IPN_ERR_ARG);
    }
}

static void test_base64_refusals(void)
{
    static const char *const cases[] = {
        "A",    "AA",   "AAA",  "====", "A===",   "AA=A",    "=AAA", "AAAA=", "AA==AAAA", "AA-A",
        "AA_A", "AA A", "AB==", "AAB=", "AA==\n", "AAA\x80", "Zh==", "Zm9=",  "AAA=AAA=", "A=AA",
    };
    uint8_t out[16];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!CHECK_EQ(base64_decode(out, sizeof out, cases[i], strlen(cases[i])), IPN_ERR_ARG))
            fprintf(stderr, "case %zu: %s\n", i, cases[i]);
    CHECK_EQ(base64_decode(out, sizeof out, "AA\0A", 4), IPN_ERR_ARG);
}

static void test_every_character(void)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (int c = 0; c < 256; c++) {
        const char text[4] = {'A', (char)c, 'A', 'A'}, pair[2] = {'0', (char)c};
        const char *at = c ? strchr(alphabet, c) : NULL;
        const char *digit =
            c ? strchr("0123456789abcdef", c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        uint8_t out[3];

        CHECK_EQ(base64_decode(out, 3, text, 4), at ? 3 : IPN_ERR_ARG);
        if (at)
            CHECK_EQ(out[0] << 4 | out[1] >> 4, at - alphabet);
        CHECK_EQ(hex_decode(out, 1, pair), digit ? 0 : IPN_ERR_ARG);
        if (digit)
            CHECK_EQ(out[0], strtol((char[]){(char)c, 0}, NULL, 16));
    }
}

static void test_round_trips(void)
{
    for (int i = 0; i < 2000; i++) {
        uint8_t plain[100], back[100];
        char text[201];
        size_t len = prng_below(sizeof plain + 1), text_len;

        prng_fill(plain, len);
        text_len = base64_encode(text, plain, len);
        CHECK_EQ(base64_decode(back, len, text, text_len), len);
        CHECK_MEM(back, plain, len);
        hex_encode(text, plain, len);
        CHECK_EQ(strlen(text), 2 * len);
        CHECK_EQ(hex_decode(back, len, text), 0);
        CHECK_MEM(back, plain, len);
    }
}

int main(void)
{
    char text[9];

    prng_init(4);
    test_base64_examples();
    test_base64_refusals();
    test_every_character();
    test_round_trips();
    hex_encode(text, (const uint8_t *)"\x00\x9a\xbc\xff", 4);
    CHECK_STR(text, "009abcff");
    return TEST_DONE();
}
