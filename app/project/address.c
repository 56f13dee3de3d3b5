/*
 * The base address of a model provider, taken apart. Only what every reader of addresses understands the same
 * way is taken: where we believe a key goes is where it goes.
 */
#include <string.h>

#include "project/project_priv.h"

enum { MAX_ADDRESS = 500, MAX_HOST = 253 };

struct address {
	bool tls;
	struct str host; /* without brackets */
	int64_t port;
};

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '-' || c == '_';
}

static bool v6_char(char c)
{
	return str_hex_digit(c) >= 0 || c == ':' || c == '.';
}

static bool all(struct str s, bool (*fits)(char c))
{
	for (size_t i = 0; i < s.n; i++)
		if (!fits(s.p[i]))
			return false;
	return s.n > 0 && s.n <= MAX_HOST;
}

static const char *split_port(struct str s, struct address *out)
{
	if (!s.p)
		return NULL;
	if (!str_to_i64(s, &out->port) || out->port < 1 || out->port > 65535 || s.p[0] < '1')
		return "The port of the address must be a number between 1 and 65535.";
	return NULL;
}

/* host[:port] or [address][:port]. */
static const char *split_host(struct str s, struct address *out)
{
	static const char wrong[] = "The address must name a host: letters, digits, dots and hyphens.";

	if (memchr(s.p, '@', s.n))
		return "The address must not hold a user or a password.";
	if (!str_starts(s, STR("["))) {
		out->host = str_chop(&s, ':');
		return all(out->host, name_char) ? split_port(s, out) : wrong;
	}
	s = (struct str){s.p + 1, s.n - 1};
	out->host = str_chop(&s, ']');
	if (!s.p || !all(out->host, v6_char) || (s.n && s.p[0] != ':'))
		return wrong;
	return split_port(s.n ? (struct str){s.p + 1, s.n - 1} : (struct str){NULL, 0}, out);
}

static bool path_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\\\"<>^`{|}#", c);
}

static const char *split(const char *url, struct address *out)
{
	struct str s = str_of(url), host;

	*out = (struct address){.port = 80};
	if (s.n > MAX_ADDRESS)
		return "The address must have at most 500 characters.";
	if (str_starts(s, STR("https://")))
		*out = (struct address){.tls = true, .port = 443};
	else if (!str_starts(s, STR("http://")))
		return "The address must begin with https:// or http://.";
	s = (struct str){s.p + (out->tls ? 8 : 7), s.n - (out->tls ? 8 : 7)};
	for (size_t i = 0; i < s.n; i++)
		if (!path_char(s.p[i]))
			return "The address must have no spaces and no \"#\".";
	host = s;
	host = str_chop(&host, '/');
	return split_host(str_chop(&host, '?'), out);
}

const char *project_address_wrong(const char *url)
{
	struct address a;

	return split(url, &a);
}

bool project_model_same_server(const char *url, const char *other)
{
	struct address a, b;

	return !split(url, &a) && !split(other, &b) && a.tls == b.tls && a.port == b.port &&
	       str_eq_nocase(a.host, b.host);
}

/* 127.0.0.0/8 in its usual form. */
static bool loopback_v4(struct str host)
{
	size_t dots = 0;

	for (size_t i = 0; i < host.n; i++) {
		dots += host.p[i] == '.';
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	}
	return dots == 3 && str_starts(host, STR("127."));
}

bool project_model_in_clear(const char *url)
{
	struct address a;

	return !split(url, &a) && !a.tls && !loopback_v4(a.host) && !str_is(a.host, "::1") &&
	       !str_eq_nocase(a.host, STR("localhost"));
}
