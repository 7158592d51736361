#include "auth/authorize.h"

#include <pthread.h>
#include <stdio.h>

#include "auth/audit_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"

/* ---- names of rights, for the sentence ---- */

struct right {
    uint32_t bit;
    const char *name;
};
static const struct right namespace_rights[] = {
    { ACCESS_WMI_ENABLE, "ENABLE" }, { ACCESS_WMI_METHOD_EXECUTE, "METHOD_EXECUTE" },
    { ACCESS_WMI_FULL_WRITE, "FULL_WRITE_REP" }, { ACCESS_WMI_PARTIAL_WRITE, "PARTIAL_WRITE_REP" },
    { ACCESS_WMI_WRITE_PROVIDER, "WRITE_PROVIDER" }, { ACCESS_WMI_REMOTE_ENABLE, "REMOTE_ACCESS" },
    { ACCESS_WMI_SUBSCRIBE, "SUBSCRIBE" }, { ACCESS_WMI_PUBLISH, "PUBLISH" },
};
static const struct right common_rights[] = {
    { ACCESS_GENERIC_READ, "GENERIC_READ" }, { ACCESS_GENERIC_WRITE, "GENERIC_WRITE" },
    { ACCESS_GENERIC_EXECUTE, "GENERIC_EXECUTE" }, { ACCESS_GENERIC_ALL, "GENERIC_ALL" },
    { ACCESS_DELETE, "DELETE" }, { ACCESS_READ_CONTROL, "READ_CONTROL" }, { ACCESS_WRITE_DAC, "WRITE_DAC" },
    { ACCESS_WRITE_OWNER, "WRITE_OWNER" }, { ACCESS_SYSTEM_SECURITY, "ACCESS_SYSTEM_SECURITY" },
};

static uint32_t name_rights(struct buf *out, const struct right *rights, size_t count, uint32_t mask)
{
    for (size_t i = 0; i < count; i++)
        if (mask & rights[i].bit) {
            buf_printf(out, "%s%s", out->n ? ", " : "", rights[i].name);
            mask &= ~rights[i].bit;
        }
    return mask;
}

static cimf_status denied(const struct authorize *a, uint32_t have, struct error *e)
{
    if (!e) return CIMF_ACCESS_DENIED;
    struct buf text;
    buf_init(&text, 1024);
    uint32_t wanted = a->mapping ? access_map(a->wanted, a->mapping) : a->wanted;
    uint32_t missing = wanted & ~have ? wanted & ~have : wanted; /* all are there, one at a time: a denying ACE comes first */
    if (a->mapping == &access_namespace)
        missing = name_rights(&text, namespace_rights, sizeof namespace_rights / sizeof namespace_rights[0], missing);
    missing = name_rights(&text, common_rights, sizeof common_rights / sizeof common_rights[0], missing);
    if (missing & ~ACCESS_MAXIMUM_ALLOWED) buf_printf(&text, "%s0x%x", text.n ? ", " : "", missing);
    const char *names = text.n ? buf_strz(&text) : NULL;
    error_set(e, CIMF_ACCESS_DENIED, "auth", "access is denied: the caller lacks %s on " SLICE_FMT,
              names ? names : "every right", SLICE_ARG(slice_head(a->object.n ? a->object : SLICE("this object"), 160)));
    error_subject(e, a->object);
    buf_free(&text);
    return CIMF_ACCESS_DENIED;
}

/* ---- one denial a second ---- */

/* A table without chains: who shares a slot pushes the other out, then more is recorded, never less than asked. */
enum { SLOTS = 1024, CALLERS = 256 };
/* Somebody who asks for ever new objects: bounded for each caller (those that share a place share the bound). */
static struct audit_budget callers[CALLERS];
static struct slot {
    uint64_t who;
    int64_t since;
    unsigned hidden;
} slots[SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether to record; *hidden gets how many were not since the last record of the same kind. */
static bool due(const struct authorize *a, int64_t now, unsigned *hidden)
{
    struct { uint64_t sid, object; } key = {
        hash_bytes(a->principal ? slice_str(a->principal->sid) : SLICE("")), hash_folded(a->object) };
    uint64_t who = hash_bytes(slice_of((const char *)&key, sizeof key)) | 1;
    struct slot *s = &slots[who / 2 % SLOTS];
    struct audit_budget *caller = &callers[key.sid % CALLERS];
    pthread_mutex_lock(&slots_lock);
    bool same = s->who == who, record = !same || now - s->since >= 1000000;
    *hidden = same && record ? s->hidden : 0;
    if (!record) {
        s->hidden++;
    } else if ((record = audit_budget_take(caller, now))) {
        *hidden += caller->left_out;
        caller->left_out = 0;
        *s = (struct slot){ .who = who, .since = now };
    }
    pthread_mutex_unlock(&slots_lock);
    return record;
}

static void record(const struct authorize *a, enum audit_event event, cimf_status status, uint32_t granted,
                   unsigned hidden)
{
    char text[64];
    struct audit_record r = { .event = event, .principal = a->principal, .peer = a->peer, .object = a->object,
                              .wanted = a->wanted, .granted = granted, .status = status };
    if (hidden) {
        snprintf(text, sizeof text, "and %u more like this before", hidden);
        r.detail = slice_str(text);
    }
    audit_write(&r);
}

cimf_status authorize_check(const struct authorize *a, uint32_t *granted, struct error *e)
{
    const struct access_token *t = a->principal ? a->principal->token : NULL;
    uint32_t have = 0;
    cimf_status s = access_check(t, a->sd, a->wanted, a->mapping, NULL);
    if (granted || s != CIMF_OK) access_check(t, a->sd, ACCESS_MAXIMUM_ALLOWED, a->mapping, &have);
    if (granted) *granted = have;
    if (s == CIMF_OK) {
        if (a->sd->sacl && access_audited(t, a->sd, a->wanted, true, a->mapping))
            record(a, AUDIT_GRANTED, s, access_map(a->wanted, a->mapping), 0);
        return s;
    }
    unsigned hidden;
    if (due(a, clock_mono_us(), &hidden)) record(a, AUDIT_DENIED, s, have, hidden);
    return denied(a, have, e);
}
