/*
 * rpc/mgmt.h - the remote management interface that every listener has (C706 appendix Q, MS-RPCE 2.2.1.3): what is
 * served here, how much, whether at all. Anybody may ask; nobody stops the server with it.
 */
#ifndef RPC_MGMT_H
#define RPC_MGMT_H

#include "rpc/server.h"

struct rpc_mgmt;
/* interfaces: of the listener, NULL-terminated and complete when the first call comes; it and the text are borrowed for
 * good. principal: "host/name", who Kerberos logins are for. NULL: no memory. */
struct rpc_mgmt *rpc_mgmt_new(struct rpc_server *server, const struct rpc_interface *const *interfaces, const char *principal);
void rpc_mgmt_free(struct rpc_mgmt *m);
const struct rpc_interface *rpc_mgmt_interface(const struct rpc_mgmt *m);

#endif
