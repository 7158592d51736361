/* wsman/read_priv.h - reading instances at a depth; between value_read.c and instance_read.c. */
#ifndef WSMAN_READ_PRIV_H
#define WSMAN_READ_PRIV_H

#include "wsman/codec.h"

cimf_status wsman_read_typed(struct wsman_codec *c, const struct xml_node *n, const struct cim_class *cls,
                             unsigned depth, struct cim_instance **out, struct error *e);
cimf_status wsman_read_guessed(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                               unsigned depth, struct cim_instance **out, struct error *e);
/* An embedded object: <Prop xsi:type="q:Class_Type">properties, <Prop><q:Class>properties, or properties
 * alone where class_name, the declared class, says what they are ("": not declared). */
cimf_status wsman_object_read(struct wsman_codec *c, const struct xml_node *n, struct slice class_name,
                              unsigned depth, union cim_data *out, struct error *e);

#endif
