/*
 * soap/names.h - namespaces, prefixes and the words in which the dialects of WS-Management differ.
 *
 * The reader gives every known namespace a number (enum soap_ns), so that code compares numbers. The
 * writer uses the prefixes that Windows uses, because clients compare QNames in content as text.
 */
#ifndef SOAP_NAMES_H
#define SOAP_NAMES_H

#include "codec/xml.h"

enum soap_ns {
    NS_NONE,
    NS_S,      /* SOAP 1.2 envelope */
    NS_A,      /* WS-Addressing 2004/08 */
    NS_W,      /* DMTF wsman.xsd */
    NS_N,      /* WS-Enumeration */
    NS_X,      /* WS-Transfer */
    NS_E,      /* WS-Eventing */
    NS_B,      /* DMTF CIM binding */
    NS_P,      /* Microsoft wsman.xsd */
    NS_CIM,    /* WS-CIM common */
    NS_XSI,    /* XML Schema instance */
    NS_WSMID,  /* Identify */
    NS_F,      /* Microsoft wsmanfault */
    NS_RSP,    /* shell */
    NS_CFG,    /* configuration */
    NS_XML,    /* xml:lang */
    NS_S11,    /* SOAP 1.1: recognised only to refuse it */
    NS_W2003,  /* WS-Management of 2003 R2, as its examples spell it */
    NS_W2003_TEXT, /* the same, as the text of MS-WSMAN 3.1.4.1.1 spells it */
    NS_COUNT,
};

extern const struct xml_vocabulary soap_vocabulary;
struct slice soap_ns_uri(enum soap_ns ns);
const char *soap_ns_prefix(enum soap_ns ns); /* "s", "w", ... as Windows writes them */

#define SOAP_ANONYMOUS "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
#define SOAP_TRANSFER "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
#define SOAP_ENUMERATION "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"

/* Dialect x symbol: one engine, two vocabularies (wsman.md 2.13). */
enum soap_dialect { SOAP_WSMV, SOAP_WSMAN_2003, SOAP_DIALECT_COUNT };
enum soap_symbol {
    SYM_NS_W,          /* namespace of the management headers */
    SYM_NS_CIM,        /* of cim:Datetime and the like */
    SYM_NS_FAULT,      /* of f:WSManFault */
    SYM_FAULT_DETAIL,  /* prefix of fault detail URIs */
    SYM_URI_WMI,       /* prefix of namespace/class */
    SYM_URI_CIM,       /* prefix of DMTF classes */
    SYM_URI_CIM_ALL,   /* DMTF all-classes URI */
    SYM_URI_CIMXML,    /* class metadata in CIM-XML form */
    SYM_URI_WSCIM,     /* class metadata in WS-CIM form: refused */
    SYM_URI_CONFIG,
    SYM_DATETIME,      /* element of a datetime with wildcards */
    SYM_COUNT,
};
struct slice soap_symbol(enum soap_dialect d, enum soap_symbol s);

#endif
