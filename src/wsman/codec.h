/*
 * wsman/codec.h - CIM values and instances as WS-CIM XML, both directions (DSP0230, wsman.md 2.8).
 *
 * Writing is strict: what Windows writes, properties in alphabetical order. Reading is tolerant: what
 * Windows, OMI, Openwsman and people write. Reading goes by the class when there is one; without (a client
 * that has not fetched it) the types come from xsi:type and from the shape of the values.
 */
#ifndef WSMAN_CODEC_H
#define WSMAN_CODEC_H

#include "cim/op.h"
#include "cim/path.h"
#include "cim/schema.h"
#include "wsman/header.h"
#include "wsman/uri.h"

/* What an encoding or decoding needs to know besides the object. */
struct wsman_codec {
    struct arena *arena;         /* for results of reading and scratch of writing */
    const struct cim_schema *schema; /* for embedded objects and typed keys; may be NULL */
    struct slice ns;             /* namespace of the request: what references are relative to */
    struct wsman_form form;      /* of URIs that are written */
    bool extensions;             /* ShowExtensions: xsi:type on every property */
    bool precise;                /* UsePreciseArrays: empty and NULL arrays are told apart */
    /* Last class written that cannot carry its own cache. */
    const struct cim_class *layout_class;
    const struct wsman_layout *layout;
};

/* --- instances -------------------------------------------------------------------------------- */

/* <p:Class xsi:type="p:Class_Type" xmlns:p=...>properties</p:Class>; properties that are UNSENT are left
 * out. A query result of selected properties (CIM_CLASS_PROJECTED) becomes <w:XmlFragment>. */
bool wsman_instance_write(struct buf *out, struct wsman_codec *c, const struct cim_instance *in);
/* Same content under another element: method results. open is "Method_OUTPUT"; uri the resource URI. */
bool wsman_output_write(struct buf *out, struct wsman_codec *c, struct slice uri, struct slice element,
                        const struct cim_instance *in);

/* An instance of cls from the element that holds its properties. What the element does not mention is
 * UNSENT. INVALID_PROPERTY, TYPE_MISMATCH, INVALID_CLASS with the property as subject. */
cimf_status wsman_instance_read(struct wsman_codec *c, const struct xml_node *n,
                                const struct cim_class *cls, struct cim_instance **out, struct error *e);
/* Without a class: one is made up from the element (its local name, or class_name when that is given). */
cimf_status wsman_instance_guess(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                                 struct cim_instance **out, struct error *e);

/* Values by name from an element's children, typed by cls (parameters of a method) or guessed. */
cimf_status wsman_values_read(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls,
                              struct cim_context_value **values, uint32_t *count, struct error *e);

/* --- single values ---------------------------------------------------------------------------- */

/* The content of one element as a value of a base type (no array). xsi:nil is the caller's business. */
cimf_status wsman_value_read(struct wsman_codec *c, const struct xml_node *n, unsigned base, unsigned depth,
                             union cim_data *out, struct error *e);
/* The content of one element, without the element's tags; for objects that is the properties. */
bool wsman_scalar_write(struct buf *out, struct wsman_codec *c, unsigned base, const union cim_data *v);
/* The xsi:type of a CIM type, "cimUnsignedInt". */
const char *wsman_type_name(unsigned base);
/* CIM type of such a name or of an XML schema type name ("boolean", "unsignedInt"); CIM_NONE if unknown. */
enum cim_type wsman_type_parse(struct slice local);

/* --- endpoint references ---------------------------------------------------------------------- */

/* Selectors to a bound path of cls (whose keys give names and types). cls NULL: string keys by name.
 * Skips __cimnamespace. WSMAN_SELECTORS_UNEXPECTED, _MISSING, WSMAN_SELECTOR_TYPE, _DEPTH. */
cimf_status wsman_selectors_path(struct wsman_codec *c, const struct wsman_selectors *set, struct slice class_name,
                                 const struct cim_class *cls, unsigned depth, struct cim_path *out,
                                 struct error *e);
/* The content of an EPR (a:EndpointReference or an element that holds a:ReferenceParameters) as a path. */
cimf_status wsman_epr_read(struct wsman_codec *c, const struct xml_node *n, unsigned depth,
                           struct cim_path *out, struct error *e);
/* a:Address (anonymous) and a:ReferenceParameters of a path, without an outer element. */
bool wsman_epr_write(struct buf *out, struct wsman_codec *c, const struct cim_path *path, unsigned depth);
/* w:SelectorSet alone. */
bool wsman_selectors_write(struct buf *out, struct wsman_codec *c, const struct cim_path *path, unsigned depth);

#endif
