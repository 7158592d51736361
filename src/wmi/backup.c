/*
 * IWbemBackupRestore and IWbemBackupRestoreEx (MS-WMI 3.1.4.10, 3.1.4.11). Whoever owns the repository does the work, somewhere
 * else, and checks the caller's rights. A call is answered when it is done or the server stops, whichever comes first.
 */
#include <stdlib.h>

#include "auth/principal.h"
#include "wmi/wmi_priv.h"

enum { FORCE_SHUTDOWN = 1 };

/* ---- names ---- */

/*
 * Clients of Windows send paths of the server's, "C:\\backup\\mine.rec" or "/var/x/mine.rec". Where backups lie is not theirs to say: the
 * last part is the name. Refused, as they would not mean what they say: ".." anywhere, streams (a colon behind the drive), names
 * that begin with a dot or end as unfinished ones do, control characters.
 */
bool wmi_backup_name(struct slice path, char out[WMI_BACKUP_NAME + 1])
{
    struct slice name = path;
    if (path.n > 1 && path.p[1] == ':') name = path = slice_sub(path, 2);
    for (size_t i = 0, begin = 0; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/' && path.p[i] != '\\') continue;
        name = slice_of(path.p + begin, i - begin);
        if (slice_is(name, "..")) return false;
        begin = i + 1;
    }
    if (!name.n || name.n > WMI_BACKUP_NAME || name.p[0] == '.') return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f || name.p[i] == ':') return false;
    if (name.n >= 5 && slice_ieq(slice_sub(name, name.n - 5), SLICE(".part"))) return false;
    memcpy(out, name.p, name.n);
    out[name.n] = 0;
    return true;
}

/* ---- calls ---- */

struct care_call {
    struct wmi_care_job job; /* first */
    struct care_call *next, *prev;
    struct wmi_server *server;
    unsigned refs;           /* of the job, and of a stop that is on its way */
    struct dcom_call *call;  /* NULL: answered; home thread only */
    void *record;
    char file[WMI_BACKUP_NAME + 1];
    char peer[];
};

static void unref(struct care_call *x)
{
    if (__atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL)) return;
    principal_unref(x->job.principal);
    free(x);
}

static void answer(struct care_call *x, cimf_status status)
{
    struct dcom_call *c = x->call;
    x->call = NULL;
    if (c) dcom_reply(c, x->record, wmi_hresult(status));
}

static void done(struct wmi_care_job *job)
{
    struct care_call *x = (struct care_call *)job;
    struct wmi_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    if (x->prev) x->prev->next = x->next;
    else s->cares = x->next;
    if (x->next) x->next->prev = x->prev;
    pthread_mutex_unlock(&s->lock);
    answer(x, job->status);
    unref(x);
}

static void stop_one(void *arg)
{
    answer(arg, CIMF_SHUTTING_DOWN);
    unref(arg);
}

void wmi_backup_stop(struct wmi_server *s)
{
    for (struct care_call *x = s->cares; x; x = x->next) {
        __atomic_add_fetch(&x->refs, 1, __ATOMIC_RELAXED);
        if (!exec_post(x->job.home, stop_one, x)) __atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL);
    }
}

static void start(struct dcom_call *c, void *record, enum wmi_care what, const char *file)
{
    struct wmi_server *s = c->self;
    size_t peer = strlen(c->peer) + 1;
    struct care_call *x = calloc(1, sizeof *x + peer);
    if (!x) {
        dcom_reply(c, record, DCOM_E_OUTOFMEMORY);
        return;
    }
    memcpy(x->peer, c->peer, peer);
    memcpy(x->file, file, strlen(file) + 1);
    x->refs = 1;
    x->server = s;
    x->call = c;
    x->record = record;
    x->job = (struct wmi_care_job){ what, principal_ref(c->principal), x->peer, x->file, CIMF_SHUTTING_DOWN, c->home, done };
    pthread_mutex_lock(&s->lock);
    bool stopped = s->stopped;
    x->next = s->cares;
    if (x->next) x->next->prev = x;
    s->cares = x;
    pthread_mutex_unlock(&s->lock);
    if (stopped || !s->settings.care->run(s->settings.care->arg, &x->job)) done(&x->job);
}

/* Flags and names are looked at for those only who may do it at all: the others are refused, and recorded, whatever they send. */
static void with_file(struct dcom_call *c, struct stub_backup *r, enum wmi_care what, uint32_t flags)
{
    char file[WMI_BACKUP_NAME + 1] = "";
    bool named = wmi_backup_name(r->file, file);
    if (c->flags & MECH_IDENTIFY) dcom_reply(c, r, wmi_hresult(CIMF_ACCESS_DENIED));
    else if (c->principal->administrator && (r->flags != flags || !named)) dcom_reply(c, r, wmi_hresult(CIMF_INVALID_PARAMETER));
    else start(c, r, what, file);
}

static void backup(struct dcom_call *c, void *record)
{
    with_file(c, record, WMI_BACKUP, 0);
}

static void restore(struct dcom_call *c, void *record)
{
    with_file(c, record, WMI_RESTORE, FORCE_SHUTDOWN);
}

static void without_file(struct dcom_call *c, void *record, enum wmi_care what)
{
    if (c->flags & MECH_IDENTIFY) dcom_reply(c, record, wmi_hresult(CIMF_ACCESS_DENIED));
    else start(c, record, what, "");
}

static void pause_server(struct dcom_call *c, void *record)
{
    without_file(c, record, WMI_PAUSE);
}

static void resume_server(struct dcom_call *c, void *record)
{
    without_file(c, record, WMI_RESUME);
}

/* ---- the class ---- */

/* The name is a reference pointer in the interface definition; impacket sends a unique one. */
static const struct ndr_row backup_rows[] = {
    { NDR_AT(struct stub_backup, file, STRING), .flags = NDR_IN | NDR_EITHER }, { NDR_AT(struct stub_backup, flags, U32), .flags = NDR_IN },
};
static const struct ndr_type backup_type = NDR_TYPE("backup", struct stub_backup, backup_rows);

/* The second interface inherits from the first one. */
static const struct dcom_method methods[] = {
    [3] = { "Backup", &backup_type, backup },
    [4] = { "Restore", &backup_type, restore },
    [5] = { "Pause", NULL, pause_server },
    [6] = { "Resume", NULL, resume_server },
};
const struct dcom_interface wmi_backup_interface = {
    { 0xc49e32c7, 0xbc8b, 0x11d2, { 0x85, 0xd4, 0x00, 0x10, 0x5a, 0x1f, 0x83, 0x04 } }, "IWbemBackupRestore", methods, 5,
};
const struct dcom_interface wmi_backup_ex_interface = {
    { 0xa359dec5, 0xe813, 0x4834, { 0x8a, 0x2a, 0xba, 0x7f, 0x1d, 0x77, 0x7d, 0x76 } }, "IWbemBackupRestoreEx", methods, 7,
};
static const struct dcom_object_type object_type = {
    "WbemBackupRestore", (const struct dcom_interface *const[]){ &wmi_backup_interface, &wmi_backup_ex_interface, NULL }, NULL, NULL,
    WBEM_E_ACCESS_DENIED,
};

uint32_t wmi_backup_create(const struct dcom_class *class, struct dcom_server *s, const struct principal *p, struct dcom_object **out)
{
    *out = dcom_object_new(s, &object_type, class->arg, p);
    return *out ? DCOM_OK : DCOM_E_OUTOFMEMORY;
}
