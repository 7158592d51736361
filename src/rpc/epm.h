/*
 * rpc/epm.h - the endpoint mapper (C706 appendix O, MS-RPCE 2.2.1.2): which interface is spoken at which port. Whoever
 * listens registers; strangers ask, without logging in. Nobody registers over the network.
 */
#ifndef RPC_EPM_H
#define RPC_EPM_H

#include "rpc/rpc.h"

struct epm;

enum { EPM_ENTRIES = 1024, EPM_ANNOTATION = 64 /* with its NUL */ };
#define EPM_STATUS_NOT_REGISTERED 0x16c9a0d6u
#define EPM_STATUS_CANNOT 0x16c9a0cdu
#define EPM_STATUS_CANT_PERFORM_OP 0x6d8u

struct epm *epm_new(void); /* NULL: no memory */
void epm_free(struct epm *m);
/* For a listener's table; lives as long as m. */
const struct rpc_interface *epm_interface(const struct epm *m);
/* Any thread. object may be NULL. Registering the same again changes the annotation. CIMF_QUOTA_VIOLATION: EPM_ENTRIES of them. */
cimf_status epm_register(struct epm *m, const struct rpc_interface *i, const struct guid *object, uint16_t port,
                         const char *annotation, struct error *e);
/* Everything at that port is gone. */
void epm_unregister(struct epm *m, uint16_t port);

#endif
