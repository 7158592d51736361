/*
 * cimom/test_driver.h - a synchronous way to drive the object manager in tests: a real store in a
 * temporary folder, a home thread that is the test itself, a real worker pool, and sinks that
 * collect.
 */
#ifndef CIMOM_TEST_DRIVER_H
#define CIMOM_TEST_DRIVER_H

#include <pthread.h>
#include "base/test.h"

#include "cimom/cimom.h"
#include "os/pool.h"

struct driver_post {
    void (*fn)(void *arg);
    void *arg;
};

struct driver {
    struct exec home; /* first */
    char dir[64];
    struct repo *repo;
    struct pool *pool;
    struct cimom *m;
    struct cim_manager *manager;
    struct cimom_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct driver_post *queue;
    size_t head, count, room;
    struct arena arena; /* of everything that answers hold */
};

struct answer {
    cimf_status status;
    struct error error;
    bool done;
    unsigned count;
    const struct cim_object **objects; /* copies of instances, references of classes */
    unsigned page;                     /* pause after so many; 0: never */
    unsigned again;                    /* refuse each n-th once; 0: never */
    bool refused;
    unsigned pauses;
    unsigned cancel_after; /* cancel when so many came; 0: never */
    struct driver *d;
};

/* References are counted in them. A local administrator; from the network one of Remote Management Users and
 * one without groups. */
extern struct principal driver_admin, driver_user, driver_plain;

/* config fields that are not zero are kept. */
void driver_open(struct driver *d, const struct cimom_config *config);
void driver_reopen(struct driver *d); /* closes store and manager, opens both again */
void driver_close(struct driver *d);
/* Operation in root/test of the administrator. */
struct cim_op driver_op(struct driver *d, enum cim_verb verb);
/* Submits and runs the home queue until done; pages and refuses as *a says. */
void driver_run(struct driver *d, struct cim_op *op, struct answer *a);
void driver_start(struct driver *d, struct cim_op *op, struct answer *a); /* only submits */
void driver_pump(struct driver *d, const struct answer *a);               /* until done */
bool driver_step(struct driver *d, int wait_ms);                          /* one post */

/* Short forms; all fail the test when the operation fails. */
void driver_mof(struct driver *d, const char *ns, const char *text);
cimf_status driver_mof_status(struct driver *d, const char *ns, const char *text, struct error *e);
struct cim_path driver_path(struct driver *d, const char *text);
cimf_status driver_query(struct driver *d, const char *ns, const char *text, struct answer *a);
cimf_status driver_get(struct driver *d, const char *ns, const char *path, struct answer *a);
cimf_status driver_enum(struct driver *d, const char *ns, const char *cls, uint32_t flags,
                        struct answer *a);
cimf_status driver_delete(struct driver *d, const char *ns, const char *path);
/* PutInstance of a new instance of cls with "name=value" pairs, values as text; "name=" NULL. */
cimf_status driver_put(struct driver *d, const char *ns, const char *cls, uint32_t flags, ...)
    __attribute__((sentinel));
/* Text of a property of the n-th result, "NULL", or "UNSENT". */
const char *driver_text(struct driver *d, const struct answer *a, unsigned n, const char *property);
const char *driver_class_name(const struct answer *a, unsigned n);

#define assert_status(got, want)                                                                   \
    assert_string_equal(cimf_status_name(got), cimf_status_name(CIMF_##want))

#endif
