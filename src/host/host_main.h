/* host/host_main.h - the process cimd-host: does jobs (host/job.h) as whoever it runs as. */
#ifndef HOST_HOST_MAIN_H
#define HOST_HOST_MAIN_H

/* Serves the SOCK_SEQPACKET socket until its other end closes, a packet breaks the rules, or SIGTERM: the exit code.
 * Signals are blocked and this is the only thread. Programs that HOST_SPAWN started go on. The environment and working
 * folder of the process are those of what it starts. */
int host_main(int socket);

#endif
