/*
 * __QualifierDeclaration: the qualifier declarations of a namespace as instances. DSP0200 has an operation for them;
 * WMI and WS-Management have none, and without them a dump of a DMTF schema would not compile back. As instances they are
 * readable over every protocol.
 */
#include "cimom/cimom_priv.h"

static cimf_status qualifiers_open(struct provider_call *c, void **state, size_t *rows)
{
    struct cim_schema *schema = c->manager->schema(c->manager, c->ns, c->principal);
    if (!schema) return CIMF_NOT_FOUND;
    *state = schema;
    for (*rows = 0; cim_schema_qualifier_at(schema, *rows);) ++*rows;
    return CIMF_OK;
}

static cimf_status qualifiers_fill(struct provider_call *c, void *state, size_t row, struct cim_instance *out)
{
    const struct cim_qualifier_decl *d = cim_schema_qualifier_at(state, row);
    if (!d) return CIMF_NOT_FOUND;
    cim_put_str(out, "Name", d->name);
    cim_put_strz(out, "Type", cim_type_name(d->value.type));
    cim_put_bool(out, "IsArray", CIM_IS_ARRAY(d->value.type));
    if (!provider_wants(c, "Declaration")) return CIMF_OK;
    struct buf text;
    buf_init(&text, 0);
    cimf_status status = mof_write_qualifier_decl(&text, d);
    if (status == CIMF_OK) cim_put_str(out, "Declaration", slice_trim(buf_slice(&text)));
    buf_free(&text);
    return status;
}

static void qualifiers_close(struct provider_call *c, void *state) { cim_schema_unref(state); }

const struct provider_class qualifier_provider = {
    .ns = PROVIDER_ANY_NAMESPACE,
    .class_name = "__QualifierDeclaration",
    .open = qualifiers_open,
    .fill = qualifiers_fill,
    .close = qualifiers_close,
};
