/* The parts of cimd-compromised. */
#ifndef TESTS_DAEMON_COMPROMISED_H
#define TESTS_DAEMON_COMPROMISED_H

#include "auth/broker.h"

/* CIMFONY_ATTACK_TELL=hosts */
void attack_hosts(struct auth_broker *broker);
/* =connect */
void attack_connect(void);
/* =descriptor, answer, deaf: what ends the core. false: none of these. */
bool attack_supervisor(const char *how);

#endif
