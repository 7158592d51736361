/* wsman/layout.h - how instances of a class are written: sorted properties and ready-made tags. Private
 * to room wsman. */
#ifndef WSMAN_LAYOUT_H
#define WSMAN_LAYOUT_H

#include "wsman/codec.h"

struct wsman_column {
    uint16_t index;      /* of the property */
    uint16_t type;
    struct slice name;
    /* "<p:Name>" and "</p:Name>"; in a fragment without "p:". */
    struct slice open, close;
    struct slice null;   /* "<p:Name xsi:nil=\"true\"/>" */
};

struct wsman_layout {
    struct slice open;   /* "<p:Class xsi:type=... xmlns:p=WMI form>"; of fragments "<w:XmlFragment ...>" */
    struct slice close;
    uint32_t count;
    struct wsman_column column[];
};

/* Cached in the class when it belongs to a schema, else in the codec. NULL: out of memory. */
const struct wsman_layout *wsman_layout_get(struct wsman_codec *c, const struct cim_class *cls);

#endif
