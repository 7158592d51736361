#include "cim/op.h"

static const struct cim_op_info rows[] = {
#define CIM_OP(verb, name, wmi, wsman, odata, section, right)                                      \
    { name, wmi, wsman, odata, section, right },
#include "cim/ops.def"
#undef CIM_OP
};

const struct cim_op_info *cim_op_info(enum cim_verb verb)
{
    return (unsigned)verb < CIM_OP_COUNT ? &rows[verb] : NULL;
}
