#include "repo/image.h"

#include <stdlib.h>

/* Offsets and constants of LMDB 0.9, 64-bit, data format 1 (mdb.c: MDB_page, MDB_node, MDB_meta, MDB_db). */
enum {
    PAGE_HEAD = 16, PAGE_FLAGS = 10, PAGE_LOWER = 12, PAGE_UPPER = 14,
    NODE_HEAD = 8, NODE_BIGDATA = 1,
    META_VERSION = 1, META_FIXED_FLAGS = 0x08, META_NOSUBDIR = 0x4000,
    META_MAGIC_AT = 16, META_VERSION_AT = 20, META_DBS_AT = 40, META_LAST_PAGE_AT = 136, META_TXNID_AT = 144,
    META_END = 152, DB_SIZE = 48,
    P_BRANCH = 1, P_LEAF = 2, P_OVERFLOW = 4, P_META = 8,
    MAX_DEPTH = 30, MAX_KEY = 511, MIN_PAGE = 512, MAX_PAGE = 32768,
};
#define META_MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

struct tree { /* MDB_db */
    bool free_list;
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct meta {
    uint64_t last_page, txnid;
    struct tree free, main;
};

struct image {
    const unsigned char *base;
    uint64_t file_pages, last_page;
    size_t page_size;
    unsigned char *seen; /* bit per page of the file */
    struct tree found;   /* counts of the tree being walked */
    uint64_t free_pages, used_pages;
    struct slice header_key, header;
    struct error *e;
};

static uint16_t get16(const unsigned char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static uint32_t get32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static uint64_t get64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static cimf_status bad(struct image *m, uint64_t page, const char *what)
{
    return error_set(m->e, CIMF_CORRUPT_STORE, "repo", "page %llu is damaged: %s",
                     (unsigned long long)page, what);
}

static const unsigned char *page_at(const struct image *m, uint64_t page)
{
    return m->base + page * m->page_size;
}

/* Marks a page; false when it is outside of the file or was marked before. */
static bool claim(struct image *m, uint64_t page)
{
    if (page < 2 || page > m->last_page || page >= m->file_pages) return false;
    unsigned char bit = (unsigned char)(1u << page % 8);
    if (m->seen[page / 8] & bit) return false;
    m->seen[page / 8] |= bit;
    return true;
}

/* --- nodes ------------------------------------------------------------------------------------ */

struct node {
    const unsigned char *at;
    struct slice key;
    uint64_t child;  /* branch */
    uint16_t flags;  /* leaf */
    uint32_t size;   /* leaf: of the data */
    size_t total;    /* bytes in the page */
};

static bool node_read(const struct image *m, const unsigned char *page, unsigned i, bool leaf,
                      struct node *out)
{
    size_t offset = get16(page + PAGE_HEAD + 2 * i), upper = get16(page + PAGE_UPPER);
    if (offset & 1 || offset < upper || offset + NODE_HEAD > m->page_size) return false;
    const unsigned char *p = page + offset;
    uint32_t low = get16(p), high = get16(p + 2);
    *out = (struct node){ .at = p, .flags = get16(p + 4) };
    out->key = slice_of((const char *)p + NODE_HEAD, get16(p + 6));
    out->total = NODE_HEAD + out->key.n;
    if (leaf) {
        out->size = low | high << 16;
        out->total += out->flags & NODE_BIGDATA ? sizeof(uint64_t) : out->size;
    } else {
        out->child = low | (uint64_t)high << 16 | (uint64_t)out->flags << 32;
    }
    out->total += out->total & 1;
    return out->key.n <= MAX_KEY && out->total <= m->page_size - offset;
}

static int key_compare(bool numbers, struct slice a, struct slice b)
{
    if (numbers) {
        uint64_t x = get64((const unsigned char *)a.p), y = get64((const unsigned char *)b.p);
        return x < y ? -1 : x > y;
    }
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/* Value of a leaf node, in the page or in an overflow run that is claimed here. */
static cimf_status node_value(struct image *m, uint64_t page, const struct node *n, struct slice *out)
{
    const unsigned char *data = (const unsigned char *)n->key.p + n->key.n;
    *out = slice_of((const char *)data, n->size);
    if (!(n->flags & NODE_BIGDATA)) return CIMF_OK;
    uint64_t first = get64(data), needed = ((uint64_t)n->size + PAGE_HEAD - 1) / m->page_size + 1;
    if (!claim(m, first)) return bad(m, page, "a large value lies outside of the file or inside another");
    const unsigned char *p = page_at(m, first);
    uint64_t run = get32(p + PAGE_LOWER);
    if (get64(p) != first || get16(p + PAGE_FLAGS) != P_OVERFLOW) {
        return bad(m, first, "it is not the large value that a record points to");
    }
    if (run < needed) return bad(m, first, "the large value is longer than its pages");
    if (run > m->file_pages) return bad(m, first, "the large value goes past the end of the file");
    for (uint64_t i = 1; i < run; i++) {
        if (!claim(m, first + i)) return bad(m, first, "the large value goes past the end or into other pages");
    }
    m->found.overflows += run;
    *out = slice_of((const char *)p + PAGE_HEAD, n->size);
    return CIMF_OK;
}

/* A list of free pages: count, then numbers, greatest first. */
static cimf_status free_list(struct image *m, uint64_t page, struct slice value)
{
    const unsigned char *p = (const unsigned char *)value.p;
    uint64_t n = value.n >= 8 ? get64(p) : NO_PAGE, last = NO_PAGE;
    if (n > value.n / 8 - (value.n >= 8)) return bad(m, page, "a list of free pages is cut");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t free_page = get64(p + 8 * (i + 1));
        bool beyond = free_page >= m->file_pages && free_page <= m->last_page; /* never written */
        if (free_page >= last || (!beyond && !claim(m, free_page))) {
            return bad(m, page, "the list of free pages names a page that is in use, or twice");
        }
        last = free_page;
    }
    m->free_pages += n;
    return CIMF_OK;
}

static cimf_status leaf_entry(struct image *m, uint64_t page, const struct node *n)
{
    struct slice value;
    if (n->flags & ~NODE_BIGDATA) return bad(m, page, "a record has flags that this program does not write");
    cimf_status status = node_value(m, page, n, &value);
    m->found.entries++;
    if (status) return status;
    if (m->found.free_list) return free_list(m, page, value);
    if (slice_eq(n->key, m->header_key)) m->header = value;
    return CIMF_OK;
}

/* --- trees ------------------------------------------------------------------------------------ */

/* Header and slots of a branch or leaf page; *count of its nodes. */
static cimf_status page_head(struct image *m, uint64_t page, bool leaf, unsigned *count)
{
    if (!claim(m, page)) return bad(m, page, "the page is used twice or lies outside of the file");
    const unsigned char *p = page_at(m, page);
    unsigned lower = get16(p + PAGE_LOWER), upper = get16(p + PAGE_UPPER);
    if (get64(p) != page) return bad(m, page, "it carries another page's number");
    if (get16(p + PAGE_FLAGS) != (leaf ? P_LEAF : P_BRANCH)) return bad(m, page, "it has the wrong kind");
    if (lower < PAGE_HEAD || lower & 1 || lower > upper || upper > m->page_size) {
        return bad(m, page, "its bounds are not valid");
    }
    *count = (lower - PAGE_HEAD) / 2;
    if (*count < (leaf || m->found.free_list ? 1u : 2u)) return bad(m, page, "it is empty");
    return CIMF_OK;
}

/* Keys of the page lie in [low, high); p NULL is no bound. Depth is bounded, so is the recursion. */
static cimf_status walk(struct image *m, uint64_t page, unsigned depth, struct slice low, struct slice high)
{
    bool leaf = depth == 1, numbers = m->found.free_list;
    unsigned count = 0;
    cimf_status status = page_head(m, page, leaf, &count);
    if (status) return status;
    *(leaf ? &m->found.leaves : &m->found.branches) += 1;
    const unsigned char *p = page_at(m, page);
    struct node node, next;
    size_t total = 0;
    struct slice last = low;
    if (!node_read(m, p, 0, leaf, &next)) return bad(m, page, "an entry lies outside of it");
    for (unsigned i = 0; i < count && !status; i++) {
        node = next;
        bool more = i + 1 < count;
        if (more && !node_read(m, p, i + 1, leaf, &next)) return bad(m, page, "an entry lies outside of it");
        total += node.total;
        bool has_key = leaf || i > 0; /* the first key of a branch page means nothing */
        if (has_key && (numbers ? node.key.n != 8 : node.key.n == 0)) return bad(m, page, "a key has a wrong size");
        if (!leaf && more && (numbers ? next.key.n != 8 : next.key.n == 0)) {
            return bad(m, page, "a key has a wrong size");
        }
        if (has_key && last.p) {
            int order = key_compare(numbers, last, node.key);
            if (order > 0 || (order == 0 && (i > 0))) return bad(m, page, "its keys are out of order");
        }
        if (has_key && high.p && key_compare(numbers, node.key, high) >= 0) {
            return bad(m, page, "its keys do not fit the page above");
        }
        if (has_key) last = node.key;
        status = leaf ? leaf_entry(m, page, &node)
                      : walk(m, node.child, depth - 1, i ? node.key : low, more ? next.key : high);
    }
    if (!status && total != m->page_size - get16(p + PAGE_UPPER)) return bad(m, page, "its entries overlap");
    return status;
}

static cimf_status check_tree(struct image *m, const struct tree *t, uint64_t meta_page)
{
    m->found = (struct tree){ .free_list = t->free_list };
    if (t->root == NO_PAGE) {
        return t->depth || t->entries ? bad(m, meta_page, "a tree without root has entries") : CIMF_OK;
    }
    if (!t->depth || t->depth > MAX_DEPTH) return bad(m, meta_page, "the depth of a tree is not valid");
    cimf_status status = walk(m, t->root, t->depth, SLICE_NULL, SLICE_NULL);
    if (status) return status;
    const struct tree *f = &m->found;
    if (f->branches != t->branches || f->leaves != t->leaves || f->overflows != t->overflows ||
        f->entries != t->entries) {
        return bad(m, meta_page, "the counts of a tree do not match its pages");
    }
    m->used_pages += f->branches + f->leaves + f->overflows;
    return CIMF_OK;
}

/* --- the two meta pages ----------------------------------------------------------------------- */

static void tree_read(const unsigned char *p, bool free_tree, struct tree *out)
{
    *out = (struct tree){ free_tree, get32(p), get16(p + 4), get16(p + 6), get64(p + 8),
                          get64(p + 16), get64(p + 24), get64(p + 32), get64(p + 40) };
}

static cimf_status meta_read(struct image *m, uint64_t number, struct meta *out)
{
    const unsigned char *p = page_at(m, number);
    if (get64(p) != number || get16(p + PAGE_FLAGS) != P_META || get32(p + META_MAGIC_AT) != META_MAGIC) {
        return bad(m, number, "it is not the header page it should be");
    }
    if (get32(p + META_VERSION_AT) != META_VERSION) return bad(m, number, "the LMDB format is another version");
    tree_read(p + META_DBS_AT, true, &out->free);
    tree_read(p + META_DBS_AT + DB_SIZE, false, &out->main);
    out->last_page = get64(p + META_LAST_PAGE_AT);
    out->txnid = get64(p + META_TXNID_AT);
    if (out->free.pad != m->page_size || (out->free.flags & ~META_NOSUBDIR) != META_FIXED_FLAGS ||
        out->main.flags) {
        return bad(m, number, "the header page has flags that this program does not write");
    }
    if (out->txnid && out->txnid % 2 != number) return bad(m, number, "the header page has a wrong commit number");
    if (out->last_page < 1) return bad(m, number, "the header page has a wrong size");
    return CIMF_OK;
}

/* Size and magic say whether it is an LMDB file at all. */
static cimf_status page_size(struct image *m, size_t size)
{
    if (!size) return error_set(m->e, CIMF_CORRUPT_STORE, "repo", "the file is empty");
    if (size < META_END || get32(m->base + META_MAGIC_AT) != META_MAGIC) {
        return error_set(m->e, CIMF_CORRUPT_STORE, "repo", "the file was not written by this program");
    }
    m->page_size = get32(m->base + META_DBS_AT);
    if (m->page_size < MIN_PAGE || m->page_size > MAX_PAGE || (m->page_size & (m->page_size - 1))) {
        return bad(m, 0, "the page size is not valid");
    }
    m->file_pages = size / m->page_size;
    return m->file_pages < 2 ? bad(m, 0, "the file is cut") : CIMF_OK;
}

static cimf_status check_trees(struct image *m, const struct meta *meta, uint64_t meta_page)
{
    m->last_page = meta->last_page;
    cimf_status status = check_tree(m, &meta->main, meta_page);
    if (!status) status = check_tree(m, &meta->free, meta_page);
    /* Every page is in use or free; leave room for what LMDB may have lost, but not for a wrong number,
     * which would let it write far behind the end. */
    if (!status && meta->last_page > 2 * (m->used_pages + m->free_pages) + 1024) {
        status = bad(m, meta_page, "the number of pages is not valid");
    }
    return status;
}

cimf_status image_check(struct slice image, struct slice header_key, struct image_info *out,
                        struct error *e)
{
    struct image m = { .base = (const unsigned char *)image.p, .header_key = header_key, .e = e };
    struct meta meta[2];
    *out = (struct image_info){ .header = SLICE_NULL };
    cimf_status status = page_size(&m, image.n);
    if (!status) status = meta_read(&m, 0, &meta[0]);
    if (!status) status = meta_read(&m, 1, &meta[1]);
    if (status) return status;
    unsigned newest = meta[1].txnid > meta[0].txnid;
    if (meta[newest].txnid - meta[!newest].txnid > 1) {
        return bad(&m, newest, "the commit numbers of the header pages do not follow each other");
    }
    m.seen = calloc(m.file_pages / 8 + 1, 1);
    if (!m.seen) return error_set(e, CIMF_OUT_OF_MEMORY, "repo", "no memory to check the store");
    status = check_trees(&m, &meta[newest], newest);
    *out = (struct image_info){ m.header, m.used_pages, m.free_pages, meta[newest].txnid };
    free(m.seen);
    return status;
}
