/* host/host_priv.h - cimd-core's side: host.c (who is asked, callers), host_thread.c (packets). */
#ifndef HOST_HOST_PRIV_H
#define HOST_HOST_PRIV_H

#include <pthread.h>

#include "host/host.h"
#include "host/host_message.h"

enum {
    HOSTS_MAX = 256,         /* hosts at once */
    HOSTS_ASKS = 128,        /* jobs of one host at once */
};
#define HOSTS_START_US 30000000 /* for the start and what is quick */
#define HOSTS_IDLE_US 60000000

/* One job. Owned by its host, then by the list of what is answered. */
struct host_ask {
    struct host_ask *next;
    uint32_t number;
    bool sent;
    int64_t deadline;        /* then its host is given up */
    struct buf packet;       /* the question, then the answer */
    struct exec *home;
    host_done *done;
    void *arg;
    /* how it ended */
    cimf_status status;
    struct error error;
};

struct host {
    struct host *next;
    uint32_t uid, number;    /* number: of the start */
    int fd;                  /* -1: being started */
    const struct principal *principal; /* until it is started: its id must stay known to the broker */
    struct host_ask *asks;   /* oldest first */
    unsigned ask_count;
    int64_t used;            /* when it last had a job */
    struct error last;       /* what it said about itself before it ended */
};

struct hosts {
    struct hosts_config config;
    pthread_mutex_t lock;
    pthread_t thread;
    bool running, stopped;
    int wake;                /* eventfd */
    uint32_t numbers;
    struct host *list;
    unsigned count;
    struct host_ask *ended;  /* to be told */
    char packet[HOST_PACKET + 1]; /* of the thread; one more: a longer one shows */
};

/* With the lock held. */
void hosts_wake(struct hosts *h);
/* Answers every ask of it with this and closes it. */
void hosts_drop(struct hosts *h, struct host *host, const struct error *e);
/* An ask has ended: status and error are set. */
void hosts_ended(struct hosts *h, struct host *host, struct host_ask *ask);

void *hosts_thread(void *arg);

#endif
