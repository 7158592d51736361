/* os/notify.h - telling the service manager how it goes (sd_notify(3), whose protocol is meant to be spoken without its library). */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

/* One datagram, "READY=1\nSTATUS=..." to $NOTIFY_SOCKET; nothing when there is none. Failures are of no matter. */
void os_notify(const char *state);

#endif
