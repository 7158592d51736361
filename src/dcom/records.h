/* dcom/records.h - parameters of IObjectExporter (MS-DCOM 3.1.2.5.1) and IRemUnknown (3.1.1.5.6), which the server role reads and
 * the client role writes. */
#ifndef DCOM_RECORDS_H
#define DCOM_RECORDS_H

#include "dcom/dcom_priv.h"

struct dcom_resolve {
    uint64_t oxid;
    uint16_t count;
    uint16_t *protseqs;
    struct dcom_dual *bindings;
    struct guid unknown;
    uint32_t hint;
    struct dcom_version version; /* of ResolveOxid2 */
    uint32_t status;
};
extern const struct ndr_type dcom_resolve_type, dcom_resolve2_type;

struct dcom_ping_record {
    uint64_t set;
    uint16_t sequence, add_count, del_count, backoff;
    uint64_t *add, *del;
    uint32_t status;
};
extern const struct ndr_type dcom_simple_ping_type, dcom_complex_ping_type;

struct dcom_alive {
    struct dcom_version version;
    struct dcom_dual *bindings;
    uint32_t reserved, status;
};
extern const struct ndr_type dcom_alive_type, dcom_alive2_type;

struct dcom_reference {    /* REMINTERFACEREF */
    struct guid ipid;
    uint32_t public_refs, private_refs;
};
struct dcom_references {
    uint16_t count;
    struct dcom_reference *references;
    uint32_t *results;     /* of RemAddRef */
    uint32_t hresult;
};
extern const struct ndr_type dcom_add_ref_type, dcom_release_type;

enum { RESOLVER_RESOLVE, RESOLVER_SIMPLE_PING, RESOLVER_COMPLEX_PING, RESOLVER_ALIVE, RESOLVER_RESOLVE2, RESOLVER_ALIVE2 };
enum { UNKNOWN_QUERY = 3, UNKNOWN_ADD_REF, UNKNOWN_RELEASE };
extern const struct guid dcom_resolver_iid;

#endif
