/* Any bytes as what a peer wrote: the record is one printable line with paired quotes. */
#include "auth/audit.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf line;
    struct slice text = slice_of((const char *)data, size);
    struct audit_record r = { .event = AUDIT_LOGIN_FAILED, .user = text, .peer = slice_head(text, size / 2), .scheme = "Basic",
                              .object = slice_sub(text, size / 2), .status = CIMF_NOT_AUTHENTICATED };
    buf_init(&line, 0);
    if (!audit_format(&r, &line)) __builtin_trap();
    bool quoted = false;
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if (c < 0x20 || c == 0x7f) __builtin_trap();
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
    }
    if (quoted) __builtin_trap();
    buf_free(&line);
    return 0;
}
