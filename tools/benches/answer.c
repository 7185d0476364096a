/* The function of the benches that need more than tests/functions/resp.c: answers every POST with an envelope. When a body holds
   sent:<nanoseconds> it remembers that and its own time; a body that holds tell:arrivals is answered with a line for each:
   <sent> <arrived>. Requests have at most 128 KiB.
   Build: cc -O2 -o bootstrap answer.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FDS = 1024, ROOM = 131072, MOST_ARRIVALS = 10000, LINE = 48 };

struct connection {
    size_t length;
    char data[ROOM + 1];
};

static struct connection *connections[MAX_FDS];
static unsigned long long arrivals[MOST_ARRIVALS][2];
static int count;
static const char ENVELOPE[] = "{\"statusCode\":200,\"headers\":{},\"isBase64Encoded\":false,\"body\":\"\"}";

static void note(const char *sent) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (count == MOST_ARRIVALS) return;
    arrivals[count][0] = strtoull(sent + 5, NULL, 10);
    arrivals[count++][1] = now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int answer(int fd, const char *body) {
    static char told[MOST_ARRIVALS * LINE], out[sizeof told + 128];
    const char *sent = strstr(body, "sent:"), *said = ENVELOPE;
    if (sent) note(sent);
    if (strstr(body, "tell:arrivals")) {
        size_t length = 0;
        told[0] = 0;
        for (int i = 0; i < count; i++) length += sprintf(told + length, "%llu %llu\n", arrivals[i][0], arrivals[i][1]);
        said = told;
    }
    int length = sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(said), said);
    return write(fd, out, length) == length;
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
        if (!answer(fd, end + 4)) return 0;
        c->data[whole] = kept;
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
    const char *port = getenv("PORT");
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 8000)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
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
