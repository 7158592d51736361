/* WQL text to struct wql_query: recursive descent with a depth limit, predicates in postfix order. */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf.h"
#include "wql/lex.h"
#include "wql/wql.h"

struct parser {
    struct wql_lexer lex;
    struct wql_token now;
    struct arena *arena;
    struct wql_query *query;
    struct wql_node *nodes; /* of the expression being read */
    uint32_t node_count, node_room;
    unsigned depth;
};

static bool advance(struct parser *p) { return wql_lex_next(&p->lex, &p->now); }
static bool failed(const struct parser *p) { return p->lex.status != CIMF_OK; }

static bool fail_here(struct parser *p, const char *expected)
{
    const struct wql_token *t = &p->now;
    if (t->kind == WQL_T_END) {
        wql_fail(&p->lex, t->line, t->column, "%s is expected, but the query ends", expected);
    } else {
        wql_fail(&p->lex, t->line, t->column, "%s is expected instead of '" SLICE_FMT "'", expected,
                 SLICE_ARG(slice_head(t->text, 60)));
    }
    return false;
}

static bool out_of_room(struct parser *p)
{
    if (!failed(p))
        p->lex.status = error_set(p->lex.error, CIMF_OUT_OF_MEMORY, "wql", "the query is too large");
    return false;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->now.kind == WQL_T_NAME && slice_ieq(p->now.text, slice_str(word));
}
static bool is_sign(const struct parser *p, const char *sign)
{
    return p->now.kind == WQL_T_SIGN && slice_is(p->now.text, sign);
}
static bool take_word(struct parser *p, const char *word)
{
    return is_word(p, word) ? advance(p) : fail_here(p, word);
}
static bool take_sign(struct parser *p, const char *sign)
{
    return is_sign(p, sign) ? advance(p) : fail_here(p, sign);
}

static bool take_name(struct parser *p, const char *what, struct slice *out)
{
    if (p->now.kind != WQL_T_NAME) return fail_here(p, what);
    *out = arena_dup(p->arena, p->now.text);
    return out->p ? advance(p) : out_of_room(p);
}

/* A.B.C, optionally ending in .* */
static bool take_path(struct parser *p, bool star_allowed, struct wql_name *out)
{
    struct slice parts[LIMIT_EMBEDDED_DEPTH];
    *out = (struct wql_name){ 0 };
    for (;;) {
        if (out->count == LIMIT_EMBEDDED_DEPTH) return fail_here(p, "a shorter property path");
        if (!take_name(p, "a property name", &parts[out->count])) return false;
        out->count++;
        if (!is_sign(p, ".")) break;
        if (!advance(p)) return false;
        if (star_allowed && is_sign(p, "*")) {
            out->star = true;
            if (!advance(p)) return false;
            break;
        }
    }
    struct slice *copy = ARENA_ARRAY(p->arena, out->count, struct slice);
    if (!copy) return out_of_room(p);
    memcpy(copy, parts, out->count * sizeof *copy);
    out->parts = copy;
    return true;
}

static bool take_list(struct parser *p, const struct wql_name **out, uint32_t *count)
{
    struct wql_name *list = NULL;
    uint32_t n = 0, room = 0;
    for (;;) {
        if (n == room) {
            uint32_t more = room ? room * 2 : 8;
            struct wql_name *grown = ARENA_ARRAY(p->arena, more, struct wql_name);
            if (!grown) return out_of_room(p);
            if (n) memcpy(grown, list, n * sizeof *list);
            list = grown;
            room = more;
        }
        if (!take_path(p, true, &list[n])) return false;
        n++;
        if (!is_sign(p, ",")) break;
        if (!advance(p)) return false;
    }
    *out = list;
    *count = n;
    return true;
}

static bool take_seconds(struct parser *p, double *out)
{
    if (p->now.kind != WQL_T_INTEGER && p->now.kind != WQL_T_REAL)
        return fail_here(p, "a number of seconds");
    char text[64];
    size_t n = p->now.text.n < sizeof text - 1 ? p->now.text.n : sizeof text - 1;
    memcpy(text, p->now.text.p, n);
    text[n] = 0;
    *out = strtod(text, NULL);
    if (!(*out >= 0)) return fail_here(p, "a number of seconds that is not negative");
    return advance(p);
}

/* --- predicates --------------------------------------------------------------------------------- */

static bool push(struct parser *p, const struct wql_node *node)
{
    if (p->node_count == p->node_room) {
        uint32_t more = p->node_room ? p->node_room * 2 : 16;
        struct wql_node *grown = ARENA_ARRAY(p->arena, more, struct wql_node);
        if (!grown) return out_of_room(p);
        if (p->node_count) memcpy(grown, p->nodes, p->node_count * sizeof *grown);
        p->nodes = grown;
        p->node_room = more;
    }
    p->nodes[p->node_count++] = *node;
    return true;
}

/* Undoes the escapes. In a LIKE pattern only the backslash and the quotes are escapable, because
 * clients double backslashes there although the grammar does not (cim-core.md 2.8). */
static struct slice unescape(struct arena *a, struct slice raw, bool like)
{
    char *out = arena_alloc(a, raw.n + 1);
    if (!out) return SLICE_NULL;
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '\\' && i + 1 < raw.n) {
            char next = raw.p[i + 1];
            if (!like || next == '\\' || next == '\'' || next == '"') i++;
        }
        out[n++] = raw.p[i];
    }
    out[n] = 0;
    return slice_of(out, n);
}

static bool number_value(struct parser *p, struct wql_token t, struct cim_value *v)
{
    char text[128];
    if (t.text.n >= sizeof text) {
        wql_fail(&p->lex, t.line, t.column, "the number is too long");
        return false;
    }
    memcpy(text, t.text.p, t.text.n);
    text[t.text.n] = 0;
    errno = 0;
    if (t.kind == WQL_T_INTEGER) {
        bool negative = text[0] == '-';
        const char *digits = text + (negative || text[0] == '+');
        int base = digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10;
        unsigned long long u = strtoull(digits, NULL, base);
        if (errno == 0 && (!negative || u <= (unsigned long long)INT64_MAX + 1)) {
            *v = (struct cim_value){ .type = negative ? CIM_SINT64 : CIM_UINT64 };
            v->v.u = negative ? (uint64_t)0 - u : u;
            return true;
        }
        errno = 0; /* beyond 64 bits: keep the magnitude for comparisons */
    }
    *v = (struct cim_value){ .type = CIM_REAL64 };
    v->v.r = strtod(text, NULL);
    return true;
}

struct operand {
    bool property;
    struct wql_name name;
    struct wql_token literal; /* token of a constant */
    unsigned line, column;
};

static bool is_constant_word(const struct parser *p)
{
    return is_word(p, "TRUE") || is_word(p, "FALSE") || is_word(p, "NULL");
}

static bool take_operand(struct parser *p, struct operand *o)
{
    *o = (struct operand){ .line = p->now.line, .column = p->now.column };
    if (p->now.kind == WQL_T_NAME && !is_constant_word(p)) {
        o->property = true;
        return take_path(p, false, &o->name);
    }
    if (p->now.kind == WQL_T_END || p->now.kind == WQL_T_SIGN)
        return fail_here(p, "a property or a constant");
    o->literal = p->now;
    return advance(p);
}

static bool literal_value(struct parser *p, const struct operand *o, bool like, struct cim_value *v)
{
    struct slice t = o->literal.text;
    switch (o->literal.kind) {
    case WQL_T_STRING:
        *v = (struct cim_value){ .type = CIM_STRING };
        v->v.s = unescape(p->arena, t, like);
        return v->v.s.p ? true : out_of_room(p);
    case WQL_T_NAME:
        if (slice_ieq(t, SLICE("NULL"))) {
            *v = (struct cim_value){ .type = CIM_STRING, .null = true };
        } else {
            *v = (struct cim_value){ .type = CIM_BOOLEAN };
            v->v.u = slice_ieq(t, SLICE("TRUE"));
        }
        return true;
    default:
        return number_value(p, o->literal, v);
    }
}

static bool take_operator(struct parser *p, enum wql_op *op)
{
    static const struct { const char *sign; enum wql_op op; } signs[] = {
        { "=", WQL_EQ }, { "!=", WQL_NE }, { "<>", WQL_NE }, { "<=", WQL_LE },
        { ">=", WQL_GE }, { "<", WQL_LT }, { ">", WQL_GT },
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (!is_sign(p, signs[i].sign)) continue;
        *op = signs[i].op;
        return advance(p);
    }
    if (is_word(p, "LIKE")) {
        *op = WQL_LIKE;
        return advance(p);
    }
    if (is_word(p, "ISA")) {
        *op = WQL_ISA;
        return advance(p);
    }
    return fail_here(p, "a comparison operator");
}

static enum wql_op mirrored(enum wql_op op)
{
    switch (op) {
    case WQL_LT: return WQL_GT;
    case WQL_LE: return WQL_GE;
    case WQL_GT: return WQL_LT;
    case WQL_GE: return WQL_LE;
    default: return op;
    }
}

static bool null_leaf(struct parser *p, struct wql_node *leaf)
{
    if (leaf->op == WQL_EQ) leaf->op = WQL_IS_NULL;
    else if (leaf->op == WQL_NE) leaf->op = WQL_IS_NOT_NULL;
    else {
        wql_fail(&p->lex, p->now.line, leaf->column, "NULL can only be compared with = and <>");
        return false;
    }
    return true;
}

static bool take_isa(struct parser *p, struct wql_node *leaf)
{
    if (p->now.kind != WQL_T_NAME && p->now.kind != WQL_T_STRING) return fail_here(p, "a class name");
    leaf->literal = (struct cim_value){ .type = CIM_STRING };
    leaf->literal.v.s = unescape(p->arena, p->now.text, false);
    if (!leaf->literal.v.s.p) return out_of_room(p);
    return advance(p) && push(p, leaf);
}

static bool take_is_null(struct parser *p, struct wql_node *leaf)
{
    if (!advance(p)) return false;
    leaf->op = WQL_IS_NULL;
    if (is_word(p, "NOT")) {
        leaf->op = WQL_IS_NOT_NULL;
        if (!advance(p)) return false;
    }
    return take_word(p, "NULL") && push(p, leaf);
}

static void leaf_name(struct wql_node *leaf, const struct operand *o)
{
    leaf->name = o->name.parts;
    leaf->name_parts = o->name.count;
}

static bool take_predicate(struct parser *p)
{
    struct operand left, right;
    struct wql_node leaf = { .kind = WQL_LEAF, .column = p->now.column };
    if (!take_operand(p, &left)) return false;
    if (left.property && is_word(p, "IS")) {
        leaf_name(&leaf, &left);
        return take_is_null(p, &leaf);
    }
    if (!take_operator(p, &leaf.op)) return false;
    if (leaf.op == WQL_ISA) {
        if (!left.property) return fail_here(p, "a property before ISA");
        leaf_name(&leaf, &left);
        return take_isa(p, &leaf);
    }
    if (!take_operand(p, &right)) return false;
    if (left.property == right.property) {
        wql_fail(&p->lex, left.line, left.column,
                 "one side must be a property and the other a constant");
        return false;
    }
    if (!left.property) {
        if (leaf.op == WQL_LIKE) {
            wql_fail(&p->lex, left.line, left.column, "the pattern of LIKE stands on its right side");
            return false;
        }
        leaf.op = mirrored(leaf.op);
    }
    leaf_name(&leaf, left.property ? &left : &right);
    if (!literal_value(p, left.property ? &right : &left, leaf.op == WQL_LIKE, &leaf.literal)) return false;
    if (leaf.literal.null && !null_leaf(p, &leaf)) return false;
    return push(p, &leaf);
}

static bool take_or(struct parser *p);

/* [NOT] ( '(' expr ')' | pred ) */
static bool take_fact(struct parser *p)
{
    unsigned nots = 0;
    while (is_word(p, "NOT")) {
        nots++;
        if (!advance(p)) return false;
    }
    if (is_sign(p, "(")) {
        if (++p->depth > LIMIT_WQL_DEPTH) {
            p->lex.status = error_set(p->lex.error, CIMF_QUOTA_VIOLATION, "wql",
                                      "line %u, column %u: parentheses are nested deeper than %d",
                                      p->now.line, p->now.column, LIMIT_WQL_DEPTH);
            return false;
        }
        if (!advance(p) || !take_or(p) || !take_sign(p, ")")) return false;
        p->depth--;
    } else if (!take_predicate(p)) {
        return false;
    }
    return nots % 2 == 0 || push(p, &(struct wql_node){ .kind = WQL_NOT });
}

static bool take_and(struct parser *p)
{
    if (!take_fact(p)) return false;
    while (is_word(p, "AND")) {
        if (!advance(p) || !take_fact(p) || !push(p, &(struct wql_node){ .kind = WQL_AND })) return false;
    }
    return true;
}

static bool take_or(struct parser *p)
{
    if (!take_and(p)) return false;
    while (is_word(p, "OR")) {
        if (!advance(p) || !take_and(p) || !push(p, &(struct wql_node){ .kind = WQL_OR })) return false;
    }
    return true;
}

static bool take_expression(struct parser *p, const struct wql_node **out, uint32_t *count)
{
    p->nodes = NULL;
    p->node_count = p->node_room = 0;
    if (!take_or(p)) return false;
    *out = p->nodes;
    *count = p->node_count;
    return true;
}

/* --- query forms -------------------------------------------------------------------------------- */

static bool take_group(struct parser *p)
{
    struct wql_query *q = p->query;
    q->group = true;
    if (!advance(p)) return false;
    if (is_word(p, "WITHIN") && !(advance(p) && take_seconds(p, &q->group_within))) return false;
    if (is_word(p, "BY") && !(advance(p) && take_list(p, &q->group_by, &q->group_by_count))) return false;
    if (is_word(p, "HAVING") && !(advance(p) && take_expression(p, &q->having, &q->having_count)))
        return false;
    return true;
}

static bool take_select(struct parser *p)
{
    struct wql_query *q = p->query;
    q->kind = WQL_SELECT;
    if (!advance(p)) return false;
    if (is_sign(p, "*")) {
        q->all = true;
        if (!advance(p)) return false;
    } else if (!take_list(p, &q->list, &q->list_count)) {
        return false;
    }
    if (!take_word(p, "FROM") || !take_name(p, "a class name", &q->from)) return false;
    if (slice_ieq(q->from, SLICE("meta_class"))) q->kind = WQL_SCHEMA;
    if (is_word(p, "WITHIN") && !(advance(p) && take_seconds(p, &q->within))) return false;
    if (is_word(p, "WHERE") && !(advance(p) && take_expression(p, &q->where, &q->where_count))) return false;
    if (is_word(p, "GROUP") && !take_group(p)) return false;
    return p->now.kind == WQL_T_END || fail_here(p, "the end of the query");
}

struct keyword {
    const char *word;
    struct slice *text; /* receives the value, or */
    bool *flag;         /* is set */
    bool references;    /* also for REFERENCES OF */
    bool seen;
};

static bool take_keyword(struct parser *p, struct keyword *k)
{
    if (k->seen) return fail_here(p, "each keyword only once; another one");
    k->seen = true;
    if (!advance(p)) return false;
    if (k->flag) return *k->flag = true;
    if (!take_sign(p, "=")) return false;
    if (p->now.kind == WQL_T_STRING) {
        *k->text = unescape(p->arena, p->now.text, false);
        return k->text->p ? advance(p) : out_of_room(p);
    }
    return take_name(p, "a name", k->text);
}

static bool take_keywords(struct parser *p, bool references)
{
    struct wql_query *q = p->query;
    struct keyword keywords[] = {
        { "AssocClass", &q->assoc_class, NULL, false, false },
        { "RequiredAssocQualifier", &q->required_assoc_qualifier, NULL, false, false },
        { "ResultRole", &q->result_role, NULL, false, false },
        { "RequiredQualifier", &q->required_qualifier, NULL, true, false },
        { "ResultClass", &q->result_class, NULL, true, false },
        { "Role", &q->role, NULL, true, false },
        { "KeysOnly", NULL, &q->keys_only, true, false },
        { "ClassDefsOnly", NULL, &q->class_defs_only, true, false },
        { "SchemaOnly", NULL, &q->schema_only, true, false },
    };
    do {
        struct keyword *found = NULL;
        for (size_t i = 0; i < sizeof keywords / sizeof *keywords && !found; i++)
            if ((keywords[i].references || !references) && is_word(p, keywords[i].word))
                found = &keywords[i];
        if (!found)
            return fail_here(p, references ? "ResultClass, Role, RequiredQualifier, KeysOnly, ClassDefsOnly "
                                             "or SchemaOnly"
                                           : "AssocClass, ResultClass, Role, ResultRole, RequiredQualifier, "
                                             "RequiredAssocQualifier, KeysOnly, ClassDefsOnly or SchemaOnly");
        if (!take_keyword(p, found)) return false;
    } while (p->now.kind != WQL_T_END);
    return true;
}

static bool take_traversal(struct parser *p, bool references)
{
    struct wql_query *q = p->query;
    q->kind = references ? WQL_REFERENCES : WQL_ASSOCIATORS;
    struct wql_token path;
    if (!advance(p)) return false;
    if (!is_word(p, "OF")) return fail_here(p, "OF");
    if (!wql_lex_braces(&p->lex, &path)) return false;
    struct slice text = arena_dup(p->arena, path.text);
    if (!text.p) return out_of_room(p);
    struct error inner = ERROR_INIT;
    if (cim_path_parse(p->arena, text, &q->path, &inner) != CIMF_OK) {
        wql_fail(&p->lex, path.line, path.column, "the object path is not valid: %s", error_text(&inner));
        return false;
    }
    if (!advance(p)) return false;
    if (is_word(p, "WHERE")) {
        if (!advance(p) || !take_keywords(p, references)) return false;
    } else if (p->now.kind != WQL_T_END) {
        return fail_here(p, "WHERE");
    }
    if (q->path.kind == CIM_PATH_NAMESPACE || (q->path.kind == CIM_PATH_CLASS && !q->schema_only)) {
        wql_fail(&p->lex, path.line, path.column, "a class path needs SchemaOnly; name an instance, or add it");
        return false;
    }
    if (q->class_defs_only && !references && q->result_class.n) {
        wql_fail(&p->lex, path.line, path.column, "ClassDefsOnly and ResultClass exclude each other");
        return false;
    }
    return true;
}

cimf_status wql_parse(struct arena *a, struct slice text, struct wql_query *out, struct error *e)
{
    *out = (struct wql_query){ .within = -1, .group_within = -1 };
    if (slice_trim(text).n == 0) return error_set(e, CIMF_INVALID_PARAMETER, "wql", "the query is empty");
    if (text.n > LIMIT_QUERY && (text.n > (size_t)LIMIT_QUERY * 3 || utf16_units(text) > LIMIT_QUERY))
        return error_set(e, CIMF_QUOTA_VIOLATION, "wql", "the query is longer than %d characters", LIMIT_QUERY);
    struct parser p = { .arena = a, .query = out };
    wql_lex_init(&p.lex, text, e);
    bool ok = advance(&p);
    if (ok) {
        if (is_word(&p, "SELECT")) ok = take_select(&p);
        else if (is_word(&p, "ASSOCIATORS")) ok = take_traversal(&p, false);
        else if (is_word(&p, "REFERENCES")) ok = take_traversal(&p, true);
        else ok = fail_here(&p, "SELECT, ASSOCIATORS or REFERENCES");
    }
    return ok ? CIMF_OK : p.lex.status;
}
