/* Calls of any kind with any stub, several on one server, with identifiers that can be hit: each call is one byte that says
 * where it goes, one for the operation, two for the length of the stub, the stub. */
#include "dcom/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first object's IPID is 02 02 .., IRemUnknown's 01 01 .. and so on. */
static uint8_t next_random;
static void count_up(void *arg, void *p, size_t n) { memset(p, next_random++, n); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t where[] = { I_RESOLVER, I_ACTIVATION, I_ACTIVATOR, I_THING };
    struct dcom_settings settings = fake_settings(count_up);
    struct dcom_server *server;
    struct cursor c = cursor_of(slice_of((const char *)data, size));
    next_random = 1;
    holding = NULL;
    settings.max_objects = settings.max_objects_user = 32; /* of 255 identifiers */
    if (dcom_server_new(&settings, &server, NULL) != CIMF_OK) abort();
    for (int n = 0; n < 16 && cursor_left(&c); n++) {
        struct fake_call f;
        uint8_t to = cursor_u8(&c), opnum = cursor_u8(&c);
        uint16_t length = cursor_u16le(&c);
        if (length > cursor_left(&c)) length = (uint16_t)cursor_left(&c);
        const struct rpc_interface *i = offered(server, DCOM_RESOLVER | DCOM_EXPORTER, where[to & 3]);
        call_init(&f, i, opnum, cursor_bytes(&c, length));
        f.rpc.big_endian = to & 0x80;
        f.rpc.principal = to & 0x40 ? &bob : &alice;
        f.rpc.has_object = (to & 3) == 3;
        memset(&f.rpc.object, 2 + (to >> 2 & 7), sizeof f.rpc.object);
        call_run(&f);
        if (!f.answered && holding) { /* hung up on, then answered */
            struct thing *t = holding;
            struct dcom_call *held = t->held;
            holding = NULL;
            current = &loops[0];
            f.rpc.on_abort(&f.rpc);
            dcom_reply(held, t->record, 0);
            current = NULL;
        }
        if (!f.answered) abort();
        call_free(&f);
        turn(0);
        fake_time += MINUTES(1);
        dcom_server_tick(server);
    }
    turn(0); /* a loop ends only after what was posted to it */
    dcom_server_free(server);
    if (things_made != things_freed) abort();
    return 0;
}
