#include "schema.h"

const char *const schema_namespaces[] = {
#define SCHEMA_NAMESPACE(name) name,
#include "namespaces.def"
#undef SCHEMA_NAMESPACE
    NULL,
};
