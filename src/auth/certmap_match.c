/* From a certificate to a row of the map. */
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "auth/certmap_priv.h"
#include "base/utf.h"

bool certmap_subject_matches(struct slice pattern, struct slice name)
{
    if (pattern.n == 0) return false;
    if (pattern.p[0] == '*') {
        struct slice tail = slice_sub(pattern, 1);
        /* Folding may change lengths in bytes: try every end. */
        for (size_t at = 0; at <= name.n; at++)
            if (slice_ieq(slice_sub(name, at), tail)) return true;
        return tail.n == 0;
    }
    if (pattern.p[pattern.n - 1] == '*') return slice_istarts(name, slice_head(pattern, pattern.n - 1));
    return slice_ieq(pattern, name);
}

bool certmap_uri_matches(struct slice pattern, struct slice uri)
{
    if (pattern.n == 0) return false;
    if (pattern.p[pattern.n - 1] == '*') return slice_istarts(uri, slice_head(pattern, pattern.n - 1));
    return slice_ieq(pattern, uri);
}

void certmap_thumbprint(struct slice certificate, char out[CERTMAP_ISSUER + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };
    unsigned n = 0;
    bool ok = EVP_Digest(certificate.p, certificate.n, hash, &n, EVP_sha1(), NULL) && n == 20;
    out[0] = 0; /* matches no row */
    for (unsigned i = 0; ok && i < n; i++) snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static bool add_name(struct arena *a, struct certmap_names *out, struct slice s)
{
    if (s.n == 0 || s.n > CERTMAP_PATTERN_MAX || memchr(s.p, 0, s.n) || !utf8_valid(s)) return true;
    if (out->count == CERTMAP_NAMES_MAX) return true;
    out->list[out->count] = arena_dup(a, s);
    return out->list[out->count++].p != NULL;
}

/* otherName 1.3.6.1.4.1.311.20.2.3 with a UTF8String (or another text) in it. */
static bool upns(struct arena *a, X509 *x, struct certmap_names *out)
{
    bool ok = true;
    ASN1_OBJECT *upn = OBJ_txt2obj("1.3.6.1.4.1.311.20.2.3", 1);
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; ok && upn && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type != GEN_OTHERNAME || OBJ_cmp(g->d.otherName->type_id, upn) != 0) continue;
        const ASN1_TYPE *value = g->d.otherName->value;
        if (!value || value->type != V_ASN1_UTF8STRING) continue;
        ok = add_name(a, out, slice_of((const char *)ASN1_STRING_get0_data(value->value.utf8string),
                                       (size_t)ASN1_STRING_length(value->value.utf8string)));
    }
    GENERAL_NAMES_free(names);
    ASN1_OBJECT_free(upn);
    return ok;
}

static bool common_names(struct arena *a, X509 *x, struct certmap_names *out)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    bool ok = true;
    for (int at = -1; ok && (at = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, at)) >= 0;) {
        unsigned char *text = NULL;
        int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (n > 0) ok = add_name(a, out, slice_of((const char *)text, (size_t)n));
        OPENSSL_free(text);
    }
    return ok;
}

static bool distinguished_name(struct arena *a, X509 *x, unsigned long flags, struct certmap_names *out)
{
    char *text;
    BIO *b = BIO_new(BIO_s_mem());
    bool ok = b && X509_NAME_print_ex(b, X509_get_subject_name(x), 0, flags) >= 0;
    long n = ok ? BIO_get_mem_data(b, &text) : 0;
    if (n > 0) ok = add_name(a, out, slice_of(text, (size_t)n));
    BIO_free(b);
    return ok;
}

cimf_status certmap_names(struct arena *a, struct slice certificate, struct certmap_names *out, struct error *e)
{
    const unsigned char *p = (const unsigned char *)certificate.p, *start = p;
    *out = (struct certmap_names){ .count = 0 };
    X509 *x = certificate.n && certificate.n <= 1 << 20 ? d2i_X509(NULL, &p, (long)certificate.n) : NULL;
    if (!x || (size_t)(p - start) != certificate.n) {
        X509_free(x);
        return error_set(e, CIMF_BAD_REQUEST, "auth", "not an X.509 certificate");
    }
    bool ok = upns(a, x, out);
    if (ok && out->count == 0) {
        const unsigned long rfc = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
        /* Windows writes from the most specific part on too, but with blanks behind the commas. */
        ok = common_names(a, x, out) && distinguished_name(a, x, rfc, out) &&
             distinguished_name(a, x, (rfc & ~(unsigned long)XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC, out);
    }
    X509_free(x);
    if (!ok) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the certificate's names");
    return out->count ? CIMF_OK : error_set(e, CIMF_BAD_REQUEST, "auth", "the certificate names nobody");
}

static bool row_matches(const struct certmap_row *r, struct slice issuer, const struct certmap_names *names)
{
    if (!r->enabled || !slice_eq(r->issuer, issuer)) return false;
    for (unsigned i = 0; i < names->count; i++)
        if (certmap_subject_matches(r->subject, names->list[i])) return true;
    return false;
}

/* The account of the longest subject; NULL if there is none or more than one. */
static const struct certmap_row *choose(const struct certmap *m, struct slice issuer, const struct certmap_names *names)
{
    const struct certmap_row *best = NULL;
    bool ambiguous = false;
    for (unsigned i = 0; i < m->count; i++) {
        const struct certmap_row *r = &m->rows[i];
        if (!row_matches(r, issuer, names)) continue;
        if (!best || r->subject.n > best->subject.n) {
            best = r;
            ambiguous = false;
        } else if (r->subject.n == best->subject.n) {
            ambiguous |= !slice_ieq(r->user, best->user);
        }
    }
    return ambiguous ? NULL : best;
}

cimf_status certmap_match(struct arena *a, const struct certmap *m, struct slice certificate, struct slice issuer,
                          struct certmap_match *out, struct error *e)
{
    char print[CERTMAP_ISSUER + 1];
    struct certmap_names names;
    *out = (struct certmap_match){ .user = SLICE_NULL };
    cimf_status s = certmap_names(a, certificate, &names, e);
    if (s != CIMF_OK) return s;
    certmap_thumbprint(issuer, print);
    const struct certmap_row *best = choose(m, slice_str(print), &names);
    if (!best) return error_set(e, CIMF_NOT_AUTHENTICATED, "auth", "no account, or more than one, is mapped to the certificate");
    struct slice *uris = ARENA_ARRAY(a, m->count, struct slice);
    if (!uris) return error_set(e, CIMF_OUT_OF_MEMORY, "auth", "no memory for the certificate's mappings");
    bool all = false;
    for (unsigned i = 0; i < m->count; i++) {
        const struct certmap_row *r = &m->rows[i];
        if (!slice_ieq(r->user, best->user) || !row_matches(r, slice_str(print), &names)) continue;
        uris[out->uri_pattern_count++] = r->uri;
        all |= slice_is(r->uri, "*");
    }
    out->user = best->user;
    out->uri_patterns = uris;
    if (all) out->uri_pattern_count = 0;
    return CIMF_OK;
}
