/*
 * The FastCGI protocol (specification 1.0), for one request a connection in the responder role. Nothing is
 * allocated before its length was checked, reading and writing have time limits, and a connection holds one
 * small buffer: with a thread a stream its size counts two thousand times. Whatever nginx would not send
 * makes the peer count as gone.
 *
 * Not libfcgi 2.4.2, which trusts its peer: management records of 72 bytes (FCGI_GET_VALUES with four times
 * FCGI_MAX_CONNS) overrun its stack and end the process with all streams, before a secret can be asked
 * for; it keeps parameters without a limit, and aborts where it cannot have the 2 GB that a length announces.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"

enum {
	RECORD_BEGIN = 1,
	RECORD_ABORT = 2,
	RECORD_END = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,

	ROLE_RESPONDER = 1,
	HEADER_BYTES = 8,
	CONTENT_MOST = 65528,         /* of a record, a multiple of 8 */
	END_BYTES = 3 * HEADER_BYTES, /* the records that finish a request */
	REST_BYTES = 64 << 20,
	RECEIVE_SECONDS = 30,
	SEND_SECONDS = 30,
};

void http_fcgi_init(struct http_fcgi *f, int fd)
{
	const struct timeval receive = {RECEIVE_SECONDS, 0}, send = {SEND_SECONDS, 0};

	f->fd = fd;
	f->id = 0;
	f->gone = f->input_done = false;
	f->content = f->padding = f->at = f->have = 0;
	f->sent = 0;
	/* On what is not a socket (in tests) they fail and do not matter. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send));
}

static size_t read_some(struct http_fcgi *f, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(f->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (size_t)got;
	f->gone = true;
	return 0;
}

/* Exactly n bytes to p, or nowhere if p is NULL. */
static bool take(struct http_fcgi *f, void *p, size_t n)
{
	unsigned char *to = p;

	while (n > 0 && !f->gone) {
		size_t part = f->have - f->at;

		if (part == 0 && to && n >= sizeof(f->input)) {
			part = read_some(f, to, n);
		} else if (part == 0) {
			f->have = read_some(f, f->input, sizeof(f->input));
			f->at = 0;
			continue;
		} else {
			part = part < n ? part : n;
			if (to)
				memcpy(to, f->input + f->at, part);
			f->at += part;
		}
		to = to ? to + part : NULL;
		n -= part;
	}
	return n == 0;
}

static bool broken(struct http_fcgi *f)
{
	f->gone = true;
	return false;
}

/* Steps to the next record, which must be of this type and of our request. */
static bool next_record(struct http_fcgi *f, unsigned type)
{
	unsigned char h[HEADER_BYTES];

	if (!take(f, NULL, f->padding) || !take(f, h, sizeof(h)))
		return false;
	if (f->id == 0)
		f->id = (uint16_t)(h[2] << 8 | h[3]);
	if (h[0] != 1 || h[1] != type || f->id == 0 || (h[2] << 8 | h[3]) != f->id)
		return broken(f);
	f->content = (size_t)(h[4] << 8 | h[5]);
	f->padding = h[6];
	return true;
}

static bool begin(struct http_fcgi *f)
{
	unsigned char body[HEADER_BYTES];

	if (!next_record(f, RECORD_BEGIN))
		return false;
	if (f->content != sizeof(body))
		return broken(f);
	if (!take(f, body, sizeof(body)))
		return false;
	f->content = 0;
	return (body[0] << 8 | body[1]) == ROLE_RESPONDER || broken(f);
}

enum http_begin http_fcgi_begin(struct arena *a, struct http_fcgi *f, struct str *params)
{
	char *block = NULL;
	size_t n = 0;

	if (!begin(f))
		return HTTP_BEGIN_GONE;
	while (next_record(f, RECORD_PARAMS) && f->content > 0) {
		if (n + f->content > HTTP_PARAM_BYTES)
			return HTTP_BEGIN_TOO_LARGE;
		block = arena_grow(a, block, n, n + f->content);
		if (!take(f, block + n, f->content))
			break;
		n += f->content;
		f->content = 0;
	}
	*params = (struct str){block, n};
	return f->gone ? HTTP_BEGIN_GONE : HTTP_BEGIN_OK;
}

/* Steps to where there are bytes of the body; false at its end. */
static bool more_input(struct http_fcgi *f)
{
	if (f->content > 0)
		return !f->gone;
	if (f->gone || f->input_done || !next_record(f, RECORD_STDIN))
		return false;
	f->input_done = f->content == 0;
	return !f->input_done;
}

bool http_fcgi_read(struct http_fcgi *f, void *p, size_t n)
{
	char *to = p;

	while (n > 0 && more_input(f)) {
		size_t part = n < f->content ? n : f->content;

		if (!take(f, to, part))
			return false;
		f->content -= part;
		to = to ? to + part : NULL;
		n -= part;
	}
	return n == 0;
}

bool http_fcgi_ended(struct http_fcgi *f)
{
	return !more_input(f) && f->input_done;
}

void http_fcgi_discard(struct http_fcgi *f, size_t n)
{
	while (n > 0 && more_input(f)) {
		size_t part = n < f->content ? n : f->content;

		if (!http_fcgi_read(f, NULL, part))
			return;
		n -= part;
	}
}

static void put_header(unsigned char h[HEADER_BYTES], unsigned type, uint16_t id, size_t n)
{
	memset(h, 0, HEADER_BYTES);
	h[0] = 1;
	h[1] = (unsigned char)type;
	h[2] = (unsigned char)(id >> 8);
	h[3] = (unsigned char)id;
	h[4] = (unsigned char)(n >> 8);
	h[5] = (unsigned char)n;
}

static bool send_all(struct http_fcgi *f, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(f->fd, v, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return broken(f);
		for (; n > 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return true;
}

static struct str chop(struct str *s, size_t most)
{
	struct str part = {s->p, s->n < most ? s->n : most};

	if (part.n > 0)
		s->p += part.n;
	s->n -= part.n;
	return part;
}

static struct iovec piece(struct str s)
{
	return (struct iovec){(void *)s.p, s.n};
}

bool http_fcgi_write(struct http_fcgi *f, struct str head, struct str body, bool end)
{
	unsigned char record[HEADER_BYTES], finish[END_BYTES] = {0};

	put_header(finish, RECORD_STDOUT, f->id, 0);
	put_header(finish + HEADER_BYTES, RECORD_END, f->id, HEADER_BYTES);
	while (!f->gone) {
		struct str h = chop(&head, CONTENT_MOST), b = chop(&body, CONTENT_MOST - h.n);
		bool last = head.n + body.n == 0;
		struct iovec v[] = {{record, h.n + b.n > 0 ? sizeof(record) : 0},
		                    piece(h),
		                    piece(b),
		                    {finish, last && end ? sizeof(finish) : 0}};

		put_header(record, RECORD_STDOUT, f->id, h.n + b.n);
		if (!send_all(f, v, sizeof(v) / sizeof(v[0])))
			return false;
		f->sent += h.n + b.n;
		if (last)
			return true;
	}
	return false;
}

bool http_fcgi_send_raw(struct http_fcgi *f, struct str *bytes)
{
	ssize_t n = send(f->fd, bytes->p, bytes->n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return broken(f);
	if (n > 0)
		*bytes = (struct str){bytes->p + n, bytes->n - (size_t)n};
	return true;
}

/* As much of the record as the socket takes now; in bytes, -1 when the peer is gone. */
static ssize_t offer(struct http_fcgi *f, unsigned char header[HEADER_BYTES], struct str part)
{
	struct iovec v[] = {{header, HEADER_BYTES}, piece(part)};
	const struct msghdr m = {.msg_iov = v, .msg_iovlen = sizeof(v) / sizeof(v[0])};
	ssize_t n = sendmsg(f->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static void keep_rest(struct buf *rest, const unsigned char header[HEADER_BYTES], struct str part, size_t gone)
{
	size_t of_header = gone < HEADER_BYTES ? gone : HEADER_BYTES, of_part = gone - of_header;

	if (!rest->a)
		*rest = buf_init(arena_create(), REST_BYTES);
	buf_add(rest, header + of_header, HEADER_BYTES - of_header);
	buf_add(rest, part.p + of_part, part.n - of_part);
}

bool http_fcgi_send(struct http_fcgi *f, struct str body, struct buf *rest)
{
	unsigned char header[HEADER_BYTES];

	while (body.n > 0 && !f->gone) {
		struct str part = chop(&body, CONTENT_MOST);
		ssize_t n;

		put_header(header, RECORD_STDOUT, f->id, part.n);
		n = rest->n > 0 ? 0 : offer(f, header, part);
		if (n < 0)
			return broken(f);
		if ((size_t)n < HEADER_BYTES + part.n)
			keep_rest(rest, header, part, (size_t)n);
		f->sent += part.n;
	}
	return !f->gone && !rest->full;
}

void http_fcgi_close_sending(struct http_fcgi *f)
{
	(void)shutdown(f->fd, SHUT_WR);
}

bool http_fcgi_hung_up(struct http_fcgi *f)
{
	struct pollfd p = {f->fd, POLLRDHUP, 0};

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		f->gone = true;
	return f->gone;
}
