/* Any bytes as the replies to a client: the first byte chooses the operation, every reply is the rest. */
#include <stdlib.h>

#include "wsman/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes again and again, with the right RelatesTo where they say $ID. */
static void answer(struct wsman_task *t, struct slice message, struct slice text, int http)
{
    static const char open[] = "<a:MessageID>";
    struct buf b;
    buf_init(&b, 0);
    const char *id = memmem(message.p, message.n, open, sizeof open - 1);
    struct slice value = id ? slice_of(id + sizeof open - 1, 41) : SLICE("");
    for (size_t i = 0; i < text.n; i++) {
        if (slice_starts(slice_sub(text, i), SLICE("$ID"))) {
            buf_slice_add(&b, value);
            i += 2;
        } else {
            buf_byte(&b, text.p[i]);
        }
    }
    wsman_task_reply(t, http, SLICE("application/soap+xml"), buf_slice(&b));
    buf_free(&b);
}

static void drive(struct wsman_task *t, struct slice text, int http)
{
    struct wsman_item item;
    for (int turns = 0; turns < 300; turns++) {
        enum wsman_task_state state = wsman_task_state(t);
        if (state == WSMAN_TASK_DONE || state == WSMAN_TASK_FAILED) break;
        if (state == WSMAN_TASK_ITEMS) {
            while (wsman_task_next(t, &item)) {
                if (!item.object && !item.name.p) abort();
            }
            continue;
        }
        struct slice message = wsman_task_message(t);
        if (wsman_task_state(t) == WSMAN_TASK_WAIT) answer(t, message, text, http);
    }
    if (wsman_task_release(t)) wsman_task_message(t);
    if (wsman_task_state(t) == WSMAN_TASK_FAILED && wsman_task_failure(t)->error.status == CIMF_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wsman_request requests[] = {
        { .verb = WSMAN_ASK_ENUMERATE, .class_name = SLICE("Win32_Widget") },
        { .verb = WSMAN_ASK_QUERY, .query = SLICE("SELECT Name,Size FROM Win32_Widget") },
        { .verb = WSMAN_ASK_GET, .path = SLICE("Win32_Widget.Name=\"one\"") },
        { .verb = WSMAN_ASK_IDENTIFY },
        { .verb = WSMAN_ASK_INVOKE, .path = SLICE("Win32_Widget"), .method = SLICE("Stop") },
        { .verb = WSMAN_ASK_CLASS, .class_name = SLICE("Win32_Widget") },
        { .verb = WSMAN_ASK_CLASSES },
        { .verb = WSMAN_ASK_CLASS_NAMES },
        { .verb = WSMAN_ASK_DELETE, .path = SLICE("Win32_Widget.Name=\"one\"") },
    };
    if (!size) return 0;
    struct wsman_client_config config = {
        .to = SLICE("http://h/wsman"), .ns = SLICE("root/cimv2"), .timeout_us = 1000000, .max_envelope = 65536, .max_elements = 10,
        .form = data[0] & 0x40 ? WSMAN_URI_CIM : WSMAN_URI_WMI,
    };
    struct wsman_client *c;
    struct wsman_task *t;
    if (wsman_client_new(&config, &c) != CIMF_OK) return 0;
    const struct wsman_request *r = &requests[(data[0] & 0x3f) % (sizeof requests / sizeof *requests)];
    if (wsman_task_new(c, r, &t, NULL) == CIMF_OK) {
        drive(t, slice_of((const char *)data + 1, size - 1), data[0] & 0x80 ? 500 : 200);
        wsman_task_free(t);
    }
    wsman_client_free(c);
    return 0;
}
