/* site.h - for the tests of this folder: WMI and DCOM over a real object manager and real loops, without sockets, and what requests are made of.
 * Included by one file of a program, which defines rpc_reply and rpc_fault. */
#ifndef TESTS_WMI_SITE_H
#define TESTS_WMI_SITE_H

#include "cimom/test_driver.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "dcom/dcom_priv.h"
#include "os/loop.h"
#include "wmi/stubs.h"
#include "wmi/wmi.h"

static struct driver manager;
static struct dcom_server *dcom;
static struct wmi_server *wmi;
static struct loops *loops;

/* ---- requests ---- */

static void put(struct buf *b, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) buf_byte(b, (int)(v >> (8 * i) & 255));
}

static void put_guid(struct buf *b, const struct guid *g)
{
    put(b, g->data1, 4);
    put(b, g->data2, 2);
    put(b, g->data3, 2);
    buf_add(b, g->data4, 8);
}

static void begin(struct buf *b)
{
    buf_init(b, 0);
    put(b, 5 | 7 << 16, 4);
    for (int i = 0; i < 7; i++) put(b, 0, 4);
}

/* Request of RemQueryInterface for one interface. */
static void query_stub(struct buf *b, const struct guid *ipid, const struct guid *iid)
{
    begin(b);
    put_guid(b, ipid);
    put(b, 1, 4);
    put(b, 1, 4);
    put(b, 1, 4);
    put_guid(b, iid);
}

static void release_stub(struct buf *b, const struct guid *const *ipids, unsigned n)
{
    begin(b);
    put(b, n, 4);
    put(b, n, 4);
    for (unsigned i = 0; i < n; i++) {
        put_guid(b, ipids[i]);
        put(b, 5, 4);
        put(b, 0, 4);
    }
}

/* The IPID in the first REMQIRESULT: behind ORPCTHAT, pointer, count, HRESULT, flags, references, OXID and OID. */
static struct guid query_result(struct slice reply)
{
    struct guid found = { 0 };
    struct cursor at = cursor_of(reply);
    cursor_skip(&at, 48);
    if (cursor_left(&at) >= 20) memcpy(&found, cursor_bytes(&at, 16).p, 16);
    return found;
}

static struct guid ipid_of(struct arena *a, struct slice reference)
{
    struct dcom_objref ref = { 0 };
    if (reference.p) assert_int_equal(dcom_objref_read(a, reference, &ref, NULL), CIMF_OK);
    return ref.std.ipid;
}

/* ---- the server ---- */

/* An IWbemLevel1Login that any client of the administrator may call. */
static struct guid make_login(void)
{
    unsigned n;
    struct dcom_object *o;
    struct dcom_std std;
    const struct dcom_class *class = wmi_server_classes(wmi, &n);
    assert_int_equal(class->create(class, dcom, &driver_admin, &o), DCOM_OK);
    dcom_lock(dcom);
    assert_int_equal(dcom_export(o, &wmi_login_interface.iid, 5, &std), DCOM_OK);
    dcom_unlock(dcom);
    dcom_object_unref(o);
    return std.ipid;
}

/* Connections are numbers from 1 on; all of them end together. */
enum { CONNECTIONS = 64 };
static void (*connection_gone)(void *arg, uint64_t connection);
static void *connection_watcher;
bool rpc_watch(struct rpc_call *c, void (*gone)(void *arg, uint64_t connection), void *arg)
{
    assert_true(c->connection <= CONNECTIONS);
    connection_watcher = arg; /* under the server's lock */
    connection_gone = gone;
    return true;
}

static void turned(void *arg) { sem_post(arg); }

/* What runs there has ended. */
static void every_loop_turns(void)
{
    sem_t s;
    sem_init(&s, 0, 0);
    for (unsigned i = 0; i < loops_count(loops); i++) assert_true(exec_post(loop_exec(loops_at(loops, i)), turned, &s));
    for (unsigned i = 0; i < loops_count(loops); i++) sem_wait(&s);
    sem_destroy(&s);
}

static int64_t in_an_hour(void *arg) { return INT64_C(1) << 50; }

static void open_server(unsigned loop_count, unsigned rows)
{
    struct buf mof;
    driver_open(&manager, NULL);
    buf_init(&mof, 0);
    buf_str(&mof, "class Thing { [key] string Id; uint32 Number; string Text; };\n");
    for (unsigned i = 0; i < rows; i++) buf_printf(&mof, "instance of Thing { Id = \"%u\"; Number = %u; Text = \"row %u\"; };\n", i, i, i);
    driver_mof(&manager, "root/test", buf_strz(&mof));
    buf_free(&mof);
    struct wmi_settings w = { .manager = manager.manager, .machine = SLICE("HOST"), .window = 64 };
    assert_int_equal(wmi_server_new(&w, &wmi, NULL), CIMF_OK);
    struct dcom_settings d = { .interfaces = wmi_interfaces, .short_name = "HOST" };
    d.classes = wmi_server_classes(wmi, &d.class_count);
    assert_int_equal(dcom_server_new(&d, &dcom, NULL), CIMF_OK);
    dcom_server_listens(dcom, 49152);
    loops = loops_new(loop_count, "wmi-test", NULL);
    assert_non_null(loops);
}

/* Nobody calls any more: every object goes, as time would have it, and nothing runs for any. */
static void close_server(void)
{
    struct dcom_counts left;
    every_loop_turns();
    for (uint64_t i = 1; connection_gone && i <= CONNECTIONS; i++) connection_gone(connection_watcher, i);
    dcom_lock(dcom);
    dcom->settings.now = in_an_hour;
    dcom_unlock(dcom);
    dcom_server_tick(dcom);
    every_loop_turns(); /* objects end at home */
    dcom_server_count(dcom, &left);
    assert_int_equal(left.objects, 0);
    wmi_server_stop(wmi);
    pool_stop(manager.pool);
    loops_stop(loops);
    dcom_server_free(dcom);
    wmi_server_free(wmi);
    loops_free(loops);
    driver_close(&manager); /* looks that no operation runs */
}

#endif
