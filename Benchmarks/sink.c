/* A mail server that takes everything and keeps nothing, so cheap that it is never what a sender waits for.
 *
 * SMTP with STARTTLS (required), PIPELINING, CHUNKING, 8BITMIME, SIZE and SMTPUTF8 on 127.0.0.1; one epoll loop. Replies
 * to all that one read brought leave in one write. On SIGTERM, or after -s seconds, it prints one line of JSON.
 *
 *   sink -p PORT -c CERTIFICATE -k KEY [-d MS] [-q] [-n] [-s SECONDS]
 *     -d MS   holds every batch of replies back for so long, as a server far away would
 *     -q      acknowledges at once (TCP_QUICKACK), for senders that wait for it
 *     -n      offers no CHUNKING
 *
 * Not a mail server for any other purpose. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 64 << 10, OUT = 8 << 10 };
enum stage { COMMANDS, CONTENT, CHUNK, GOODBYE };

struct peer {
    int fd;
    enum stage stage;
    SSL *tls;
    int is_secure;      /* the handshake is done */
    int starts_tls;     /* the 220 to STARTTLS waits to be sent */
    int is_lost, waits; /* waits: stands in the queue of delayed replies */
    double due;
    struct peer *next;
    int has_recipient, is_last;
    size_t chunk; /* octets of a BDAT's content that have not come yet */
    size_t in_count, out_count;
    char in[IN], out[OUT];
};

static SSL_CTX *context;
static volatile sig_atomic_t is_over;
static int delay, quick, no_chunking;
static long messages, octets, connections, handshakes, failures, most, open_now;
static double first, last;
static struct peer *queue, **queue_end = &queue;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void stop(int signal) {
    (void)signal;
    is_over = 1;
}

static void say(struct peer *p, const char *text) {
    size_t count = strlen(text);
    if (p->out_count + count > OUT) {
        p->is_lost = 1; /* it asks and never reads */
        return;
    }
    memcpy(p->out + p->out_count, text, count);
    p->out_count += count;
}

static int begins(const char *line, size_t count, const char *word) {
    size_t length = strlen(word);
    return count >= length && strncasecmp(line, word, length) == 0;
}

static void command(struct peer *p, const char *line, size_t count) {
    if (begins(line, count, "EHLO")) {
        say(p, "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n");
        if (!p->is_secure) say(p, "250-STARTTLS\r\n");
        if (!no_chunking) say(p, "250-CHUNKING\r\n");
        say(p, "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
    } else if (begins(line, count, "STARTTLS") && !p->is_secure) {
        say(p, "220 2.0.0 Ready to start TLS\r\n");
        p->starts_tls = 1;
    } else if (begins(line, count, "QUIT")) {
        say(p, "221 2.0.0 Bye\r\n");
        p->stage = GOODBYE;
    } else if (begins(line, count, "RSET") || begins(line, count, "NOOP")) {
        if (begins(line, count, "RSET")) p->has_recipient = 0;
        say(p, "250 2.0.0 Ok\r\n");
    } else if (!p->is_secure) {
        say(p, "530 5.7.0 Must issue a STARTTLS command first\r\n");
    } else if (begins(line, count, "MAIL FROM:")) {
        p->has_recipient = 0;
        say(p, "250 2.1.0 Ok\r\n");
    } else if (begins(line, count, "RCPT TO:")) {
        p->has_recipient = 1;
        say(p, "250 2.1.5 Ok\r\n");
    } else if (begins(line, count, "DATA") && p->has_recipient) {
        say(p, "354 End data with <CR><LF>.<CR><LF>\r\n");
        p->stage = CONTENT;
    } else if (begins(line, count, "BDAT ") && !no_chunking && p->has_recipient) {
        char *rest;
        p->chunk = strtoul(line + 5, &rest, 10);
        p->is_last = begins(rest, line + count - rest, " LAST");
        p->stage = CHUNK;
    } else {
        say(p, "503 5.5.1 Bad sequence of commands\r\n");
    }
}

static void accepted(struct peer *p) {
    last = now();
    if (first == 0) first = last;
    messages++;
    p->stage = COMMANDS;
    p->has_recipient = 0;
    say(p, "250 2.0.0 Ok: queued\r\n");
}

/* Takes whole commands, and content as far as it goes, off the buffer. */
static void parse(struct peer *p) {
    size_t at = 0;
    while (!p->is_lost && !p->starts_tls && p->stage != GOODBYE) {
        char *rest = p->in + at;
        size_t count = p->in_count - at;
        if (p->stage == CONTENT) {
            /* The CR LF of the DATA line is still there, so that a dot on the very first line is an end, too. */
            char *end = memmem(rest, count, "\r\n.\r\n", 5);
            if (end == NULL) {
                size_t done = count > 4 ? count - 4 : 0;
                octets += done;
                at += done;
                break;
            }
            octets += end - rest;
            at += end + 5 - rest;
            accepted(p);
            continue;
        }
        if (p->stage == CHUNK) {
            size_t done = count < p->chunk ? count : p->chunk;
            octets += done;
            at += done;
            p->chunk -= done;
            if (p->chunk > 0) break;
            p->stage = COMMANDS;
            if (p->is_last) accepted(p);
            else say(p, "250 2.0.0 Ok\r\n");
            continue;
        }
        char *end = memchr(rest, '\n', count);
        if (end == NULL) {
            if (count > 4096) p->is_lost = 1;
            break;
        }
        command(p, rest, end - rest);
        at += end + 1 - rest;
        if (p->stage == CONTENT) at -= 2;
    }
    if (p->starts_tls) at = p->in_count; /* what was sent behind STARTTLS was not sent in TLS */
    p->in_count -= at;
    memmove(p->in, p->in + at, p->in_count);
}

static void flush(struct peer *p) {
    if (p->out_count > 0) {
        int sent = p->tls ? SSL_write(p->tls, p->out, p->out_count) : (int)write(p->fd, p->out, p->out_count);
        if (sent != (int)p->out_count) p->is_lost = 1; /* replies are small: a full socket means nobody reads */
        p->out_count = 0;
    }
    if (p->starts_tls) {
        p->starts_tls = 0;
        p->tls = SSL_new(context);
        SSL_set_fd(p->tls, p->fd);
        SSL_set_accept_state(p->tls);
    }
    if (p->stage == GOODBYE) p->is_lost = 1;
}

/* Reads until nothing is there. */
static void receive(struct peer *p) {
    while (!p->is_lost && p->stage != GOODBYE && !p->starts_tls) {
        if (p->tls && !p->is_secure) {
            int done = SSL_accept(p->tls);
            if (done != 1) {
                if (SSL_get_error(p->tls, done) != SSL_ERROR_WANT_READ) failures++, p->is_lost = 1;
                ERR_clear_error();
                return;
            }
            p->is_secure = 1;
            handshakes++;
        }
        size_t room = IN - p->in_count;
        ssize_t count;
        if (p->tls) {
            count = SSL_read(p->tls, p->in + p->in_count, room);
            if (count <= 0 && SSL_get_error(p->tls, count) == SSL_ERROR_WANT_READ) return;
            ERR_clear_error();
        } else {
            count = read(p->fd, p->in + p->in_count, room);
            if (count < 0 && errno == EAGAIN) return;
        }
        if (count <= 0) {
            p->is_lost = 1;
            return;
        }
        p->in_count += count;
        parse(p);
    }
}

static void end(struct peer *p) {
    if (p->tls) {
        SSL_set_shutdown(p->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(p->tls);
    }
    close(p->fd);
    open_now--;
    free(p);
}

static void welcome(int listener, int loop) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct peer *p = malloc(sizeof *p);
        if (p == NULL) exit(1);
        memset(p, 0, offsetof(struct peer, in));
        p->fd = fd;
        connections++;
        if (++open_now > most) most = open_now;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        say(p, "220 sink.test ESMTP\r\n");
        flush(p);
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN | EPOLLRDHUP, .data.ptr = p});
    }
}

static void serve(int listener) {
    int loop = epoll_create1(0);
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
    struct epoll_event events[64];
    while (!is_over) {
        int wait = 1000;
        if (queue) wait = queue->due > now() ? (int)((queue->due - now()) * 1000) + 1 : 0;
        int count = epoll_wait(loop, events, 64, wait);
        for (int i = 0; i < count; i++) {
            struct peer *p = events[i].data.ptr;
            int one = 1;
            if (p == NULL) {
                welcome(listener, loop);
                continue;
            }
            receive(p);
            if (quick && !p->is_lost) setsockopt(p->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
            if (delay && !p->is_lost && (p->out_count || p->starts_tls)) {
                if (p->waits) continue;
                p->waits = 1;
                p->due = now() + delay * 1e-3;
                p->next = NULL;
                *queue_end = p;
                queue_end = &p->next;
                continue;
            }
            if (!p->is_lost) flush(p);
            if (p->is_lost && p->waits) epoll_ctl(loop, EPOLL_CTL_DEL, p->fd, NULL);
            else if (p->is_lost) end(p);
        }
        while (queue && queue->due <= now()) {
            struct peer *p = queue;
            queue = p->next;
            if (queue == NULL) queue_end = &queue;
            p->waits = 0;
            if (!p->is_lost) flush(p);
            if (p->is_lost) end(p);
        }
    }
}

int main(int count, char **words) {
    int option, port = 0, seconds = 600, one = 1;
    const char *certificate = NULL, *key = NULL;
    while ((option = getopt(count, words, "p:c:k:d:s:qn")) != -1) {
        if (option == 'p') port = atoi(optarg);
        else if (option == 'c') certificate = optarg;
        else if (option == 'k') key = optarg;
        else if (option == 'd') delay = atoi(optarg);
        else if (option == 's') seconds = atoi(optarg);
        else if (option == 'q') quick = 1;
        else if (option == 'n') no_chunking = 1;
        else return 64;
    }
    if (!port || !certificate || !key) return fprintf(stderr, "usage: sink -p PORT -c CERTIFICATE -k KEY\n"), 64;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGALRM, stop);
    alarm(seconds);
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 32 << 10);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 78;
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) return perror("sink"), 75;
    serve(listener);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"messages\": %ld, \"octets\": %ld, \"connections\": %ld, \"handshakes\": %ld, \"failures\": %ld, \"most\": %ld, "
           "\"first\": %.6f, \"last\": %.6f, \"cpu\": %.3f}\n",
           messages, octets, connections, handshakes, failures, most, first, last,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
    return 0;
}
