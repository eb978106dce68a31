// A disk that fails once: loaded into a program with LD_PRELOAD, it lets the n-th fsync or fdatasync fail with EIO.
//
// SYNC_FAULT_AT    which call fails, from 1
// SYNC_FAULT_CUTS  if 1, the file loses what was written since it was last synced, as after a crash it would have; else the
//                  kernel still shows it, and it may or may not be there later
// SYNC_FAULT_FLAG  a file that is made when the fault has struck
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES = 1024 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long calls;
static struct {
    dev_t device;
    ino_t inode;
    off_t size;
} synced[FILES];
static int count;

static int place_of(const struct stat *status) {
    for (int index = 0; index < count; index++) {
        if (synced[index].inode == status->st_ino && synced[index].device == status->st_dev) return index;
    }
    return -1;
}

static int sync_or_fail(int descriptor, long call) {
    const char *at = getenv("SYNC_FAULT_AT");
    struct stat status;
    pthread_mutex_lock(&mutex);
    int is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    int place = is_file ? place_of(&status) : -1;
    if (at != NULL && ++calls == atol(at)) {
        const char *cuts = getenv("SYNC_FAULT_CUTS");
        const char *flag = getenv("SYNC_FAULT_FLAG");
        if (place >= 0 && cuts != NULL && *cuts == '1' && ftruncate(descriptor, synced[place].size) != 0) abort();
        if (flag != NULL) close(open(flag, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        pthread_mutex_unlock(&mutex);
        errno = EIO;
        return -1;
    }
    int result = (int)syscall(call, descriptor);
    if (result == 0 && is_file) {
        if (place < 0 && count < FILES) place = count++;
        if (place >= 0) {
            synced[place].device = status.st_dev;
            synced[place].inode = status.st_ino;
            synced[place].size = status.st_size;
        }
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int fdatasync(int descriptor) {
    return sync_or_fail(descriptor, SYS_fdatasync);
}

int fsync(int descriptor) {
    return sync_or_fail(descriptor, SYS_fsync);
}
