/*
 * repo/image.h - structural check of an LMDB 0.9 file, before LMDB maps it.
 *
 * LMDB trusts its pages: a damaged offset makes it read or write outside of them. This walks both trees of
 * the newest state (records and free pages) once, in bounded memory (a bit a page) and without following
 * anything it has not checked: page numbers, flags, node offsets and sizes, key order, overflow runs, counts,
 * and that no page is used twice. It reads branch and leaf pages only, not large values.
 * What a page check cannot see, a changed byte inside a key or value, the record checksums do.
 */
#ifndef REPO_IMAGE_H
#define REPO_IMAGE_H

#include "base/status.h"

struct image_info {
    struct slice header;  /* value under the header key, borrowed from the image; p NULL if there is none */
    uint64_t pages;       /* in use, free ones not counted */
    uint64_t free_pages;
    uint64_t txnid;       /* of the newest state */
};

/* header_key: which record to look for. CORRUPT_STORE names the page; OUT_OF_MEMORY. */
cimf_status image_check(struct slice image, struct slice header_key, struct image_info *out,
                        struct error *e);

#endif
