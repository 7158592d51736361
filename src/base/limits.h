/* base/limits.h - every bound on what a peer or a file may ask of a decoder, in one place. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_XML_DEPTH 128
#define LIMIT_XML_NODES 400000
#define LIMIT_XML_ATTRIBUTES 64      /* an element */
#define LIMIT_XML_NAME 1024          /* bytes */
#define LIMIT_JSON_DEPTH 64
#define LIMIT_CLASS_NAME 4096        /* UTF-16 units, MS-WMI 2.2.1.1 and note 48 */
#define LIMIT_PATH 8192              /* UTF-16 units */
#define LIMIT_NAMESPACE 8173         /* UTF-16 units */
#define LIMIT_QUERY 16384            /* UTF-16 units */
#define LIMIT_WQL_TOKENS 4096
#define LIMIT_WQL_DEPTH 64
#define LIMIT_PROPERTIES 1024        /* a class */
#define LIMIT_KEYS 256
#define LIMIT_QUALIFIERS 1024        /* a qualifier set */
#define LIMIT_QUALIFIER_DECLS 4096   /* of a namespace */
#define LIMIT_METHODS 1024
#define LIMIT_PARAMETERS 256
#define LIMIT_EMBEDDED_DEPTH 32
#define LIMIT_ARRAY 16777216         /* elements */
#define LIMIT_DERIVATION 256         /* classes above one */
#define LIMIT_MOF_FILE (256u << 20)  /* bytes */
#define LIMIT_MOF_INCLUDES 64        /* depth */
#define LIMIT_MOF_FILES 65536        /* inclusions in one unit */
#define LIMIT_MOF_DEPTH 64
#define LIMIT_MOF_STRING (16u << 20)
#define LIMIT_SELECTORS 512
#define LIMIT_OPTIONS 512
#define LIMIT_EPR_DEPTH 8
#define LIMIT_URI 2048
#define LIMIT_MESSAGE_ID 2048
#define LIMIT_MECH_TOKEN 65535       /* bytes of one authentication token */
#define LIMIT_MECH_LIST 32           /* mechanisms a SPNEGO peer may offer */
#define LIMIT_CALL_DEPTH 16          /* provider calling back into the object manager */
#define LIMIT_NDR_DEPTH 32           /* pointers within pointees */

#endif
