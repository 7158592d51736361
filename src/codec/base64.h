/* codec/base64.h - base64 of RFC 4648 section 4, with padding. */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Characters that n bytes take (padding included); 0 for 0. Overflow: SIZE_MAX. */
size_t base64_encoded_size(size_t n);
bool base64_encode(struct buf *out, struct slice bytes);

enum base64_mode {
    BASE64_STRICT, /* alphabet, right padding, zero spare bits; nothing else */
    BASE64_XML,    /* as xs:base64Binary: white space anywhere is skipped */
};
/* Bytes in arena memory. CIMF_BAD_REQUEST with no bytes on anything else; CIMF_OUT_OF_MEMORY. Secrets:
 * not constant-time in the length, and by table in the content. */
cimf_status base64_decode(struct arena *a, struct slice text, enum base64_mode mode,
                          struct slice *out);

#endif
