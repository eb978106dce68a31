/* The fastest sender there can be: one ready-made message again and again, nothing read, nothing rendered, nothing written
 * down. What it reaches with the sink is the wire's limit on this machine.
 *
 *   source -p PORT -a CA -f MESSAGE -n MESSAGES [-c CONNECTIONS] [-q MODE]
 *
 * STARTTLS, certificate and name verified. By mode:
 *   1    MAIL, RCPT and DATA leave in one write, the content in another (PIPELINING)
 *   2    the same, and the next envelope right behind the content
 *   3    MAIL, RCPT, BDAT and content in one write, eight messages without an answer (CHUNKING) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum stage { GREETING, HELLO, STARTTLS, HANDSHAKE, HELLO_AGAIN, ENVELOPE, CONTENT, QUIT };

struct line {
    int fd, replies, under_way;
    enum stage stage;
    SSL *tls;
    size_t count;
    char in[4096];
};

static SSL_CTX *context;
static const char envelope[] = "MAIL FROM:<visits@clinic.test>\r\nRCPT TO:<patient@example.test>\r\nDATA\r\n";
static char *content, *both, *chunk;
static size_t content_count, chunk_count;
static long left, sent;
static int mode = 1;

enum { WINDOW = 8 };

static void fail(const char *what) {
    fprintf(stderr, "source: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void say(struct line *l, const void *text, size_t count) {
    const char *from = text;
    while (count > 0) {
        int done = l->tls ? SSL_write(l->tls, from, count) : (int)write(l->fd, from, count);
        if (done > 0) {
            from += done;
            count -= done;
        } else if (l->tls ? SSL_get_error(l->tls, done) != SSL_ERROR_WANT_WRITE : errno != EAGAIN) {
            fail("cannot send");
        }
    }
}

/* Mode 3: as many messages as may be under way, in one write. */
static void fill(struct line *l) {
    int count = 0;
    while (l->under_way + count < WINDOW && left > 0) left--, count++;
    if (count > 0) say(l, chunk + (WINDOW - count) * chunk_count, count * chunk_count);
    l->under_way += count;
    l->stage = l->under_way > 0 ? ENVELOPE : QUIT;
    if (l->stage == QUIT) say(l, "QUIT\r\n", 6);
}

static void next(struct line *l) {
    if (mode == 3) return fill(l);
    if (left > 0) {
        left--;
        l->stage = ENVELOPE;
        l->replies = 0;
        say(l, envelope, sizeof envelope - 1);
    } else {
        l->stage = QUIT;
        say(l, "QUIT\r\n", 6);
    }
}

/* The last line of a reply is there. */
static void reply(struct line *l, int code) {
    static const int expected[] = {220, 250, 220, 0, 250, 250, 250, 221};
    int good = expected[l->stage];
    if (l->stage == ENVELOPE && l->replies == 2 && mode < 3) good = 354;
    if (code != good) fail("unexpected reply");
    switch (l->stage) {
    case GREETING:
        l->stage = HELLO;
        say(l, "EHLO source.test\r\n", 18);
        break;
    case HELLO:
        l->stage = STARTTLS;
        say(l, "STARTTLS\r\n", 10);
        break;
    case STARTTLS:
        l->stage = HANDSHAKE;
        l->tls = SSL_new(context);
        SSL_set_fd(l->tls, l->fd);
        SSL_set_tlsext_host_name(l->tls, "localhost");
        SSL_set1_host(l->tls, "localhost");
        SSL_set_connect_state(l->tls);
        break;
    case ENVELOPE:
        if (++l->replies < 3) break;
        l->replies = 0;
        if (mode == 3) {
            sent++;
            l->under_way--;
            /* Half a window at a time, so that several messages share a write. */
            if (l->under_way <= WINDOW / 2) fill(l);
            break;
        }
        l->stage = CONTENT;
        if (mode == 2 && left > 0) {
            left--;
            l->under_way = 1; /* the next envelope is out */
            say(l, both, content_count + sizeof envelope - 1);
        } else {
            l->under_way = 0;
            say(l, content, content_count);
        }
        break;
    case CONTENT:
        sent++;
        if (l->under_way) l->stage = ENVELOPE;
        else next(l);
        break;
    case HELLO_AGAIN:
        next(l);
        break;
    default: break;
    }
}

/* Takes in what has come; 0 when the line is done. */
static int receive(struct line *l) {
    for (;;) {
        if (l->stage == HANDSHAKE) {
            int done = SSL_connect(l->tls);
            if (done != 1) {
                if (SSL_get_error(l->tls, done) != SSL_ERROR_WANT_READ) fail("no verified TLS");
                return 1;
            }
            l->stage = HELLO_AGAIN;
            say(l, "EHLO source.test\r\n", 18);
        }
        size_t room = sizeof l->in - l->count;
        ssize_t count = l->tls ? SSL_read(l->tls, l->in + l->count, room) : read(l->fd, l->in + l->count, room);
        if (count <= 0) {
            if (l->stage == QUIT) return 0;
            if (l->tls ? SSL_get_error(l->tls, count) == SSL_ERROR_WANT_READ : count < 0 && errno == EAGAIN) return 1;
            fail("the connection was lost");
        }
        l->count += count;
        size_t at = 0;
        char *end;
        while ((end = memchr(l->in + at, '\n', l->count - at)) != NULL) {
            const char *text = l->in + at;
            at = end + 1 - l->in;
            if (end - text < 4) fail("no reply");
            if (text[3] == '-') continue;
            if (l->stage == QUIT) return 0;
            reply(l, atoi(text));
        }
        l->count -= at;
        memmove(l->in, l->in + at, l->count);
    }
}

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("no such message");
    content = malloc(1 << 20);
    content_count = fread(content, 1, (1 << 20) - 8, file);
    fclose(file);
    memcpy(content + content_count, ".\r\n", 3);
    content_count += 3;
    both = malloc(content_count + sizeof envelope);
    memcpy(both, content, content_count);
    memcpy(both + content_count, envelope, sizeof envelope);
    /* One message for mode 3, without the dot, WINDOW times over. */
    char *one = malloc(content_count + 128);
    chunk_count = sprintf(one, "MAIL FROM:<visits@clinic.test>\r\nRCPT TO:<patient@example.test>\r\nBDAT %zu LAST\r\n",
                          content_count - 3);
    memcpy(one + chunk_count, content, content_count - 3);
    chunk_count += content_count - 3;
    chunk = malloc(WINDOW * chunk_count);
    for (int i = 0; i < WINDOW; i++) memcpy(chunk + i * chunk_count, one, chunk_count);
}

int main(int count, char **words) {
    int option, port = 0, connections = 10, one = 1;
    const char *ca = NULL, *message = NULL;
    while ((option = getopt(count, words, "p:a:f:n:c:q:")) != -1) {
        if (option == 'p') port = atoi(optarg);
        else if (option == 'a') ca = optarg;
        else if (option == 'f') message = optarg;
        else if (option == 'n') left = atol(optarg);
        else if (option == 'c') connections = atoi(optarg);
        else if (option == 'q') mode = atoi(optarg);
        else return 64;
    }
    if (!port || !ca || !message) return 64;
    signal(SIGPIPE, SIG_IGN);
    alarm(300);
    load(message);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(context, 1);
    if (SSL_CTX_load_verify_locations(context, ca, NULL) != 1) fail("no CA");
    int loop = epoll_create1(0), open = connections;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < connections; i++) {
        struct line *l = calloc(1, sizeof *l);
        l->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(l->fd, (void *)&address, sizeof address)) fail("cannot connect");
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(l->fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(loop, EPOLL_CTL_ADD, l->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = l});
    }
    while (open > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(loop, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            struct line *l = events[i].data.ptr;
            if (receive(l)) continue;
            close(l->fd);
            open--;
        }
    }
    printf("{\"count\": %ld}\n", sent);
    return 0;
}
