/* daemon/level.h - a level of authentication (MS-RPCE 2.2.1.1.8) as the configuration has it: connect, packet, integrity, privacy. */
#ifndef DAEMON_LEVEL_H
#define DAEMON_LEVEL_H

#include <string.h>

#include "daemon/config.h"
#include "rpc/rpc.h"

static inline enum rpc_level config_level(const struct config *c, enum config_key key)
{
    const char *word = config_text(c, key);
    return strcmp(word, "connect") == 0 ? RPC_LEVEL_CONNECT : strcmp(word, "packet") == 0 ? RPC_LEVEL_PACKET
         : strcmp(word, "integrity") == 0 ? RPC_LEVEL_INTEGRITY : RPC_LEVEL_PRIVACY;
}

#endif
