/* Any bytes as an instance, with and without a class, and as a class: what was read is written and read
 * back as the same. */
#include "wsman/server_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_manager m;

static void instance(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls)
{
    struct cim_instance *in = NULL, *back = NULL;
    struct error e = ERROR_INIT;
    cimf_status status = cls ? wsman_instance_read(c, n, cls, &in, &e)
                             : wsman_instance_guess(c, n, SLICE("Guess"), &in, &e);
    if (status != CIMF_OK || !in) return;
    struct buf b, doc;
    buf_init(&b, 1 << 20);
    buf_init(&doc, 1 << 21);
    c->precise = true;
    if (wsman_instance_write(&b, c, in) && cls) {
        struct xml_node *root;
        buf_lit(&doc, "<x xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" "
                      "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\">");
        buf_slice_add(&doc, buf_slice(&b));
        buf_lit(&doc, "</x>");
        if (xml_read(c->arena, buf_slice(&doc), &soap_vocabulary, &root, &e) != CIMF_OK) abort();
        status = wsman_instance_read(c, xml_first(root), cls, &back, &e);
        bool may = status == CIMF_OUT_OF_MEMORY || status == CIMF_TYPE_MISMATCH; /* values with '?' for controls */
        if (status != CIMF_OK && !may) abort();
    }
    buf_free(&b);
    buf_free(&doc);
}

static void class(struct arena *a, const struct xml_node *n)
{
    struct cim_class_decl decl, back;
    struct error e = ERROR_INIT;
    const struct cim_class *cls;
    if (wsman_class_read(a, n, &decl, &e) != CIMF_OK) return;
    if (cim_class_resolve(&decl, NULL, SLICE("root/test"), 0, &cls, &e) != CIMF_OK) return;
    struct buf b;
    buf_init(&b, 1 << 20);
    if (wsman_class_write(&b, cls, WSMAN_CLASS_QUALIFIERS | WSMAN_CLASS_INHERITED)) {
        struct xml_node *root;
        if (xml_read(a, buf_slice(&b), NULL, &root, &e) != CIMF_OK) abort();
        if (wsman_class_read(a, root, &back, &e) != CIMF_OK) abort();
    }
    buf_free(&b);
    cim_class_unref(cls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct xml_node *root;
    struct error e = ERROR_INIT;
    if (!m.schema) fake_init(&m);
    arena_init(&a, 16 << 20);
    if (xml_read(&a, slice_of((const char *)data, size), &soap_vocabulary, &root, &e) == CIMF_OK) {
        struct wsman_codec c = { .arena = &a, .schema = m.schema, .ns = SLICE("root/test"), .form = { .kind = WSMAN_URI_WMI } };
        instance(&c, root, cim_schema_class(m.schema, SLICE("MyClass")));
        c = (struct wsman_codec){ .arena = &a, .ns = SLICE("root/test"), .form = { .kind = WSMAN_URI_WMI } };
        instance(&c, root, NULL);
        class(&a, root);
    }
    arena_free(&a);
    return 0;
}
