/* Both message parsers of the broker's wire; what is read is written back the same. */
#include <stdlib.h>

#include "auth/broker_wire.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf out;
    struct wire_question q;
    struct wire_answer answer;
    struct slice message = { (const char *)data, size };
    arena_init(&a, 8 << 20);
    buf_init(&out, WIRE_MESSAGE_MAX);
    if (wire_question_read(&a, message, &q, NULL) == CIMF_OK && size <= WIRE_MESSAGE_MAX &&
        (!wire_question_write(&q, &out) || !slice_eq(buf_slice(&out), message)))
        abort();
    buf_clear(&out);
    if (wire_answer_read(&a, message, &answer, NULL) == CIMF_OK) {
        if (answer.has_data) answer.principal = principal_make(&answer.data);
        if (answer.has_data && !answer.principal) abort();
        bool same = wire_answer_write(&answer, &out) && slice_eq(buf_slice(&out), message);
        /* Ids of local users that a principal without one does not keep. */
        if (!same && size <= WIRE_MESSAGE_MAX && !(answer.has_data && !answer.data.has_posix)) abort();
        principal_unref(answer.principal);
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
