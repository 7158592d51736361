/*
 * daemon/config.h - the configuration of cimd: one schema table (config.def), INI files, --set overrides.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "mech/mech.h"

enum config_key {
#define CONFIG(section, key, kind, def, min, max, text) CONFIG_##section##_##key,
#include "daemon/config.def"
#undef CONFIG
    CONFIG_COUNT
};

enum config_kind { CONFIG_TEXT, CONFIG_PATH, CONFIG_LIST, CONFIG_NUMBER, CONFIG_BOOL, CONFIG_CHOICE };

struct config {
    struct arena arena;
    const char *path;                 /* of the file, NULL if none was read */
    const char *value[CONFIG_COUNT];  /* text as given (or the default); never NULL */
    uint64_t number[CONFIG_COUNT];    /* NUMBER and BOOL */
};

/* Defaults only. */
cimf_status config_init(struct config *c, struct error *e);
void config_free(struct config *c);
/* Reads an INI file over what is there. An unknown section or key, a value out of bounds or of the wrong
 * kind fails with file:line. Relative paths are taken from the folder of the file. */
cimf_status config_read(struct config *c, const char *path, struct error *e);
/* "section.key=value". */
cimf_status config_set(struct config *c, const char *assignment, struct error *e);
/* Rules between keys (TLS needs a certificate...), of the configuration alone: checkup.h also looks at the machine. */
cimf_status config_check(const struct config *c, struct error *e);
/* All values, in an arena of its own. */
cimf_status config_copy(struct config *out, const struct config *c, struct error *e);
/* The text of "section.key", NULL when there is no such key. */
const char *config_find(const struct config *c, struct slice key);
/* policy.locked names it. */
bool config_locked(const struct config *c, struct slice key);
/* All values as "section.key=value" and a NUL each, paths made absolute; config_thaw takes them again. For handing a
 * configuration to another process. */
bool config_freeze(const struct config *c, struct buf *out);
cimf_status config_thaw(struct config *c, struct slice frozen, struct error *e);
/* auth.cbt_hashes as mech_options.more_bindings wants them, in the arena. CIMF_INVALID_PARAMETER names the entry. */
cimf_status config_cbt_hashes(const struct config *c, struct arena *a, struct slice *out, struct error *e);
/* auth.cbt. */
enum mech_binding config_binding_level(const struct config *c);
/* An INI text with every key, its meaning and default: reads back to the same configuration. */
bool config_dump(const struct config *c, struct buf *out);

static inline const char *config_text(const struct config *c, enum config_key k) { return c->value[k]; }
static inline uint64_t config_number(const struct config *c, enum config_key k) { return c->number[k]; }
static inline bool config_on(const struct config *c, enum config_key k) { return c->number[k] != 0; }
/* Entry i of a LIST, trimmed and NUL-terminated in the arena; NULL past the end. */
const char *config_item(struct config *c, enum config_key k, unsigned i);
/* The file of Kerberos keys: auth.keytab, KRB5_KTNAME of the environment, or the system's. */
const char *config_keytab(const struct config *c);
/* "<state_dir>/accounts" unless set. */
const char *config_accounts(struct config *c);
/* "<state_dir>/auth/certificates" unless set: in the folder where cimd-auth may write. */
const char *config_certificates(struct config *c);
/* "<state_dir>/audit.log" unless set. */
const char *config_audit_log(struct config *c);

#endif
