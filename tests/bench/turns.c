/*
 * Many people asking at once: opens --turns questions at --rate a second over connections of their own, then reads
 * all the event streams. The deltas carry the time at which the provider sent them (CLOCK_MONOTONIC, ns); what lies
 * between that and their arrival here is the delay. It counts from when every turn streams, for --seconds; with 0
 * from the beginning, and then of each turn's first delta only. A text "tA,B " tells of two times in microseconds,
 * that of a query and that of the model's next request.
 *
 * Every stream must be whole: events numbered without a gap, and each delta once. One in --drop clients hangs up in the
 * middle and comes back for the rest. One thread and epoll, so that the client takes little of the machine it measures.
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

enum { LINE_BYTES = 200, READ_BYTES = 16 << 10, EVENTS = 512, SLACK_S = 60, SHOWN = 3, BREAKS = 10, BACK_NS = 200 * 1000 * 1000,
       ROUND_NS = 1000 * 1000 };
#define SECOND INT64_C(1000000000)

enum state { AWAY, CONNECTING, HANDSHAKE, SENDING, HEAD, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, FINISHED };
enum kind { OTHER, TURN, DELTA, MESSAGE, DONE };

struct turn {
	int fd;
	SSL *ssl;              /* NULL without TLS */
	enum state state;
	size_t sent;           /* bytes of the request */
	size_t chunk;          /* bytes left of it */
	char line[LINE_BYTES]; /* longer ones are cut */
	size_t n;              /* of line */
	enum kind kind;        /* of the event under way */
	bool in_text;          /* of a delta or a message: read as it comes */
	int64_t number;        /* that is being read there; -1: none */
	int64_t query_us;      /* behind a "t"; 0: none */
	int64_t last;          /* time in the delta before */
	int64_t deltas;
	int64_t id;            /* the turn's */
	int64_t event;         /* number of the last one */
	int64_t drop_at;       /* hangs up after so many deltas, 0: not */
	int64_t back_ns;       /* when one who left comes again */
	int breaks;            /* times that the stream ended before the turn did */
};

static struct {
	int port, turns, rate, seconds, deltas, drop, plain;
	const char *origin, *cookie, *csrf, *path, *question;
} opt = {.turns = 100, .rate = 200, .seconds = 10, .origin = "", .cookie = "", .csrf = "", .path = "/", .question = "bench"};

static struct turn *turns;
static int epoll_fd, started, flowing, finished, failed, dropped, away;
static int64_t wrong;                            /* events and deltas that were missing or came twice */
static int64_t started_ns, begin_ns, until_ns;   /* the steady time is begin .. until; 0 as long as some turns are silent */
static uint32_t *delays, *gaps;                  /* microseconds; gaps: between a query and the next request */
static size_t ndelays, ngaps, room;
static char request[4096];
static size_t request_bytes;
static SSL_CTX *tls;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void hang_up(struct turn *t, enum state state)
{
	t->state = state;
	SSL_free(t->ssl);
	t->ssl = NULL;
	close(t->fd);
}

static void finish(struct turn *t, const char *why)
{
	if (t->state == FINISHED)
		return;
	if (why && failed++ < SHOWN)
		fprintf(stderr, "bench-turns: turn %d: %s\n", (int)(t - turns), why);
	if (t->state != AWAY)
		hang_up(t, FINISHED);
	t->state = FINISHED;
	finished++;
}

/* What comes ------------------------------------------------------------------------------------------------------ */

static void take_time(struct turn *t, int64_t sent, int64_t now)
{
	bool fresh = t->kind == DELTA && !t->back_ns; /* who comes back is given the text so far once more */
	bool counts = opt.seconds ? begin_ns && sent >= begin_ns && sent < until_ns : t->deltas == 0;

	flowing += t->deltas == 0 && fresh;
	wrong += sent <= t->last;
	t->last = sent;
	t->deltas++;
	if (counts && fresh && ndelays < room)
		delays[ndelays++] = (uint32_t)((now - sent) / 1000);
}

static void take_number(struct turn *t, int64_t now)
{
	if (t->query_us > 0 && t->kind == DELTA && ngaps < room)
		gaps[ngaps++] = (uint32_t)(t->number - t->query_us);
	if (t->query_us == 0)
		take_time(t, t->number, now);
	t->query_us = t->query_us < 0 ? t->number : 0;
	t->number = -1;
}

static void take_text(struct turn *t, char c, int64_t now)
{
	if (c >= '0' && c <= '9') {
		t->number = (t->number < 0 ? 0 : t->number * 10) + (c - '0');
		return;
	}
	if (t->number >= 0)
		take_number(t, now);
	if (c == 't')
		t->query_us = -1;
	t->in_text = c != '\n';
}

static void leave(struct turn *t, int64_t now)
{
	dropped++;
	away++;
	hang_up(t, AWAY);
	t->back_ns = now + BACK_NS;
	t->drop_at = t->deltas = t->last = 0;
	t->n = t->chunk = t->sent = 0;
	t->number = -1;
	t->in_text = false;
}

/* A worker that ends lets its streams go; browsers come back, and so does this one. */
static void broken_off(struct turn *t, const char *why)
{
	if (t->id && ++t->breaks < BREAKS)
		leave(t, now_ns());
	else
		finish(t, why);
}

static void take_done(struct turn *t, const char *data)
{
	wrong += llabs(opt.deltas - t->deltas);
	if (!strstr(data, "\"done\""))
		finish(t, data);
	else
		finish(t, t->deltas == opt.deltas ? NULL : "text is missing");
}

static void take_id(struct turn *t, int64_t id)
{
	wrong += llabs(id - t->event - 1);
	t->event = id;
}

static enum kind kind_of(const char *name)
{
	static const char *const names[] = {[TURN] = "turn", [DELTA] = "delta", [MESSAGE] = "message", [DONE] = "done"};

	for (enum kind k = TURN; k <= DONE; k++)
		if (!strcmp(name, names[k]))
			return k;
	return OTHER;
}

/* Whether the line so far is all that stands in front of a text. A message is in the place of the deltas before it. */
static bool begins_text(struct turn *t)
{
	static const char *const fronts[] = {"data: {\"text\":\"", "data: {\"text\": \""};

	if ((t->kind != DELTA && t->kind != MESSAGE) || t->n == 0 || t->line[t->n - 1] != '"')
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (t->n != strlen(fronts[i]) || memcmp(t->line, fronts[i], t->n))
			continue;
		if (t->kind == MESSAGE)
			t->deltas = t->last = 0;
		t->n = 0;
		return true;
	}
	return false;
}

static void take_line(struct turn *t)
{
	const char *id;

	if (!strncmp(t->line, "id: ", 4))
		take_id(t, strtoll(t->line + 4, NULL, 10));
	else if (!strncmp(t->line, "event: ", 7))
		t->kind = kind_of(t->line + 7);
	else if (t->kind == TURN && (id = strstr(t->line, "\"turn_id\":")) != NULL)
		t->id = strtoll(id + 10, NULL, 10);
	else if (t->kind == DONE && !strncmp(t->line, "data: ", 6))
		take_done(t, t->line + 6);
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

static void take_event(struct turn *t, const char *p, size_t n, int64_t now)
{
	for (size_t i = 0; i < n && t->state == CHUNK_DATA; i++) {
		if (t->in_text)
			take_text(t, p[i], now);
		else if (ends_line(t, p[i]))
			take_line(t);
		else
			t->in_text = begins_text(t);
	}
	if (t->drop_at && t->deltas >= t->drop_at && t->state == CHUNK_DATA)
		leave(t, now);
}

static void take_size(struct turn *t, char c)
{
	if (c >= '0' && c <= '9')
		t->chunk = t->chunk * 16 + (size_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		t->chunk = t->chunk * 16 + (size_t)(c - 'a') + 10;
	else if (c == '\n' && t->chunk == 0)
		broken_off(t, "the stream broke off");
	else if (c == '\n')
		t->state = CHUNK_DATA;
}

/* Takes one byte or more of what came; how many. */
static size_t take(struct turn *t, const char *p, size_t n, int64_t now)
{
	size_t part = n < t->chunk ? n : t->chunk;

	switch (t->state) {
	case HEAD:
		if (ends_line(t, *p))
			take_head_line(t);
		return 1;
	case CHUNK_SIZE:
		take_size(t, *p);
		return 1;
	case CHUNK_DATA:
		take_event(t, p, part, now);
		if (t->state == CHUNK_DATA && (t->chunk -= part) == 0)
			t->state = CHUNK_END;
		return part;
	case CHUNK_END:
		if (*p == '\n')
			t->state = CHUNK_SIZE;
		return 1;
	default:
		return n;
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

/* What this one asks for: to answer a question, or what follows the last event that it has. */
static const char *request_of(const struct turn *t, size_t *n)
{
	static char again[4096];

	*n = request_bytes;
	if (!t->back_ns)
		return request;
	*n = (size_t)snprintf(again, sizeof(again), "GET /turns/%lld/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: %s\r\n"
			      "Accept: text/event-stream\r\nLast-Event-ID: %lld\r\n\r\n",
			      (long long)t->id, opt.cookie, (long long)t->event);
	return again;
}

static void on_sending(struct turn *t)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};
	size_t bytes;
	const char *text = request_of(t, &bytes);
	ssize_t n = transmit(t, text + t->sent, bytes - t->sent);

	if (n < 0) {
		finish(t, "could not send");
		return;
	}
	t->sent += (size_t)n;
	if (t->sent < bytes)
		return;
	t->state = HEAD;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, t->fd, &e);
}

/* One read each time: the socket tells again when there is more, but not of what TLS has taken from it already. */
static void on_readable(struct turn *t)
{
	char bytes[READ_BYTES];

	do {
		ssize_t n = receive(t, bytes, sizeof(bytes));
		int64_t now = now_ns();

		if (n < 0)
			broken_off(t, "the connection broke off");
		for (ssize_t i = 0; i < n && t->state >= HEAD && t->state < FINISHED;)
			i += (ssize_t)take(t, bytes + i, (size_t)(n - i), now);
	} while (t->state >= HEAD && t->state < FINISHED && t->ssl && SSL_has_pending(t->ssl));
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

	t->state = CONNECTING;
	t->number = -1;
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

/* Every so many of them will hang up, each at another point of the first half. */
static void start_next(int i)
{
	if (opt.drop && i % opt.drop == opt.drop - 1)
		turns[i].drop_at = 1 + (i / opt.drop * 37) % (opt.deltas / 2);
	start(&turns[i]);
}

static void start_who_comes_back(int64_t now)
{
	for (int i = 0; away && i < started; i++)
		if (turns[i].state == AWAY && turns[i].back_ns && now >= turns[i].back_ns) {
			away--;
			start(&turns[i]);
		}
}

/* Starts what is due and notes when the steady time begins and ends; milliseconds until it is to be called again. */
static int look_at_clock(void)
{
	static bool measured;
	int64_t now = now_ns(), passed = now - started_ns;

	while (started < opt.turns && started < passed * opt.rate / SECOND + 1)
		start_next(started++);
	start_who_comes_back(now);
	if (opt.seconds && !begin_ns && (flowing + failed >= opt.turns || passed > (opt.turns / opt.rate + SLACK_S) * SECOND)) {
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

/* A look for each event would cost the machine more than the program that is measured. It counts as delay. */
static void let_some_come(int64_t from_ns)
{
	int64_t left_ns = from_ns + ROUND_NS - now_ns();

	if (opt.seconds && left_ns > 0)
		nanosleep(&(struct timespec){0, left_ns}, NULL);
}

static void run(void)
{
	struct epoll_event events[EVENTS];
	int64_t end_ns;

	started_ns = now_ns();
	end_ns = started_ns + (opt.turns / opt.rate + opt.seconds + 2 * SLACK_S) * SECOND;
	while (finished < opt.turns && now_ns() < end_ns) {
		int n = epoll_wait(epoll_fd, events, EVENTS, look_at_clock());
		int64_t from_ns = now_ns();

		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr);
		let_some_come(from_ns);
	}
	for (int i = 0; i < opt.turns; i++)
		finish(&turns[i], "did not end in time");
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double quantile_ms(const uint32_t *sorted, size_t n, double q)
{
	return n ? sorted[(size_t)((double)(n - 1) * q)] / 1000.0 : 0;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	qsort(delays, ndelays, sizeof(*delays), by_size);
	qsort(gaps, ngaps, sizeof(*gaps), by_size);
	printf("{\"event\":\"result\",\"turns\":%d,\"failed\":%d,\"dropped\":%d,\"wrong\":%lld,\"deltas\":%zu,"
	       "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
	       "\"gaps\":%zu,\"gap_p50_ms\":%.3f,\"gap_p99_ms\":%.3f,\"client_cpu_s\":%.2f}\n",
	       opt.turns, failed, dropped, (long long)wrong, ndelays, quantile_ms(delays, ndelays, 0.5),
	       quantile_ms(delays, ndelays, 0.9), quantile_ms(delays, ndelays, 0.99), quantile_ms(delays, ndelays, 1), ngaps,
	       quantile_ms(gaps, ngaps, 0.5), quantile_ms(gaps, ngaps, 0.99), seconds_of(use.ru_utime) + seconds_of(use.ru_stime));
}

static void build_request(void)
{
	char body[200];
	int of_body = snprintf(body, sizeof(body), "question=%s", opt.question);
	int n = snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: %s\r\nCookie: %s\r\n"
			 "X-CSRF-Token: %s\r\nAccept: text/event-stream\r\n"
			 "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			 opt.path, opt.origin, opt.cookie, opt.csrf, of_body, body);

	if (n < 0 || (size_t)n >= sizeof(request))
		exit(2);
	request_bytes = (size_t)n;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", 1, NULL, 'P'}, {"turns", 1, NULL, 'n'}, {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'},
		{"deltas", 1, NULL, 'd'}, {"drop", 1, NULL, 'k'}, {"origin", 1, NULL, 'o'}, {"cookie", 1, NULL, 'c'}, {"csrf", 1, NULL, 't'},
		{"path", 1, NULL, 'p'}, {"question", 1, NULL, 'q'}, {"plain", 0, &opt.plain, 1}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int *number = c == 'P' ? &opt.port : c == 'n' ? &opt.turns : c == 'r' ? &opt.rate :
			      c == 's' ? &opt.seconds : c == 'd' ? &opt.deltas : c == 'k' ? &opt.drop : NULL;
		const char **text = c == 'o' ? &opt.origin : c == 'c' ? &opt.cookie : c == 't' ? &opt.csrf :
				    c == 'p' ? &opt.path : c == 'q' ? &opt.question : NULL;

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
		SSL_CTX_set_read_ahead(tls, 1);
	}
	turns = calloc((size_t)opt.turns, sizeof(*turns));
	room = (size_t)opt.turns * (size_t)opt.deltas;
	delays = malloc(room * sizeof(*delays) + 1);
	gaps = malloc(room * sizeof(*gaps) + 1);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!turns || !delays || !gaps || epoll_fd < 0)
		return 2;
	run();
	report();
	return 0;
}
