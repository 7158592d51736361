/*
 * wsman/uri.h - resource URIs (wsman.md 2.3): what kind of thing a request talks about.
 */
#ifndef WSMAN_URI_H
#define WSMAN_URI_H

#include "base/status.h"
#include "soap/names.h"

enum wsman_uri_kind {
    WSMAN_URI_OTHER,  /* none of the below: configuration, shells, plugins route it by prefix */
    WSMAN_URI_WMI,    /* .../wmi/root/cimv2/Class */
    WSMAN_URI_CIM,    /* .../wscim/1/cim-schema/2/Class, DMTF's or a vendor's; namespace by selector */
    WSMAN_URI_CIMXML, /* class metadata as CIM-XML; class by selector */
    WSMAN_URI_WSCIM,  /* class metadata as WS-CIM */
};

struct wsman_uri {
    enum wsman_uri_kind kind;
    struct slice text;       /* as given, trimmed */
    struct slice base;       /* up to the class name (CIM) or the namespace (WMI) */
    struct slice ns;         /* WMI: normalised; "" otherwise */
    struct slice class_name; /* "" with all */
    bool all;                /* the all-classes URI: class name '*' */
};

/* WSMAN_INVALID_RESOURCE_URI: empty, a query part, an empty or impossible class or namespace;
 * WSMAN_URI_LIMIT: more than 2,048 bytes. Prefixes compare without case. */
cimf_status wsman_uri_read(struct arena *a, struct slice text, struct wsman_uri *out, struct error *e);

/* Which URI form instances are named in: that of the request. */
struct wsman_form {
    enum wsman_uri_kind kind; /* WMI or CIM */
    struct slice base;        /* CIM: the base of the request's URI */
};
/* Class URI: base, then for WMI the lower-case namespace and '/', then the class. */
bool wsman_uri_write(struct buf *out, const struct wsman_form *form, struct slice ns,
                     struct slice class_name);

#endif
