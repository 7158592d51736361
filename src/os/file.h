/*
 * os/file.h - whole small files, durable replacement, locks, ownership. Every descriptor is close-on-exec.
 * Blocking: not for loop threads, except /proc and /sys. Errors: CIMF_NOT_FOUND, CIMF_ACCESS_DENIED,
 * CIMF_ALREADY_EXISTS, CIMF_OUT_OF_DISK_SPACE, CIMF_OUT_OF_MEMORY (over the cap), else CIMF_IO_ERROR; the
 * error has the path as its subject.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"

#define FILE_SMALL ((size_t)1 << 20) /* a sensible cap */

/* Reads to the end whatever stat says, as /proc needs. NUL-terminated past its length. More than cap bytes
 * is an error, never a cut. */
cimf_status file_read(struct arena *a, const char *path, size_t cap, struct slice *out, struct error *e);
/* path relative to the folder dir (an open descriptor or AT_FDCWD). */
cimf_status file_read_at(struct arena *a, int dir, const char *path, size_t cap, struct slice *out,
                         struct error *e);
/* Appends to b; its cap is the limit. On failure b is as before. */
cimf_status file_read_buf(struct buf *b, const char *path, struct error *e);

/* Replaces path whole or not at all, also over a power cut: temporary file beside it, fsync, rename,
 * fsync of the folder. The file has exactly this mode and, when this process may give files away, the owner of
 * the one it replaces. When only the last step fails, the new file is
 * there but the answer is an error: it may not survive a power cut. */
cimf_status file_replace(const char *path, struct slice bytes, mode_t mode, struct error *e);
/* Makes the rename or unlink of something in the folder durable. */
cimf_status file_sync_folder(const char *folder, struct error *e);
/* Makes a folder and what is missing above it. mode is for the last one, umask or not; those above get
 * 0755 less the umask and what exists is left alone. Fails when path exists and is no folder. */
cimf_status file_make_folders(const char *path, mode_t mode, struct error *e);

/* Opens or creates (0600) and takes an exclusive flock(2), held until close(*fd) or the end of the process.
 * CIMF_ALREADY_EXISTS when another process holds it. */
cimf_status file_lock(const char *path, int *fd, struct error *e);

/* A file or folder holding secrets: no symbolic link, owned by owner or root, no permission bits outside
 * allowed (as 0600, 0700). CIMF_ACCESS_DENIED says what is wrong. */
cimf_status file_check_private(const char *path, uid_t owner, mode_t allowed, struct error *e);

#endif
