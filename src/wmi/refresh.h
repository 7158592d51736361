/*
 * wmi/refresh.h - remote refreshers (MS-WMI 2.2.15 to 2.2.28, 3.1.4.12, 3.1.4.13): a client names what it wants to see again
 * and again, and one call reads it all anew. Classes of providers are suited; objects that the repository keeps are left to
 * the client (WBEM_REFRESH_TYPE_NON_HIPERF).
 *
 * A refresher is one DCOM object of its user, found by the identifier that the client chose, from any of its logins: also
 * after a connection was lost. It lives as long as that object. Its items are shared under the server's lock; the reads of
 * a call go through the object manager one by one, as the caller of that call.
 */
#ifndef WMI_REFRESH_H
#define WMI_REFRESH_H

#include "wmi/wmi_priv.h"

/* ---- stubs (appendix A) ---- */

enum { REFRESH_INVALID = 0, REFRESH_REMOTE = 3, REFRESH_NON_HIPERF = 6, REFRESH_VERSION = 1 };
enum { RECONNECT_OBJECT = 0, RECONNECT_ENUM = 1 };
enum { BLOB_ALL = 2, BLOB_ERROR = 3, BLOB_ENUM = 4 };

struct stub_refresher_id { const uint8_t *machine; uint32_t machine_size, process; struct guid client; };
struct stub_refresh_remote { struct slice refresher, template; struct guid id; };
struct stub_refresh_other { struct slice ns, template; };
struct stub_refresh_info {
    uint32_t type;
    union {
        struct stub_refresh_remote remote;
        struct stub_refresh_other other;
        uint32_t hresult;
    } of;
    uint32_t cancel;
};
struct stub_refresh_add {
    struct stub_refresher_id id;
    struct slice text, object, context; /* path or class; template */
    uint32_t flags, client_version;
    struct stub_refresh_info info;
    uint32_t version;
};
struct stub_refresh_remove { struct stub_refresher_id id; uint32_t item, flags, client_version, version; };
struct stub_refresh_get {
    struct stub_refresher_id id;
    uint32_t flags, client_version;
    struct slice refresher;
    struct guid guid;
    uint32_t version;
};
struct stub_reconnect_info { uint32_t type; struct slice path; };
struct stub_reconnect_result { uint32_t id, hresult; };
struct stub_reconnect {
    struct stub_refresher_id id;
    uint32_t flags, count, client_version;
    struct stub_reconnect_info *infos;
    struct stub_reconnect_result *results;
    uint32_t version;
};
struct stub_refreshed { uint32_t request, type, size; const uint8_t *blob; };
struct stub_refresh { uint32_t flags, count; struct stub_refreshed *objects; };
struct stub_refresh_stop { uint32_t count, *ids, flags; };
struct stub_refresh_guid { uint32_t flags; struct guid guid; };

void wmi_refresh_add_object(struct dcom_call *c, void *record);
void wmi_refresh_add_template(struct dcom_call *c, void *record);
void wmi_refresh_add_enum(struct dcom_call *c, void *record);
void wmi_refresh_remove(struct dcom_call *c, void *record);
void wmi_refresh_get(struct dcom_call *c, void *record);
void wmi_refresh_reconnect(struct dcom_call *c, void *record);
void wmi_remote_refresh(struct dcom_call *c, void *record);
void wmi_remote_stop(struct dcom_call *c, void *record);
void wmi_remote_guid(struct dcom_call *c, void *record);

extern const struct dcom_interface wmi_refreshing_interface, wmi_refresher_interface;

/* ---- refreshers and what they read (refresher.c) ---- */

#define WBEM_E_NOT_AVAILABLE 0x80041009u /* of RemoveObjectFromRefresher, and of nothing else */

enum { REFRESHER_ITEMS = 1024, REFRESHERS_USER = 64 };

struct wmi_item {                /* never changes; shared with the calls that read it */
    struct wmi_item *next;
    unsigned refs;
    uint32_t id;
    bool all;                    /* every instance of a class */
    struct wmi_session *session;
    const struct cim_class *cls; /* of the template: the shape of what is sent; held by the arena */
    struct cim_path path;
    struct cim_context_value *context;
    uint32_t context_count;
    size_t inputs;               /* of the server's, for this one */
    struct arena arena;
};
struct wmi_refresher {
    struct wmi_refresher *next;  /* of the server */
    struct wmi_server *server;
    const struct principal *owner;
    struct dcom_object *object;
    struct guid client, id;      /* the client's name for it, and ours */
    uint32_t process;
    struct wmi_item *items;
    unsigned count, users;       /* calls that are about to give it to a client */
    uint32_t last;
    bool given, closed;
};
/* The caller's refresher of this name; made when there is none and make is set. Ends with put. HRESULT. */
uint32_t wmi_refresher_find(struct dcom_call *c, struct wmi_server *s, const struct stub_refresher_id *id, bool make,
                            struct wmi_refresher **out);
void wmi_refresher_put(struct wmi_refresher *r);
uint32_t wmi_refresher_give(struct dcom_call *c, struct wmi_refresher *r, struct slice *out);
/* Adds what path names. objref: a context that its reads get, may be NULL. HRESULT. */
uint32_t wmi_refresher_add(struct wmi_refresher *r, struct wmi_session *x, const struct cim_class *cls,
                           const struct cim_path *path, bool all, struct slice context, uint32_t *id);
bool wmi_refresher_remove(struct wmi_refresher *r, uint32_t id);

/* ---- reads of one call, one after the other (series.c) ---- */

struct wmi_series;
struct wmi_read { /* the operation at hand */
    struct wmi_work w;
    struct wmi_series *series; /* NULL: it has been told */
    bool finished, stop;
    uint32_t hresult;
};
struct wmi_series_type {
    /* Fills the operation of number s->at; an HRESULT ends that read. */
    uint32_t (*prepare)(struct wmi_series *s, struct wmi_read *r);
    /* A result. False: no more of them, r->hresult says why. */
    bool (*object)(struct wmi_series *s, struct wmi_read *r, const struct cim_object *o);
    void (*done)(struct wmi_series *s, struct wmi_read *r); /* r->hresult */
    void (*end)(struct wmi_series *s);                      /* answers the call; s->hresult when it did not come to its end */
};
struct wmi_series { /* in the arena of its call; first in a structure of its user */
    const struct wmi_series_type *type;
    struct dcom_call *call;
    struct wmi_session *session; /* of the read to come; borrowed */
    struct wmi_read *read;
    unsigned at, count;
    bool driving;
    uint32_t hresult;
};
/* The session of the first read must be set; prepare may change it (s->session) in done for the next one. */
void wmi_series_run(struct wmi_series *s);

#endif
