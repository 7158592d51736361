/* Nothing more happens when cimd-core has started. A file of its own, so that a test program can put its own code
 * here: what an attacker can do who has taken over the process (tests/daemon/compromised.c). */
#include "daemon/role.h"

void role_core_running(struct auth_broker *broker) { (void)broker; }
