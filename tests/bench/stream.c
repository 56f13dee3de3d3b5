/*
 * Many people asking at once: opens --turns questions at --rate a second over connections of their own, then reads
 * all the event streams. The deltas carry the time at which the provider sent them (CLOCK_MONOTONIC, ns); what lies
 * between that and their arrival here is the delay. It counts from when every turn streams, for --seconds. One
 * thread and epoll, so that the client takes little of the machine it measures.
 *
 * Writes JSON lines: {"event":"steady"} and {"event":"measured"} when that time begins and ends, then the result.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 256, READ_BYTES = 16 << 10, EVENTS = 512, OPEN_S = 60, SHOWN = 3 };
#define SECOND INT64_C(1000000000)

enum state { CONNECTING, HANDSHAKE, SENDING, HEAD, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, FINISHED };

struct turn {
	int fd;
	SSL *ssl;                   /* NULL without TLS */
	enum state state;
	size_t sent;                /* bytes of the request */
	size_t chunk;               /* bytes left of it */
	char line[LINE_BYTES];      /* longer ones are cut */
	size_t n;                   /* of line */
	char kind;                  /* first letter of the event's name */
	char second;                /* and the one after it */
	int64_t deltas;
};

static struct {
	int port, turns, rate, seconds, deltas, plain;
	const char *origin, *cookie, *csrf, *path;
} opt = {.turns = 100, .rate = 200, .seconds = 10, .origin = "", .cookie = "", .csrf = "", .path = "/"};

static struct turn *turns;
static int epoll_fd, started, flowing, finished, failed;
static int64_t started_ns, begin_ns, until_ns;   /* the steady time is begin .. until; 0 as long as some turns are silent */
static uint32_t *delays;                         /* microseconds */
static size_t ndelays, room;
static char request[4096];
static size_t request_bytes;
static SSL_CTX *tls;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void finish(struct turn *t, const char *why)
{
	if (t->state == FINISHED)
		return;
	if (why && failed++ < SHOWN)
		fprintf(stderr, "bench-stream: turn %d: %s\n", (int)(t - turns), why);
	t->state = FINISHED;
	finished++;
	SSL_free(t->ssl);
	close(t->fd);
}

/* What comes ------------------------------------------------------------------------------------------------------ */

static void take_delta(struct turn *t, const char *data, int64_t now)
{
	const char *text = strstr(data, "\"text\":\"");
	char *end;

	flowing += t->deltas == 0;
	/* What was joined on the way stands one after the other. */
	for (text = text ? text + 8 : ""; *text >= '0' && *text <= '9'; text = end + (*end == ' ')) {
		int64_t sent = strtoll(text, &end, 10);

		t->deltas++;
		if (begin_ns && sent >= begin_ns && sent < until_ns && ndelays < room)
			delays[ndelays++] = (uint32_t)((now - sent) / 1000);
	}
}

static void take_done(struct turn *t, const char *data)
{
	if (!strstr(data, "\"status\":\"done\""))
		finish(t, data);
	else
		finish(t, t->deltas == opt.deltas ? NULL : "text is missing");
}

static void take_line(struct turn *t, int64_t now)
{
	bool data = !strncmp(t->line, "data: ", 6);

	if (!strncmp(t->line, "event: ", 7)) {
		t->kind = t->line[7];
		t->second = t->line[8];
	} else if (data && t->kind == 'd' && t->second == 'e') {
		take_delta(t, t->line + 6, now);
	} else if (data && t->kind == 'd' && t->second == 'o') {
		take_done(t, t->line + 6);
	}
}

static void take_head_line(struct turn *t)
{
	if (!strncmp(t->line, "HTTP/", 5) && strncmp(t->line, "HTTP/1.1 200", 12))
		finish(t, t->line);
	else if (t->line[0] == '\r')
		t->state = CHUNK_SIZE;
}

/* A byte of a line of the head or the body; true when it ends the line, which is then in t->line. */
static bool ends_line(struct turn *t, char c)
{
	if (c != '\n') {
		if (t->n + 1 < sizeof(t->line))
			t->line[t->n++] = c;
		return false;
	}
	t->line[t->n] = '\0';
	t->n = 0;
	return true;
}

static void take_size(struct turn *t, char c)
{
	if (c >= '0' && c <= '9')
		t->chunk = t->chunk * 16 + (size_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		t->chunk = t->chunk * 16 + (size_t)(c - 'a') + 10;
	else if (c == '\n' && t->chunk == 0)
		finish(t, "the stream broke off");
	else if (c == '\n')
		t->state = CHUNK_DATA;
}

static void take(struct turn *t, char c, int64_t now)
{
	switch (t->state) {
	case HEAD:
		if (ends_line(t, c))
			take_head_line(t);
		return;
	case CHUNK_SIZE:
		take_size(t, c);
		return;
	case CHUNK_DATA:
		if (--t->chunk == 0)
			t->state = CHUNK_END;
		if (ends_line(t, c))
			take_line(t, now);
		return;
	case CHUNK_END:
		if (c == '\n')
			t->state = CHUNK_SIZE;
		return;
	default:
		return;
	}
}

/* The connection -------------------------------------------------------------------------------------------------- */

/* Bytes, 0 when it is to be tried again later, -1 at the end. */
static ssize_t tls_result(struct turn *t, int r)
{
	int e = r > 0 ? 0 : SSL_get_error(t->ssl, r);

	return r > 0 ? r : e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t plain_result(ssize_t n)
{
	return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t receive(struct turn *t, char *p, size_t n)
{
	return t->ssl ? tls_result(t, SSL_read(t->ssl, p, (int)n)) : plain_result(recv(t->fd, p, n, 0));
}

static ssize_t transmit(struct turn *t, const char *p, size_t n)
{
	return t->ssl ? tls_result(t, SSL_write(t->ssl, p, (int)n)) : plain_result(send(t->fd, p, n, MSG_NOSIGNAL));
}

static void on_connected(struct turn *t)
{
	t->state = t->ssl ? HANDSHAKE : SENDING;
	if (t->ssl)
		SSL_set_fd(t->ssl, t->fd);
}

static void on_handshake(struct turn *t)
{
	ssize_t n = tls_result(t, SSL_connect(t->ssl));

	if (n < 0)
		finish(t, "no TLS connection");
	else if (n > 0)
		t->state = SENDING;
}

static void on_sending(struct turn *t)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};
	ssize_t n = transmit(t, request + t->sent, request_bytes - t->sent);

	if (n < 0) {
		finish(t, "could not send");
		return;
	}
	t->sent += (size_t)n;
	if (t->sent < request_bytes)
		return;
	t->state = HEAD;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, t->fd, &e);
}

static void on_readable(struct turn *t)
{
	char bytes[READ_BYTES];
	ssize_t n;

	while (t->state != FINISHED && (n = receive(t, bytes, sizeof(bytes))) != 0) {
		int64_t now = now_ns();

		if (n < 0)
			finish(t, "the connection broke off");
		for (ssize_t i = 0; i < n && t->state != FINISHED; i++)
			take(t, bytes[i], now);
	}
}

static void on_event(struct turn *t)
{
	if (t->state == CONNECTING)
		on_connected(t);
	if (t->state == HANDSHAKE)
		on_handshake(t);
	if (t->state == SENDING)
		on_sending(t);
	if (t->state >= HEAD && t->state < FINISHED)
		on_readable(t);
}

static void start(struct turn *t)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = t};

	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (tls) {
		t->ssl = SSL_new(tls);
		SSL_set_connect_state(t->ssl);
	}
	if (t->fd < 0 || (connect(t->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS))
		finish(t, strerror(errno));
	else
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, t->fd, &e);
}

/* The run ------------------------------------------------------------------------------------------------------------ */

static void say(const char *event)
{
	printf("{\"event\":\"%s\"}\n", event);
	fflush(stdout);
}

/* Starts what is due and notes when the steady time begins and ends; milliseconds until it is to be called again. */
static int look_at_clock(void)
{
	static bool measured;
	int64_t now = now_ns(), passed = now - started_ns;

	while (started < opt.turns && started < passed * opt.rate / SECOND + 1)
		start(&turns[started++]);
	if (!begin_ns && (flowing + failed >= opt.turns || passed > OPEN_S * SECOND)) {
		begin_ns = now + SECOND;
		until_ns = begin_ns + opt.seconds * SECOND;
		say("steady");
	}
	if (!measured && begin_ns && now > until_ns) {
		measured = true;
		say("measured");
	}
	return started < opt.turns ? 2 : 100;
}

static void run(void)
{
	struct epoll_event events[EVENTS];
	int64_t end_ns;

	started_ns = now_ns();
	end_ns = started_ns + (OPEN_S * 2 + opt.seconds) * SECOND;
	while (finished < opt.turns && now_ns() < end_ns) {
		int n = epoll_wait(epoll_fd, events, EVENTS, look_at_clock());

		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr);
	}
	for (int i = 0; i < opt.turns; i++)
		finish(&turns[i], "did not end in time");
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double quantile_ms(double q)
{
	return ndelays ? delays[(size_t)((double)(ndelays - 1) * q)] / 1000.0 : 0;
}

static void report(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	qsort(delays, ndelays, sizeof(*delays), by_size);
	printf("{\"event\":\"result\",\"turns\":%d,\"failed\":%d,\"deltas\":%zu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,"
	       "\"p99_ms\":%.3f,\"max_ms\":%.3f,\"client_cpu_s\":%.2f}\n",
	       opt.turns, failed, ndelays, quantile_ms(0.5), quantile_ms(0.9), quantile_ms(0.99), quantile_ms(1),
	       (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
		       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
}

static void build_request(void)
{
	static const char body[] = "question=bench";
	int n = snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: %s\r\nCookie: %s\r\n"
			 "X-CSRF-Token: %s\r\nAccept: text/event-stream\r\n"
			 "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
			 opt.path, opt.origin, opt.cookie, opt.csrf, sizeof(body) - 1, body);

	if (n < 0 || (size_t)n >= sizeof(request))
		exit(2);
	request_bytes = (size_t)n;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", 1, NULL, 'P'}, {"turns", 1, NULL, 'n'}, {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'},
		{"deltas", 1, NULL, 'd'}, {"origin", 1, NULL, 'o'}, {"cookie", 1, NULL, 'c'}, {"csrf", 1, NULL, 't'},
		{"path", 1, NULL, 'p'}, {"plain", 0, &opt.plain, 1}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int *number = c == 'P' ? &opt.port : c == 'n' ? &opt.turns : c == 'r' ? &opt.rate :
			      c == 's' ? &opt.seconds : c == 'd' ? &opt.deltas : NULL;
		const char **text = c == 'o' ? &opt.origin : c == 'c' ? &opt.cookie : c == 't' ? &opt.csrf :
				    c == 'p' ? &opt.path : NULL;

		if (c == '?')
			exit(2);
		if (number)
			*number = (int)strtol(optarg, NULL, 10);
		if (text)
			*text = optarg;
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	build_request();
	if (!opt.plain) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	}
	turns = calloc((size_t)opt.turns, sizeof(*turns));
	room = (size_t)opt.turns * (size_t)opt.deltas;
	delays = malloc(room * sizeof(*delays) + 1);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!turns || !delays || epoll_fd < 0)
		return 2;
	run();
	report();
	return 0;
}
