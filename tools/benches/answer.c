/* The function of the benches that need more than tests/functions/resp.c: answers every POST with an envelope, and when a body holds
   sent:<nanoseconds> it writes "<sent> <arrived>" to the file that ARRIVALS names. Bodies come whole or in pieces of at most 64 KiB.
   Build: cc -O2 -o bootstrap answer.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FDS = 1024, ROOM = 131072 };

struct connection {
    size_t length;
    char data[ROOM + 1];
};

static struct connection *connections[MAX_FDS];
static int arrivals = -1;
static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n"
    "{\"statusCode\":200,\"headers\":{},\"isBase64Encoded\":false,\"body\":\"\"}";

static void note(const char *body) {
    const char *sent = strstr(body, "sent:");
    if (arrivals < 0 || !sent) return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    dprintf(arrivals, "%llu %lld%09ld\n", strtoull(sent + 5, NULL, 10), (long long)now.tv_sec, now.tv_nsec);
}

/* Answer every whole request; 0 when the connection is of no more use. */
static int serve(int fd, struct connection *c) {
    for (;;) {
        c->data[c->length] = 0;
        char *end = strstr(c->data, "\r\n\r\n");
        if (!end) return c->length < ROOM;
        *end = 0;
        char *field = strcasestr(c->data, "\r\ncontent-length:");
        *end = '\r';
        size_t whole = (size_t)(end + 4 - c->data) + (field ? strtoul(field + 17, NULL, 10) : 0);
        if (whole > ROOM) return 0;
        if (c->length < whole) return 1;
        char kept = c->data[whole];
        c->data[whole] = 0;
        note(end + 4);
        c->data[whole] = kept;
        if (write(fd, ANSWER, sizeof ANSWER - 1) != (ssize_t)(sizeof ANSWER - 1)) return 0;
        memmove(c->data, c->data + whole, c->length - whole);
        c->length -= whole;
    }
}

static void accept_all(int listener, int poll) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FDS) { close(fd); continue; }
        if (!connections[fd]) connections[fd] = malloc(sizeof *connections[fd]);
        connections[fd]->length = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(void) {
    const char *port = getenv("PORT"), *file = getenv("ARRIVALS");
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 8000)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (file) arrivals = open(file, O_WRONLY | O_APPEND);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) { accept_all(listener, poll); continue; }
            struct connection *c = connections[fd];
            ssize_t got = read(fd, c->data + c->length, ROOM - c->length);
            if (got > 0) c->length += (size_t)got;
            if (got <= 0 || !serve(fd, c)) close(fd);
        }
    }
}
