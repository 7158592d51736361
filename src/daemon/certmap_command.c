/* cimd certmap: which client certificates log in which accounts. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "auth/certmap.h"
#include "daemon/admin.h"
#include "os/file.h"

/* 40 hexadecimal digits (colons and blanks between, as certificate tools print them), or a PEM file. */
static cimf_status issuer(struct command *c, struct slice *out, struct error *e)
{
    struct arena *a = &c->config.arena;
    char hex[CERTMAP_ISSUER + 1];
    size_t n = 0;
    for (const char *p = c->issuer; *p; p++) {
        if (*p == ':' || *p == ' ') continue;
        if (!strchr("0123456789abcdefABCDEF", *p) || n == CERTMAP_ISSUER) n = CERTMAP_ISSUER + 1;
        if (n > CERTMAP_ISSUER) break;
        hex[n++] = *p;
    }
    if (n == CERTMAP_ISSUER) {
        *out = arena_dup(a, slice_of(hex, n));
        return out->p ? CIMF_OK : error_set(e, CIMF_OUT_OF_MEMORY, "cimd", "no memory");
    }
    struct slice text;
    cimf_status s = file_read(a, c->issuer, FILE_SMALL, &text, e);
    if (s != CIMF_OK) return s;
    BIO *b = BIO_new_mem_buf(text.p, (int)text.n);
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    unsigned char *der = NULL;
    int size = x ? i2d_X509(x, &der) : 0;
    if (size > 0) {
        certmap_thumbprint(slice_of((char *)der, (size_t)size), hex);
        *out = arena_dup(a, slice_str(hex));
    } else {
        s = error_set(e, CIMF_INVALID_PARAMETER, "cimd", "--issuer is neither a thumbprint of 40 hexadecimal digits nor a PEM certificate");
    }
    OPENSSL_free(der);
    X509_free(x);
    BIO_free(b);
    return s;
}

static cimf_status list(const struct accounts_place *place, struct error *e)
{
    struct certmap *m;
    cimf_status s = certmap_load_place(place, &m, e);
    if (s == CIMF_NOT_FOUND) return CIMF_OK; /* none yet */
    if (s != CIMF_OK) return s;
    for (unsigned i = 0; i < certmap_count(m); i++) {
        const struct certmap_row *r = certmap_at(m, i);
        printf(SLICE_FMT "\t%s\t" SLICE_FMT "\t" SLICE_FMT "\t" SLICE_FMT "\n", SLICE_ARG(r->user), r->enabled ? "enabled" : "disabled",
               SLICE_ARG(r->issuer), SLICE_ARG(r->subject), SLICE_ARG(r->uri));
    }
    certmap_unref(m);
    return CIMF_OK;
}

static cimf_status add(struct command *c, const struct accounts_place *place, struct certmap_row *row, struct error *e)
{
    struct accounts_place accounts_place;
    struct accounts *accounts = NULL;
    if (!row->issuer.n || !row->subject.n)
        return error_set(e, CIMF_USAGE, "cimd", "certmap add needs --issuer and --subject");
    if (!row->uri.n) row->uri = SLICE("*");
    cimf_status s = admin_begin(c, false, &accounts_place, e);
    if (s == CIMF_OK) s = accounts_load_place(&accounts_place, &accounts, e);
    if (s == CIMF_NOT_FOUND || (s == CIMF_OK && !accounts_find(accounts, row->user)))
        s = error_set(e, CIMF_NOT_FOUND, "cimd", "there is no account of that name");
    if (s == CIMF_OK) s = certmap_add(place, row, e);
    accounts_unref(accounts);
    return s;
}

static cimf_status change(struct command *c, const char *verb, const char *user, struct error *e)
{
    struct accounts_place place;
    struct certmap_row row = { .user = slice_str(user), .enabled = true, .subject = slice_str(c->subject ? c->subject : ""),
                               .issuer = SLICE(""), .uri = slice_str(c->uri ? c->uri : "") };
    unsigned count = 1;
    cimf_status s = c->issuer ? issuer(c, &row.issuer, e) : CIMF_OK;
    if (s == CIMF_OK) s = admin_begin_certmap(c, true, &place, e);
    if (s != CIMF_OK) return s;
    if (strcmp(verb, "add") == 0) s = add(c, &place, &row, e);
    else if (strcmp(verb, "del") == 0) s = certmap_del(&place, &row, &count, e);
    else s = certmap_enable(&place, &row, strcmp(verb, "enable") == 0, &count, e);
    if (s == CIMF_OK)
        admin_audit(row.user, "certmap %s: %u rows issuer=" SLICE_FMT " subject=" SLICE_FMT " uri=" SLICE_FMT, verb, count,
                    SLICE_ARG(row.issuer), SLICE_ARG(slice_head(row.subject, 160)), SLICE_ARG(slice_head(row.uri, 160)));
    return s;
}

int command_certmap(struct command *c)
{
    static const char *const verbs[] = { "add", "del", "enable", "disable" };
    struct error e = ERROR_INIT;
    struct accounts_place place;
    const char *verb = c->operand_count ? c->operands[0] : "";
    bool lists = strcmp(verb, "list") == 0 && c->operand_count == 1, known = false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) known |= strcmp(verb, verbs[i]) == 0;
    if (!lists && !(known && c->operand_count == 2)) {
        error_set(&e, CIMF_USAGE, "cimd", "usage: cimd certmap %s", c->info->usage);
        return command_failed(c, "", &e);
    }
    cimf_status s = lists ? admin_begin_certmap(c, false, &place, &e) : CIMF_OK;
    if (s == CIMF_OK) s = lists ? list(&place, &e) : change(c, verb, c->operands[1], &e);
    return s == CIMF_OK ? 0 : command_failed(c, lists ? "" : c->operands[1], &e);
}
