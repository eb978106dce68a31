/* Runs a command and writes down what it used: `measure FILE COMMAND WORD…` puts "status cpu-seconds peak-KiB wall-seconds"
 * into FILE. A tiny parent of its own, because a child's peak memory is never less than its parent's at the fork. SIGTERM
 * goes on to the command. CPU is that of the command and of all the children it waited for, user and system. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void pass(int signal) {
    if (child > 0) kill(child, signal);
}

static double seconds(struct timeval t) {
    return t.tv_sec + t.tv_usec * 1e-6;
}

int main(int count, char **words) {
    if (count < 3) return 64;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    child = fork();
    if (child == 0) {
        execvp(words[2], words + 2);
        perror(words[2]);
        _exit(127);
    }
    signal(SIGTERM, pass);
    int status;
    struct rusage used;
    if (wait4(child, &status, 0, &used) < 0) return 75;
    clock_gettime(CLOCK_MONOTONIC, &end);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *file = fopen(words[1], "w");
    if (file == NULL) return perror(words[1]), 75;
    fprintf(file, "%d %.6f %ld %.6f\n", code, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
            end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) * 1e-9);
    fclose(file);
    return code;
}
