/*
 * Preloaded into every process of the check: writes down, in order, what is done to one SQLite database on the disk, so that
 * a power cut can be carried out afterwards (cut.js): what was not synced may be lost. A record is a header, and for a write
 * its bytes. Whatever would change the files in a way that is not written down here ends the process.
 *
 * DISK_LOG names the log and DISK_LOG_DATABASE the database, both as absolute paths without symbolic links.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum file { OTHER, DATABASE, JOURNAL, ROLLBACK_JOURNAL, FOLDER };
enum act { CREATED = 1, WRITTEN, CUT_TO_LENGTH, SYNC_BEGAN, SYNC_ENDED, REMOVED };

struct record {
  uint32_t act;
  uint32_t file;
  uint32_t process;
  uint32_t thread;
  uint64_t offset;
  uint64_t length;
};

#define SYNC_MICROSECONDS 10000
#define MOST_DESCRIPTORS 65536
static struct {
  enum file file;
  dev_t device;
  ino_t inode;
} descriptors[MOST_DESCRIPTORS];
static char database[4096], folder[4096];
static int log_descriptor = -1;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_LOG"), *named = getenv("DISK_LOG_DATABASE");
  if (path == NULL || named == NULL) return;
  snprintf(database, sizeof database, "%s", named);
  snprintf(folder, sizeof folder, "%s", named);
  char *end = strrchr(folder, '/');
  if (end != NULL) *end = 0;
  log_descriptor = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static enum file named(const char *path) {
  if (log_descriptor < 0) return OTHER;
  if (strcmp(path, folder) == 0) return FOLDER;
  size_t length = strlen(database);
  if (strncmp(path, database, length) != 0) return OTHER;
  if (path[length] == 0) return DATABASE;
  if (strcmp(path + length, "-wal") == 0) return JOURNAL;
  return strcmp(path + length, "-journal") == 0 ? ROLLBACK_JOURNAL : OTHER;
}

/* A descriptor may have been closed in a way that does not come by here, and mean another file since. */
static enum file opened(int descriptor) {
  if (descriptor < 0 || descriptor >= MOST_DESCRIPTORS || descriptors[descriptor].file == OTHER) return OTHER;
  int error = errno;
  struct stat now;
  if (fstat(descriptor, &now) != 0 || now.st_dev != descriptors[descriptor].device ||
      now.st_ino != descriptors[descriptor].inode)
    descriptors[descriptor].file = OTHER;
  errno = error;
  return descriptors[descriptor].file;
}

static void stop(const char *why) {
  fprintf(stderr, "disk-log: %s\n", why);
  abort();
}

static void note(enum act act, enum file file, uint64_t offset, const void *bytes, uint64_t length) {
  int error = errno;
  struct record record = {act, file, getpid(), syscall(SYS_gettid), offset, length};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, bytes == NULL ? 0 : length}};
  size_t whole = parts[0].iov_len + parts[1].iov_len;
  if (syscall(SYS_writev, log_descriptor, parts, 2) != (ssize_t)whole) stop("the log cannot be written");
  errno = error;
}

#define NEXT(type, name, ...)                               \
  static type (*next)(__VA_ARGS__);                         \
  if (next == NULL) next = dlsym(RTLD_NEXT, name)

static int open_and_note(int (*next)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  enum file file = named(path);
  int existed = file == OTHER || syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
  int descriptor = next(path, flags, mode);
  if (file == OTHER || descriptor < 0) return descriptor;
  if (descriptor >= MOST_DESCRIPTORS) stop("too many descriptors");
  if (!existed) note(CREATED, file, 0, NULL, 0);
  else if (flags & O_TRUNC) note(CUT_TO_LENGTH, file, 0, NULL, 0);
  struct stat now;
  if (fstat(descriptor, &now) != 0) stop("no state of an open file");
  descriptors[descriptor].device = now.st_dev;
  descriptors[descriptor].inode = now.st_ino;
  descriptors[descriptor].file = file;
  return descriptor;
}

#define OPENING(name)                                       \
  int name(const char *path, int flags, ...) {              \
    NEXT(int, #name, const char *, int, ...);               \
    va_list rest;                                           \
    va_start(rest, flags);                                  \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                           \
    return open_and_note(next, path, flags, mode);          \
  }
OPENING(open)
OPENING(open64)

#define WRITING_AT(name)                                    \
  ssize_t name(int descriptor, const void *bytes, size_t length, off_t offset) { \
    NEXT(ssize_t, #name, int, const void *, size_t, off_t); \
    ssize_t written = next(descriptor, bytes, length, offset); \
    if (written > 0 && opened(descriptor) != OTHER)         \
      note(WRITTEN, opened(descriptor), offset, bytes, written); \
    return written;                                         \
  }
WRITING_AT(pwrite)
WRITING_AT(pwrite64)

ssize_t write(int descriptor, const void *bytes, size_t length) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  if (opened(descriptor) != OTHER) stop("a write at no told place");
  return next(descriptor, bytes, length);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec *, int);
  if (opened(descriptor) != OTHER) stop("a write at no told place");
  return next(descriptor, parts, count);
}

#define CUTTING(name)                                       \
  int name(int descriptor, off_t length) {                  \
    NEXT(int, #name, int, off_t);                           \
    int result = next(descriptor, length);                  \
    if (result == 0 && opened(descriptor) != OTHER)         \
      note(CUT_TO_LENGTH, opened(descriptor), length, NULL, 0); \
    return result;                                          \
  }
CUTTING(ftruncate)
CUTTING(ftruncate64)

/*
 * What is on its way while a sync goes on need not be there when it ends. A disk takes a while: whoever answers without
 * waiting for it is well ahead then.
 */
#define SYNCING(name)                                       \
  int name(int descriptor) {                                \
    NEXT(int, #name, int);                                  \
    enum file file = opened(descriptor);                    \
    if (file != OTHER) {                                    \
      note(SYNC_BEGAN, file, 0, NULL, 0);                   \
      usleep(SYNC_MICROSECONDS);                            \
    }                                                       \
    int result = next(descriptor);                          \
    if (file != OTHER && result == 0) note(SYNC_ENDED, file, 0, NULL, 0); \
    return result;                                          \
  }
SYNCING(fsync)
SYNCING(fdatasync)

int unlink(const char *path) {
  NEXT(int, "unlink", const char *);
  int result = next(path);
  if (result == 0 && named(path) != OTHER) note(REMOVED, named(path), 0, NULL, 0);
  return result;
}
