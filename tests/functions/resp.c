/* A function that costs almost nothing: answers every POST on its port with {"ok":true}. One epoll loop, keep-alive, Content-Length bodies.
   Build: cc -O2 -o bootstrap resp.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 4096, HEAD_MAX = 16384, CHUNK = 65536 };

struct connection {
    char head[HEAD_MAX]; /* the request's head so far */
    size_t head_length;
    size_t body_left; /* bytes of the body still to come */
};

static struct connection *connections[MAX_FDS];
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

static int answer(int fd) {
    return write(fd, ANSWER, sizeof ANSWER - 1) == (ssize_t)(sizeof ANSWER - 1);
}

static size_t body_length(char *head) {
    char *field = strcasestr(head, "\r\ncontent-length:");
    return field ? strtoul(field + 17, NULL, 10) : 0;
}

/* Take what was read; 0 when the connection is of no more use. */
static int take(int fd, struct connection *c, char *data, size_t length) {
    while (length > 0) {
        if (c->body_left > 0) {
            size_t part = length < c->body_left ? length : c->body_left;
            c->body_left -= part, data += part, length -= part;
            if (c->body_left == 0 && !answer(fd)) return 0;
            continue;
        }
        size_t room = HEAD_MAX - 1 - c->head_length, part = length < room ? length : room;
        memcpy(c->head + c->head_length, data, part);
        c->head[c->head_length + part] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) {
            if (part < length) return 0;
            c->head_length += part;
            return 1;
        }
        size_t used = (size_t)(end + 4 - c->head) - c->head_length;
        end[2] = 0;
        c->body_left = body_length(c->head);
        c->head_length = 0, data += used, length -= used;
        if (c->body_left == 0 && !answer(fd)) return 0;
    }
    return 1;
}

static void accept_all(int listener, int poll) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FDS) { close(fd); continue; }
        if (!connections[fd]) connections[fd] = malloc(sizeof *connections[fd]);
        connections[fd]->head_length = connections[fd]->body_left = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(void) {
    static char buffer[CHUNK];
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
            ssize_t got = read(fd, buffer, CHUNK);
            if (got > 0 ? !take(fd, connections[fd], buffer, (size_t)got) : !(got < 0 && errno == EAGAIN)) close(fd);
        }
    }
}
