#include "auth/pam_priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#include "auth/accounts.h"
#include "base/log.h"
#include "base/utf.h"

const char *pam_folder;

enum { USER_MAX = 256, PEER_MAX = 64, MESSAGES_MAX = 32, LOOKUP_MAX = 1 << 20 };

struct answers {
    const char *user, *password;
};

static void drop(struct pam_response *replies, int count)
{
    for (int i = 0; i < count; i++) {
        if (replies[i].resp) OPENSSL_cleanse(replies[i].resp, strlen(replies[i].resp));
        free(replies[i].resp);
    }
    free(replies);
}

/* One password, for whatever is asked without echo; nobody is there to answer more. */
static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *arg)
{
    const struct answers *a = arg;
    if (count <= 0 || count > MESSAGES_MAX) return PAM_CONV_ERR;
    struct pam_response *replies = calloc((size_t)count, sizeof *replies);
    if (!replies) return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;
        if (style == PAM_ERROR_MSG || style == PAM_TEXT_INFO) continue;
        bool asks = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
        if (asks) replies[i].resp = strdup(style == PAM_PROMPT_ECHO_OFF ? a->password : a->user);
        if (!replies[i].resp) {
            drop(replies, count);
            return asks ? PAM_BUF_ERR : PAM_CONV_ERR;
        }
    }
    if (out) *out = replies;
    else drop(replies, count); /* of a module that only has something to say */
    return PAM_SUCCESS;
}

/* In the place of the delay that modules ask for after a failure. */
static void no_delay(int status, unsigned us, void *arg) {}

static bool is_root(const char *user)
{
    struct passwd pw, *found = NULL;
    int r = ERANGE;
    bool root = strcmp(user, "root") == 0;
    for (size_t size = 2048; r == ERANGE && size <= LOOKUP_MAX; size *= 2) {
        char *room = malloc(size);
        if (!room) return true;
        r = getpwnam_r(user, &pw, room, size, &found);
        if (r == 0 && found) root |= pw.pw_uid == 0;
        free(room);
    }
    return root || r == ERANGE;
}

static bool text_ok(struct slice s, size_t max)
{
    return s.n > 0 && s.n < max && !memchr(s.p, 0, s.n) && utf8_valid(s);
}

static cimf_status ask(const char *service, const char *peer, const struct answers *a, struct error *e)
{
    pam_handle_t *pam = NULL;
    struct pam_conv conversation = { converse, (void *)a };
    union {
        void (*fn)(int status, unsigned us, void *arg);
        const void *item;
    } delay = { no_delay };
    int r = pam_start_confdir(service, a->user, &conversation, pam_folder, &pam);
    if (r != PAM_SUCCESS)
        return error_set(e, CIMF_FAILED, "auth", "PAM service %s cannot be used: %s", service, pam_strerror(pam, r));
    pam_set_item(pam, PAM_FAIL_DELAY, delay.item);
    if (*peer) pam_set_item(pam, PAM_RHOST, peer);
    r = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (r == PAM_SUCCESS) r = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    /* A module may have changed the name; whoever it is now was not asked about. */
    const void *now = NULL;
    bool same = r == PAM_SUCCESS && pam_get_item(pam, PAM_USER, &now) == PAM_SUCCESS && now && strcmp(now, a->user) == 0;
    if (r != PAM_SUCCESS) log_debug("auth", "PAM refuses service=%s user=%s: %s", service, a->user, pam_strerror(pam, r));
    else if (!same) log_warn("auth", "PAM changed the name of the user service=%s user=%s", service, a->user);
    pam_end(pam, r);
    return same ? CIMF_OK : CIMF_NOT_AUTHENTICATED;
}

cimf_status pam_check(const char *service, struct slice user, struct slice password, struct slice peer, struct error *e)
{
    char name[USER_MAX], secret[ACCOUNTS_PASSWORD_MAX], address[PEER_MAX] = "";
    if (!text_ok(user, sizeof name) || !text_ok(password, sizeof secret)) return CIMF_NOT_AUTHENTICATED;
    memcpy(name, user.p, user.n);
    name[user.n] = 0;
    memcpy(secret, password.p, password.n);
    secret[password.n] = 0;
    if (text_ok(peer, sizeof address)) memcpy(address, peer.p, peer.n);
    cimf_status s = ask(service, address, &(struct answers){ name, secret }, e);
    OPENSSL_cleanse(secret, sizeof secret);
    /* After the work: root's password can't be told from a wrong one by what happens. */
    return s == CIMF_OK && is_root(name) ? CIMF_NOT_AUTHENTICATED : s;
}
