/* The key of password-equivalent secrets, and the secrets under it: AES-256-GCM, a random nonce each. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/accounts_priv.h"
#include "base/guid.h"
#include "codec/base64.h"
#include "os/file.h"

enum { NONCE = 12, TAG = 16, ID_TEXT = 8, SEALED_MAX = NONCE + ACCOUNT_SECRET_MAX + TAG };

/* The id says nothing of use about the key: a short hash of 256 random bits. */
static void key_id(struct accounts_key *k)
{
    static const char label[] = "cimfony accounts key";
    uint8_t hash[SHA256_DIGEST_SIZE];
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, sizeof label, (const uint8_t *)label);
    sha256_update(&c, sizeof k->bytes, k->bytes);
    sha256_digest(&c, sizeof hash, hash);
    snprintf(k->id, sizeof k->id, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
    explicit_bzero(&c, sizeof c);
}

void accounts_key_wipe(struct accounts_key *k) { OPENSSL_cleanse(k, sizeof *k); }

static cimf_status key_path(const char *given, const char *accounts_path, char *out, size_t size,
                            struct error *e)
{
    int n = given && *given ? snprintf(out, size, "%s", given) : snprintf(out, size, "%s.key", accounts_path);
    return n < (int)size ? CIMF_OK
                         : error_set(e, CIMF_INVALID_PARAMETER, "auth", "the path of the accounts key is too long");
}

static cimf_status key_load(const struct accounts_place *place, struct accounts_key *out, struct error *e)
{
    char path[4096];
    struct buf text;
    struct stat st;
    *out = (struct accounts_key){ .id = "" };
    buf_init(&text, 65536);
    cimf_status s = CIMF_NOT_FOUND;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials && *credentials == '/' &&
        snprintf(path, sizeof path, "%s/cimfony-accounts-key", credentials) < (int)sizeof path)
        s = file_read_buf(&text, path, e); /* systemd's ACL shows as group bits: no look at the mode */
    if (s == CIMF_NOT_FOUND) {
        s = key_path(place->key_path, place->path, path, sizeof path, e);
        if (s == CIMF_OK) s = private_read(path, place->has_owner ? &place->owner : NULL, &text, &st, e);
    }
    if (s == CIMF_OK && text.n != sizeof out->bytes) {
        s = error_set(e, CIMF_INVALID_PARAMETER, "auth", "the accounts key is %zu bytes of random data, %s is not",
                      sizeof out->bytes, path);
    } else if (s == CIMF_OK) {
        memcpy(out->bytes, text.p, sizeof out->bytes);
        key_id(out);
    }
    buf_wipe(&text);
    if (s != CIMF_OK) accounts_key_wipe(out);
    return s;
}

cimf_status accounts_key_load_place(const struct accounts_place *place, struct accounts_key *out,
                                    struct error *e)
{
    return key_load(place, out, e);
}

cimf_status accounts_key_load(const char *path, const char *accounts_path, struct accounts_key *out,
                              struct error *e)
{
    struct accounts_place place = { .path = accounts_path, .key_path = path };
    return key_load(&place, out, e);
}

/* Under the lock of the accounts file, which keeps two writers from making two keys. Never over another. */
cimf_status accounts_key_make(const struct accounts_place *place, struct accounts_key *out, struct error *e)
{
    char path[4096];
    *out = (struct accounts_key){ .id = "" };
    cimf_status s = key_path(place->key_path, place->path, path, sizeof path, e);
    if (s != CIMF_OK) return s;
    random_bytes(out->bytes, sizeof out->bytes);
    key_id(out);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot make the accounts key %s", path);
    if (write(fd, out->bytes, sizeof out->bytes) != (ssize_t)sizeof out->bytes || fchmod(fd, 0600) != 0 ||
        (place->has_owner && fchown(fd, place->owner, place->group) != 0) || fsync(fd) != 0)
        s = error_errno(e, CIMF_IO_ERROR, "auth", errno, "cannot write the accounts key %s", path);
    close(fd);
    if (s == CIMF_OK) {
        char *slash = strrchr(path, '/');
        if (slash) slash[slash == path ? 1 : 0] = 0;
        s = file_sync_folder(slash ? path : ".", e);
    } else {
        unlink(path);
    }
    if (s != CIMF_OK) accounts_key_wipe(out);
    return s;
}

/* Additional data: fields that can't run into each other, as none may hold a NUL but the realm, the last. */
static bool aad(EVP_CIPHER_CTX *c, const struct secret_owner *o, bool seal)
{
    char rid[16];
    bool digest = o->which == ACCOUNT_DIGEST_MD5 || o->which == ACCOUNT_DIGEST_SHA256;
    snprintf(rid, sizeof rid, "%u", o->rid);
    const struct slice parts[] = { SLICE("cimfony-secret-1"), o->domain, slice_str(rid), o->name,
                                   slice_str(account_secret_names[o->which]), digest ? o->realm : SLICE("") };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int n;
        const unsigned char zero = 0, *p = (const unsigned char *)parts[i].p;
        if (parts[i].n > 4096) return false;
        if (parts[i].n && !(seal ? EVP_EncryptUpdate(c, NULL, &n, p, (int)parts[i].n)
                                 : EVP_DecryptUpdate(c, NULL, &n, p, (int)parts[i].n)))
            return false;
        if (!(seal ? EVP_EncryptUpdate(c, NULL, &n, &zero, 1) : EVP_DecryptUpdate(c, NULL, &n, &zero, 1)))
            return false;
    }
    return true;
}

bool secret_seal(struct buf *out, const struct secret_owner *o, const struct accounts_key *key,
                 const unsigned char *bytes)
{
    unsigned char sealed[SEALED_MAX];
    int size = (int)account_secret_size(o->which), n;
    random_bytes(sealed, NONCE);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && size && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, sealed) && aad(c, o, true) &&
              EVP_EncryptUpdate(c, sealed + NONCE, &n, bytes, size) && n == size &&
              EVP_EncryptFinal_ex(c, sealed + NONCE + size, &n) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, sealed + NONCE + size);
    EVP_CIPHER_CTX_free(c);
    return ok && buf_printf(out, "%s=%s.", account_secret_names[o->which], key->id) &&
           base64_encode(out, slice_of((const char *)sealed, (size_t)(NONCE + size + TAG)));
}

/* "id.base64" to bytes of exactly the right size. */
static bool value_read(struct arena *a, struct slice value, const struct accounts_key *key, size_t size,
                       unsigned char out[SEALED_MAX])
{
    struct slice bytes;
    if (value.n < ID_TEXT + 1 || value.p[ID_TEXT] != '.' || memcmp(value.p, key->id, ID_TEXT) != 0) return false;
    if (value.n > 128) return false;
    if (base64_decode(a, slice_sub(value, ID_TEXT + 1), BASE64_STRICT, &bytes) != CIMF_OK) return false;
    if (bytes.n != NONCE + size + TAG) return false;
    memcpy(out, bytes.p, bytes.n);
    return true;
}

/* value "": something is decrypted all the same. */
static bool open_secret(struct slice value, const struct secret_owner *o, const struct accounts_key *key,
                        unsigned char out[ACCOUNT_SECRET_MAX])
{
    unsigned char sealed[SEALED_MAX] = { 0 };
    size_t size = account_secret_size(o->which);
    struct arena a;
    arena_init(&a, 65536);
    bool there = size && value_read(&a, value, key, size, sealed);
    arena_free(&a);
    int n;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, sealed) && aad(c, o, false) &&
              EVP_DecryptUpdate(c, out, &n, sealed + NONCE, (int)size) && n == (int)size &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, sealed + NONCE + size);
    ok = ok && EVP_DecryptFinal_ex(c, out + size, &n) > 0 && there;
    EVP_CIPHER_CTX_free(c);
    if (!ok) random_bytes(out, ACCOUNT_SECRET_MAX);
    return ok;
}

bool accounts_secret(const struct accounts *a, const struct account *account, enum account_secret which,
                     struct slice realm, const struct accounts_key *key, unsigned char out[ACCOUNT_SECRET_MAX])
{
    static const struct accounts_key none = { .id = "--------" };
    if ((unsigned)which >= ACCOUNT_SECRETS || account_secret_size(which) == 0) {
        random_bytes(out, ACCOUNT_SECRET_MAX);
        return false;
    }
    bool real = a && account && key;
    struct secret_owner o = { .domain = a ? a->domain : SLICE(""), .realm = realm, .which = which,
                              .name = account ? account->name : SLICE(""), .rid = account ? account->rid : 0 };
    struct slice value = account ? secret_find(account->secrets, account_secret_names[which]) : SLICE("");
    bool open = open_secret(value, &o, key ? key : &none, out);
    if (open && !real) random_bytes(out, ACCOUNT_SECRET_MAX);
    return open && real;
}
