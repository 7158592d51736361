/*
 * For which service a ticket is.
 *
 * The name in the ticket is not encrypted: it says what the client meant, and whoever passes the ticket on can
 * change it. What proves something is the key that decrypts the ticket, and the library names the first entry
 * of the keytab that has it. Services of one account share a key (in Active Directory all of a machine), so that
 * entry may be any of them. Hence both count: the name must be of a class that is served, and so must the key.
 */
#include <krb5/krb5.h>

#include "base/utf.h"
#include "codec/der.h"
#include "mech/kerberos_priv.h"

enum {
    AP_REQ = DER_APPLICATION | 14,
    TICKET = DER_APPLICATION | 1,
    NAME_PARTS = 8,
};

/* Components without what would have to be escaped, joined by '/'. */
static bool name_add(struct buf *b, struct der *parts)
{
    for (int i = 0; !der_end(parts); i++) {
        struct slice part = der_take(parts, DER_GENERAL_STRING);
        if (parts->bad || i == NAME_PARTS || part.n == 0) return false;
        for (size_t at = 0; at < part.n; at++) {
            if ((unsigned char)part.p[at] < ' ' || strchr("/@\\", part.p[at])) return false;
        }
        if (i) buf_byte(b, '/');
        buf_slice_add(b, part);
    }
    return true;
}

bool kerberos_ticket_service(struct slice message, struct buf *out)
{
    struct der d = der_of(message), request = der_open(&d, AP_REQ), in, ticket, name, parts;
    size_t mark = out->n;
    request = der_open(&request, DER_SEQUENCE);
    for (unsigned i = 0; i < 3; i++) der_take(&request, DER_CONTEXT | i); /* version, type, options */
    in = der_open(&request, DER_CONTEXT | 3);
    ticket = der_open(&in, TICKET);
    ticket = der_open(&ticket, DER_SEQUENCE);
    der_take(&ticket, DER_CONTEXT | 0); /* version */
    in = der_open(&ticket, DER_CONTEXT | 1);
    struct slice realm = der_take(&in, DER_GENERAL_STRING);
    in = der_open(&ticket, DER_CONTEXT | 2);
    name = der_open(&in, DER_SEQUENCE);
    der_take(&name, DER_CONTEXT | 0); /* its type */
    in = der_open(&name, DER_CONTEXT | 1);
    parts = der_open(&in, DER_SEQUENCE);
    if (in.bad || realm.n == 0 || !name_add(out, &parts) || out->n == mark) return false;
    buf_byte(out, '@');
    buf_slice_add(out, realm);
    return buf_ok(out) && utf8_valid(slice_sub(buf_slice(out), mark));
}

bool kerberos_class_served(const struct kerberos *k, struct slice service)
{
    struct slice class = slice_head(service, slice_find(service, '/'));
    if (k->service_count == 0) return true;
    if (class.n == service.n) return false; /* no class: an account's own name */
    for (size_t i = 0; i < k->service_count; i++) {
        if (slice_ieq(class, k->services[i])) return true;
    }
    return false;
}

/* One key of one principal against every entry of a class that is served. */
static bool key_is_served(const struct kerberos *k, krb5_context context, krb5_keytab keytab,
                          const krb5_keyblock *key)
{
    krb5_kt_cursor at;
    krb5_keytab_entry entry;
    bool found = false;
    if (krb5_kt_start_seq_get(context, keytab, &at)) return false;
    while (!found && krb5_kt_next_entry(context, keytab, &entry, &at) == 0) {
        char *name = NULL;
        if (krb5_unparse_name(context, entry.principal, &name) == 0) {
            found = kerberos_class_served(k, slice_str(name)) && entry.key.enctype == key->enctype &&
                    entry.key.length == key->length &&
                    mech_equal(entry.key.contents, key->contents, key->length);
        }
        krb5_free_unparsed_name(context, name);
        krb5_free_keytab_entry_contents(context, &entry);
    }
    krb5_kt_end_seq_get(context, keytab, &at);
    return found;
}

static bool shares_key(const struct kerberos *k, krb5_context context, krb5_keytab keytab,
                       struct slice owner)
{
    krb5_kt_cursor at;
    krb5_keytab_entry entry;
    bool found = false;
    if (krb5_kt_start_seq_get(context, keytab, &at)) return false;
    while (!found && krb5_kt_next_entry(context, keytab, &entry, &at) == 0) {
        char *name = NULL;
        bool same = krb5_unparse_name(context, entry.principal, &name) == 0 &&
                    slice_eq(slice_str(name), owner);
        found = same && key_is_served(k, context, keytab, &entry.key);
        krb5_free_unparsed_name(context, name);
        krb5_free_keytab_entry_contents(context, &entry);
    }
    krb5_kt_end_seq_get(context, keytab, &at);
    return found;
}

bool kerberos_key_served(const struct kerberos *k, struct slice owner)
{
    krb5_context context = NULL;
    krb5_keytab keytab = NULL;
    struct slice account = slice_head(owner, slice_find(owner, '@'));
    if (kerberos_class_served(k, owner)) return true;
    /* A computer's own account: every service of the computer has its key. */
    if (account.n && slice_find(account, '/') == account.n && account.p[account.n - 1] == '$') return true;
    if (krb5_init_context(&context)) return false;
    krb5_error_code code = k->keytab ? krb5_kt_resolve(context, k->keytab, &keytab)
                                     : krb5_kt_default(context, &keytab);
    bool found = code == 0 && shares_key(k, context, keytab, owner);
    if (keytab) krb5_kt_close(context, keytab);
    krb5_free_context(context);
    return found;
}
