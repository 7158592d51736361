/* Object paths: what parses is written canonically, and that text is a fixed point (P23). */
#include <assert.h>

#include "cim/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool write_path(struct arena *a, const struct cim_path *p, struct slice *out)
{
    struct buf b;
    buf_init(&b, 0);
    bool ok = cim_path_write(&b, p, false);
    *out = ok ? arena_dup(a, buf_slice(&b)) : SLICE_NULL;
    buf_free(&b);
    return out->p != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, 0);
    struct slice text = slice_of((const char *)data, size), ns = SLICE("root/cimv2"), first, again;
    struct cim_path p, q;
    struct error e = ERROR_INIT;
    if (cim_path_parse(&a, text, &p, &e) == CIMF_OK && write_path(&a, &p, &first)) {
        cimf_status st = cim_path_parse(&a, first, &q, NULL);
        if (st == CIMF_OK) { /* escaping and ':' may push a long one past the limit */
            assert(p.kind == q.kind && p.key_count == q.key_count && slice_eq(p.ns, q.ns));
            bool written = write_path(&a, &q, &again);
            assert(written && slice_eq(first, again));
        } else {
            assert(st == CIMF_QUOTA_VIOLATION);
        }
    } else {
        assert(e.status != CIMF_OK && e.text[0]);
    }
    if (cim_reference_key(&a, text, ns, &first) == CIMF_OK &&
        cim_reference_key(&a, first, ns, &again) == CIMF_OK) {
        assert(slice_eq(first, again));
    }
    if (cim_namespace_normal(&a, text, &first) == CIMF_OK) {
        cimf_status st = cim_namespace_normal(&a, first, &again);
        assert(st == CIMF_OK && slice_eq(first, again));
    }
    arena_free(&a);
    return 0;
}
