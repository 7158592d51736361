/* rpc/test_account.h - a broker that knows alice, whose password is "secret": setup and teardown of tests. */
#ifndef RPC_TEST_ACCOUNT_H
#define RPC_TEST_ACCOUNT_H

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/broker.h"
#include "base/log.h"

static char path[64];
static struct auth_broker *broker;

static inline int setup(void **state)
{
    struct account_change alice = { .name = SLICE("alice"), .password = SLICE("secret"), .cost = 1 };
    struct auth_broker_config config = { .ntlm = true, .accounts_path = path, .dummy_cost = 1 };
    log_set_level(LOG_ERROR_);
    strcpy(path, "/tmp/cimfony-rpc-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    if (accounts_add(path, &alice, NULL) != CIMF_OK) return -1;
    return auth_broker_new(&config, &broker, NULL) == CIMF_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    static const char *const ends[] = { "", ".lock", ".key" };
    auth_broker_free(broker);
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

#endif
