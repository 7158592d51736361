#include "provider/process.h"

#include "provider/text.h"

bool process_stat_parse(struct slice text, struct process_stat *out)
{
    /* "PID (comm) S ppid ...": comm may hold anything, so its end is the last ')' */
    size_t open = slice_find(text, '('), close = text.n;
    while (close > open && text.p[close - 1] != ')') close--;
    if (close <= open + 1) return false;
    memset(out, 0, sizeof *out);
    uint64_t pid;
    if (!text_u64(slice_head(text, open), &pid) || pid > INT32_MAX) return false;
    out->pid = (uint32_t)pid;
    out->name = slice_of(text.p + open + 1, close - open - 2);
    struct slice rest = slice_sub(text, close), state = text_word(&rest);
    if (state.n != 1) return false;
    out->state = state.p[0];
    uint64_t v[40] = { 0 }; /* field 4 of proc(5) is v[0] */
    size_t n = 0;
    for (struct slice w = text_word(&rest); w.n && n < 40; w = text_word(&rest), n++) {
        bool minus = w.p[0] == '-';
        if (!text_u64(minus ? slice_sub(w, 1) : w, &v[n])) return false;
        if (minus) v[n] = 0 - v[n];
    }
    if (n < 21) return false;
    out->parent = (uint32_t)v[0];
    out->minor_faults = v[6];
    out->major_faults = v[8];
    out->user_ticks = v[10];
    out->kernel_ticks = v[11];
    out->nice = (int)(int64_t)v[15];
    out->threads = (uint32_t)v[16];
    out->start_ticks = v[18];
    out->virtual_bytes = v[19];
    out->resident_pages = v[20];
    out->policy = n > 37 ? (unsigned)v[37] : 0;
    return true;
}

/* Windows base priorities: idle 4, below normal 6, normal 8, above normal 10, high 13, real
 * time 24. */
unsigned process_priority(int nice, unsigned policy)
{
    if (policy == 1 || policy == 2 || policy == 6) return 24; /* FIFO, RR, DEADLINE */
    if (policy == 5) return 4;                                /* IDLE */
    if (nice >= 15) return 4;
    if (nice > 0) return 6;
    if (nice == 0) return 8;
    return nice >= -9 ? 10 : 13;
}

struct slice process_command_line(struct arena *a, struct slice raw)
{
    while (raw.n && raw.p[raw.n - 1] == 0) raw.n--;
    char *p = arena_strz(a, raw);
    if (!p) return SLICE_NULL;
    for (size_t i = 0; i < raw.n; i++)
        if (p[i] == 0) p[i] = ' ';
    return text_clean(a, slice_of(p, raw.n));
}
