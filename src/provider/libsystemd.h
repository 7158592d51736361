/*
 * provider/libsystemd.h - libsystemd, loaded when a provider first needs it: it brings six libraries of its own, which
 * would cost every process a megabyte, and machines without systemd have no use for it.
 */
#ifndef PROVIDER_LIBSYSTEMD_H
#define PROVIDER_LIBSYSTEMD_H

#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#define LIBSYSTEMD_FUNCTIONS(X)                                                                    \
    X(sd_bus_call_method) X(sd_bus_error_free) X(sd_bus_flush_close_unref)                         \
    X(sd_bus_get_property_strv) X(sd_bus_message_enter_container)                                  \
    X(sd_bus_message_exit_container) X(sd_bus_message_peek_type) X(sd_bus_message_read)            \
    X(sd_bus_message_read_strv) X(sd_bus_message_skip) X(sd_bus_message_unref) X(sd_bus_new)       \
    X(sd_bus_open_system) X(sd_bus_set_address) X(sd_bus_set_method_call_timeout) X(sd_bus_start)  \
    X(sd_bus_unref) X(sd_id128_get_machine_app_specific) X(sd_id128_to_string)

struct libsystemd {
#define X(name) __typeof__(&name) name;
    LIBSYSTEMD_FUNCTIONS(X)
#undef X
};
/* NULL when it cannot be loaded; the answer never changes. Any thread. */
const struct libsystemd *libsystemd(void);

#endif
