#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <resolv.h>
#include <spawn.h>
#include <sys/file.h>
#include <linux/stat.h>
#include <netdb.h>
#include <semaphore.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc 2.36 has no wrapper for openat2(2), and Swift cannot call the variadic syscall(2).
static inline int wardpost_openat2(int directory, const char *path, unsigned long long flags,
                                   unsigned long long mode, unsigned long long resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

// RESOLVE_* are macros over casts on some kernels' headers; constants import everywhere.
static const unsigned long long WARDPOST_RESOLVE_BENEATH = RESOLVE_BENEATH;
static const unsigned long long WARDPOST_RESOLVE_NO_SYMLINKS = RESOLVE_NO_SYMLINKS;
static const unsigned long long WARDPOST_RESOLVE_NO_MAGICLINKS = RESOLVE_NO_MAGICLINKS;
static const unsigned long long WARDPOST_RESOLVE_NO_XDEV = RESOLVE_NO_XDEV;

// F_OFD_SETLK needs _GNU_SOURCE, and fcntl(2) is variadic. Whole-file write lock on the open file description:
// works over NFSv4 and is not dropped when another descriptor of the same file is closed.
#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif
static inline int wardpost_lock(int descriptor) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_OFD_SETLK, &whole);
}

// One byte of the open file description's locks: F_WRLCK or F_UNLCK, never waiting.
static inline int wardpost_lock_byte(int descriptor, long long offset, int lock) {
    struct flock one = {.l_type = (short)(lock ? F_WRLCK : F_UNLCK), .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(descriptor, F_OFD_SETLK, &one);
}

// renameat2(2) with RENAME_NOREPLACE is behind _GNU_SOURCE as well.
static inline int wardpost_rename_noreplace(int from, const char *old, int to, const char *name) {
    return (int)syscall(SYS_renameat2, from, old, to, name, 1u);
}

// These three are behind _GNU_SOURCE: what a child may not inherit is closed before its program begins.
extern int pipe2(int ends[2], int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *directory);
static inline int wardpost_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}
static inline int wardpost_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
static inline int wardpost_spawn_directory(posix_spawn_file_actions_t *actions, const char *directory) {
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}

// When a file was made, in nanoseconds since 1970; 0 where the file system does not say. statx(2) is behind _GNU_SOURCE.
static inline long long wardpost_birth(int descriptor) {
    struct statx status;
    memset(&status, 0, sizeof status);
    if (syscall(SYS_statx, descriptor, "", 0x1000 /* AT_EMPTY_PATH */, STATX_BTIME, &status) != 0) return 0;
    if (!(status.stx_mask & STATX_BTIME)) return 0;
    return (long long)status.stx_btime.tv_sec * 1000000000LL + status.stx_btime.tv_nsec;
}

// The resolver's functions and its state are macros. Asks the system's name servers, or the one at an address and port, for
// a name's TXT records; returns the length of the answer, a DNS message, or -1 with a word of h_errno's.
static inline int wardpost_query_text(const char *name, unsigned int address, unsigned short port,
                                      unsigned char *answer, int size, int *problem) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    *problem = TRY_AGAIN;
    if (res_ninit(&state) != 0) return -1;
    if (port != 0) {
        state.nscount = 1;
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_port = htons(port);
        state.nsaddr_list[0].sin_addr.s_addr = htonl(address);
    }
    state.retrans = 3;
    state.retry = 2;
    state.options |= RES_USE_EDNS0;
    int length = res_nquery(&state, name, ns_c_in, ns_t_txt, answer, size);
    *problem = state.res_h_errno;
    res_nclose(&state);
    return length;
}

// Behind _GNU_SOURCE as well: a wait that a step of the wall clock cannot lengthen.
extern int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until);

// SCHED_BATCH is a macro behind _GNU_SOURCE.
static const int WARDPOST_SCHED_BATCH = 3;
