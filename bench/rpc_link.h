/* bench/rpc_link.h - a small blocking DCE/RPC client for measurements: one connection, one interface, NTLM or nothing.
 * What goes wrong ends the program. */
#ifndef BENCH_RPC_LINK_H
#define BENCH_RPC_LINK_H

#include "dcom/activation_blob.h"
#include "dcom/dcom.h"
#include "rpc/pdu.h"
#include "rpc/rpc.h"

struct link {
    int fd;
    struct mech *mech;      /* NULL: no security */
    unsigned level;
    uint32_t call_id, context; /* context: of security, of the next call */
    struct buf out, in, stub; /* stub: of the last response */
    size_t read_at;         /* in `in`: what was taken */
    uint64_t bytes_in;
};

struct link_login {
    const char *host, *user, *password;
    unsigned level;         /* RPC_LEVEL_NONE: no login */
};

void die(const char *what);
int link_connect(const char *host, int port);
/* Binds to the interface, version 0.0, and logs in. */
void link_open(struct link *l, const struct link_login *who, int port, const struct guid *interface);
/* The first leg of the login only; false: the server refuses it. */
bool link_open_half(struct link *l, const struct link_login *who, int port, const struct guid *interface);
/* One login more on the same connection, which calls use from now on; false: refused. */
bool link_login_again(struct link *l, const struct link_login *who, const struct guid *interface);
void link_close(struct link *l);
/* One call; the response's stub is in l->stub. object may be NULL. A fault's status, or 0. */
uint32_t link_call(struct link *l, uint16_t opnum, const struct guid *object, struct slice stub);
/* A method's request alone: nobody waits for the answer. */
void link_send(struct link *l, const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, const void *record);
/* A request of n zeros that does not end: its last fragment is missing. False: the server has hung up. */
bool link_send_half(struct link *l, const struct guid *object, size_t n);
/* The same of an object's method, with its record: writes the parameters, reads the answer into the record (arena: a
 * must live as long) and answers the HRESULT. record NULL: only the HRESULT is read. */
uint32_t link_method(struct link *l, const struct guid *ipid, const struct dcom_interface *i, uint16_t opnum, struct arena *a,
                     void *record, bool read);
/* Activates a class: the reference's IPID, that of IRemUnknown, and the exporter's port. */
void link_activate(struct link *l, const struct guid *clsid, const struct guid *iid, struct guid *ipid, struct guid *unknown, int *port);
/* RemQueryInterface: the IPID of another interface of the object. */
struct guid link_query(struct link *l, const struct guid *unknown, const struct guid *ipid, const struct guid *iid);

#endif
