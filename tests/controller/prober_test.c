/* Probes against a small HTTP server of our own: good, failing, refused, and one that answers late or never. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "controller/prober.h"
#include "tests/check.h"

/* Answers each connection with `answer`; "" hangs up, NULL says nothing until it is told to end. */
struct server {
    int fd, port, end[2];
    const char *answer;
    pthread_t thread;
};

static void *serve(void *context)
{
    struct server *server = context;
    struct pollfd fds[] = { { .fd = server->fd, .events = POLLIN }, { .fd = server->end[0], .events = POLLIN } };
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        char request[1024];
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && !server->answer)
            (void)!read(server->end[0], request, 1); /* until the end */
        if (fd >= 0 && server->answer && read(fd, request, sizeof(request)) > 0)
            (void)!write(fd, server->answer, strlen(server->answer));
        close(fd);
        if (!server->answer)
            break;
    }
    return NULL;
}

static void server_listen(struct server *server, const char *answer)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    *server = (struct server){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer };
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pipe(server->end), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_end(struct server *server)
{
    assert_int_equal(write(server->end[1], "x", 1), 1);
    pthread_join(server->thread, NULL);
    close(server->fd);
    close(server->end[0]);
    close(server->end[1]);
}

static const struct row {
    const char *why;
    const char *answer; /* NULL: never */
    bool refused;
    enum health health;
    const char *problem; /* part of it */
} rows[] = {
    { "healthy", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .health = HEALTH_HEALTHY, .problem = "" },
    { "a redirect to the login page is good", "HTTP/1.1 303 See Other\r\nLocation: /web\r\nContent-Length: 0\r\n\r\n",
      .health = HEALTH_HEALTHY, .problem = "" },
    { "500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", .health = HEALTH_UNHEALTHY,
      .problem = "/health answers HTTP 500" },
    { "no HTTP", "SSH-2.0-OpenSSH\r\n", .health = HEALTH_UNHEALTHY, .problem = "" },
    { "hangs up", "", .health = HEALTH_UNHEALTHY, .problem = "" },
    { "refused", "", .refused = true, .health = HEALTH_UNHEALTHY, .problem = "" },
    { "stopped while a probe waits for its answer", NULL, .health = HEALTH_STARTING, .problem = "" },
};

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

/* Until the queue holds the record, or `ms` are over. */
static bool run_until_woken(struct ev_loop *loop, struct queue *queue, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    struct queue_item item;
    while (clock_mono_ms() < until_ms) {
        ev_timer timer;
        ev_timer_init(&timer, on_timer, 0.02, 0.);
        ev_timer_start(loop, &timer);
        ev_run(loop, 0);
        ev_timer_stop(loop, &timer);
        if (queue_take(queue, LANE_QUICK, clock_mono_ms(), &item))
            return true;
    }
    return false;
}

static void test_probe(void **state)
{
    const struct row *row = *state;
    struct server server;
    server_listen(&server, row->answer);
    int port = server.port;
    if (row->refused)
        server_end(&server);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct http_loop *http_loop = http_loop_new(loop);
    struct queue *queue = queue_new();
    struct world *world = world_new();
    struct probe_target target = { .port = port,
                                   .started_wall_ms = 1,
                                   .startup_timeout_ms = 1,
                                   .failure_threshold = 1,
                                   .uid = "u1",
                                   .container_id = "c1",
                                   .address = "127.0.0.1",
                                   .path = "/health" };
    assert_true(record_key_set(&target.key, KIND_INSTANCE, "acme", "erp"));
    struct prober *prober = prober_new(loop, http_loop, queue, world);
    world_want_probe(world, &target);
    prober_look(prober);
    assert_int_equal(run_until_woken(loop, queue, row->answer ? 5000 : 300), row->answer != NULL);
    struct health_seen seen = world_health(world, "u1", "c1");
    assert_int_equal(seen.health, row->health);
    assert_contains(seen.problem, row->problem);
    http_loop_free(http_loop);
    prober_free(prober);
    if (!row->refused)
        server_end(&server);
    queue_free(queue);
    world_free(world);
    ev_loop_destroy(loop);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_probe, rows);
    return check_run("prober", &list);
}
