/*
 * bench/login.c - what logging in costs the server, and what protected messages cost it: N sessions one after the other,
 * each with M Gets of one instance behind the login. Prints the processor time of the server's processes.
 *
 *   login [-n sessions] [-m gets] [-a scheme] [-u user] [-c ca file] [-C certificate and key file] -p pid[,pid...]
 *         URL namespace path
 *
 * The password is in CIM_PASSWORD.
 */
#include <unistd.h>

#include "cpu.h"

#include <cimfony/operation.h>
#include <cimfony/session.h>
#include <cimfony/status.h>

static const char *const schemes[] = { "basic", "digest", "ntlm", "kerberos", "negotiate", "credssp", "certificate" };

static void die(const char *what, const cimf_error *e)
{
    fprintf(stderr, "login: %s: %s\n", what, e->text);
    exit(1);
}

static void one_get(cimf_session *s, cimf_str ns, cimf_str path)
{
    cimf_operation *op;
    cimf_error e;
    const cimf_instance *in;
    if (cimf_get(s, ns, path, &op, &e) != CIMF_OK || cimf_operation_next(op, &in, &e) != CIMF_OK || !in) die("get", &e);
    cimf_operation_free(op);
}

static void one_session(cimf_str url, const cimf_session_options *options, int gets, cimf_str ns, cimf_str path)
{
    cimf_session *s;
    cimf_error e;
    if (cimf_session_open(url, options, &s, &e) != CIMF_OK) die("open", &e);
    for (int i = 0; i < gets; i++) one_get(s, ns, path);
    cimf_session_free(s);
}

static cimf_str str(const char *text)
{
    return (cimf_str){ text, text ? strlen(text) : 0 };
}

int main(int argc, char **argv)
{
    cimf_session_options options = CIMF_SESSION_OPTIONS_INIT;
    const char *pids = NULL;
    int sessions = 100, gets = 1, option;
    options.password = str(getenv("CIM_PASSWORD"));
    options.allow_clear_password = true;
    options.auth = CIMF_AUTH_BASIC;
    while ((option = getopt(argc, argv, "n:m:a:u:c:C:p:")) != -1) {
        switch (option) {
        case 'n': sessions = atoi(optarg); break;
        case 'm': gets = atoi(optarg); break;
        case 'u': options.user = str(optarg); break;
        case 'c': options.ca_file = optarg; break;
        case 'C': options.certificate = optarg; break;
        case 'p': pids = optarg; break;
        case 'a':
            options.auth = 0;
            while (options.auth < sizeof schemes / sizeof *schemes && strcmp(optarg, schemes[options.auth]) != 0) options.auth++;
            break;
        default: return 2;
        }
    }
    if (argc - optind != 3 || !pids || options.auth >= sizeof schemes / sizeof *schemes) {
        fprintf(stderr, "usage: login [-n sessions] [-m gets] [-a scheme] [-u user] [-c ca file] [-C certificate] -p pid[,pid...] URL namespace path\n");
        return 2;
    }
    cimf_str url = str(argv[optind]), ns = str(argv[optind + 1]), path = str(argv[optind + 2]);
    one_session(url, &options, 1, ns, path); /* what only the first one pays */
    double cpu = cpu_seconds(pids);
    int64_t began = now_ns();
    for (int i = 0; i < sessions; i++) one_session(url, &options, gets, ns, path);
    double wall = (double)(now_ns() - began) / 1e9;
    cpu = cpu_seconds(pids) - cpu;
    printf("{\"sessions_per_second\":%.1f,\"cpu_us_per_session\":%.1f,\"cpu_us_per_get\":%.2f}\n", sessions / wall,
           cpu * 1e6 / sessions, cpu * 1e6 / sessions / gets);
    return 0;
}
