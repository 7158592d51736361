/*
 * host/host.h - asking processes that run as the callers' own users, from inside cimd-core.
 *
 * There is one host for each local user at a time; callers that are the same user share it. It is started by the
 * supervisor, which believes nothing but the principal's id, when the first job comes, and ends when it had none for a
 * while, or with this process.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "auth/principal.h"
#include "base/arena.h"
#include "base/exec.h"
#include "host/job.h"

struct hosts;

struct hosts_config {
    /* Asks the supervisor for a host of the principal with this id; hosts_started answers, once. Any thread; does not
     * block and does not call back. */
    cimf_status (*start)(void *arg, uint32_t number, const char *id, struct error *e);
    void *arg;
    int64_t idle_us;          /* a host without a job ends then; 0: 60 s */
};

/* A thread of its own moves packets; it comes with the first job. */
cimf_status hosts_new(const struct hosts_config *config, struct hosts **out, struct error *e);
/* Everything that is asked is answered CIMF_SHUTTING_DOWN, now and from now on; hosts end. */
void hosts_stop(struct hosts *h);
/* NULL is fine. Stops first. */
void hosts_free(struct hosts *h);

/* The supervisor's answer to `start`. CIMF_OK: fd, taken, is one end of a SOCK_SEQPACKET pair to a host of user uid.
 * Numbers that nobody asked with are ignored. Any thread. */
void hosts_started(struct hosts *h, uint32_t number, cimf_status status, int fd, uint32_t uid);

/* status CIMF_OK: the host answered; what came of the job is answer->status. Otherwise answer is NULL: it could not be
 * asked, or what it did is not known (CIMF_TIMED_OUT, CIMF_CONNECTION_LOST). answer and e live until this returns. */
typedef void host_done(void *arg, cimf_status status, const struct host_answer *answer, const struct error *e);
/* Everything is copied. done comes once, on home (NULL: on the thread of hosts: be quick), never inside this call;
 * unless this fails, then never: CIMF_PRIVILEGE_NOT_HELD when p is no local user, CIMF_SERVER_TOO_BUSY,
 * CIMF_SHUTTING_DOWN, CIMF_INVALID_PARAMETER. Posts to home that are refused are lost. */
cimf_status host_ask(struct hosts *h, const struct principal *p, const struct host_job *j, struct exec *home, host_done *done, void *arg,
                     struct error *e);
/* The same, waits until the deadline (clock_mono_us; 0: none). Texts of the answer are in the arena. Not on a loop. The
 * status is out->status when there is an answer. */
cimf_status host_ask_wait(struct hosts *h, const struct principal *p, const struct host_job *j, int64_t deadline_us, struct arena *a,
                          struct host_answer *out, struct error *e);

#endif
