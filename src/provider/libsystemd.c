#include "provider/libsystemd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

static struct libsystemd functions;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const char *const names[] = {
#define X(name) #name,
        LIBSYSTEMD_FUNCTIONS(X)
#undef X
    };
    enum { COUNT = sizeof names / sizeof *names };
    _Static_assert(sizeof functions == COUNT * sizeof(void *), "one pointer a function");
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        log_info("provider", "libsystemd is not there: %s", dlerror());
        return;
    }
    for (int i = 0; i < COUNT; i++) {
        void *at = dlsym(library, names[i]);
        if (!at) {
            log_warn("provider", "libsystemd is too old: it has no %s", names[i]);
            dlclose(library);
            return;
        }
        memcpy((char *)&functions + (size_t)i * sizeof at, &at, sizeof at);
    }
    loaded = true;
}

const struct libsystemd *libsystemd(void)
{
    pthread_once(&once, load);
    return loaded ? &functions : NULL;
}
