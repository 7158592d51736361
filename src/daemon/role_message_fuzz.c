/* Packets between supervisor and roles: any bytes are refused or are a message that can be sent again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/role_message.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct role_message m;
    struct error e = ERROR_INIT;
    cimf_status s = role_message_read(slice_of((const char *)data, size), &m, &e);
    if (s == CIMF_OK) assert(strlen(m.id) < sizeof m.id && strlen(m.name) < sizeof m.name && cimf_status_name(m.status));
    assert(s == CIMF_OK ? m.word > ROLE_WORD_NONE && m.word < ROLE_WORD_COUNT : s == CIMF_PROTOCOL_ERROR);
    return 0;
}
