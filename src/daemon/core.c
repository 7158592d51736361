#include "daemon/core.h"

#include <stdio.h>
#include <unistd.h>

#include <cimfony/version.h>

#include "os/file.h"
#include "schema/schema.h"

static cimf_status ask_host(void *arg, const struct principal *p, const struct host_job *job, int64_t deadline_us, struct arena *a,
                            struct host_answer *out, struct error *e)
{
    return host_ask_wait(arg, p, job, deadline_us, a, out, e);
}

static cimf_status open_manager(struct core *c, const struct config *config, struct hosts *hosts, struct error *e)
{
    struct cimom_config m = {
        .repo = c->repo,
        .pool = pool_exec(c->pool),
        .providers = provider_classes,
        .files = schema_files,
        .file_count = schema_file_count,
        .namespaces = schema_namespaces,
        .version = schema_version,
        .server = slice_str(c->server),
        .host = hosts ? ask_host : NULL,
        .host_arg = hosts,
        .max_requests = (uint32_t)config_number(config, CONFIG_quota_max_requests),
        .pause_us = config_number(config, CONFIG_wmi_pause_seconds) * 1000000,
    };
    return cimom_create(&m, &c->cimom, e);
}

cimf_status core_open_in(struct core *c, const struct config *config, const char *folder, struct hosts *hosts, struct error *e)
{
    *c = (struct core){ 0 };
    if (gethostname(c->server, sizeof c->server - 1) != 0) snprintf(c->server, sizeof c->server, "localhost");
    cim_set_local_server(slice_str(c->server));
    struct repo_options options = { .version = "cimd " CIMFONY_VERSION };
    /* Operations that are at work find room there, whoever they are of. */
    c->pool = pool_new("cimd-work", (unsigned)config_number(config, CONFIG_cimd_workers), (size_t)config_number(config, CONFIG_quota_max_requests), e);
    cimf_status s = c->pool ? CIMF_OK : CIMF_FAILED;
    if (s == CIMF_OK) s = repo_open(folder, &options, &c->repo, e);
    if (s == CIMF_OK) s = open_manager(c, config, hosts, e);
    if (s != CIMF_OK) core_close(c);
    return s;
}

cimf_status core_open(struct core *c, const struct config *config, struct error *e)
{
    *c = (struct core){ 0 };
    const char *state = config_text(config, CONFIG_cimd_state_dir);
    char dir[4096];
    if ((size_t)snprintf(dir, sizeof dir, "%s/repository", state) >= sizeof dir)
        return error_set(e, CIMF_INVALID_PARAMETER, "cimd", "cimd.state_dir is too long");
    cimf_status s = file_make_folders(state, 0700, e);
    return s == CIMF_OK ? core_open_in(c, config, dir, NULL, e) : s;
}

void core_close(struct core *c)
{
    if (c->cimom) cimom_stop(c->cimom);
    if (c->pool) pool_stop(c->pool);
    cimom_destroy(c->cimom);
    repo_close(c->repo);
    if (c->pool) pool_free(c->pool);
    *c = (struct core){ 0 };
}
