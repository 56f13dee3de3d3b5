/*
 * A database address as people have it at hand, taken apart by us and not by libpq: what libpq would read
 * from files, services or further options never comes in. The address holds a password, so no message repeats
 * it.
 */
#include "project/project_priv.h"

#include <string.h>

#include "lib/arena.h"

struct dsn {
	struct arena *a;
	const char *user, *password, *host, *port, *database, *sslmode;
};

static struct err *refuse(struct arena *a, const char *why)
{
	return err_hint(err_code(err_new(a, ERR_INVALID, "the database address %s", why), "dsn"),
	                "Write postgresql://user:password@host:port/database and percent-encode what is"
	                " special in the password.");
}

/* Percent-decoded text without control characters, in valid UTF-8. */
static struct err *decode(struct arena *a, struct str s, const char **out)
{
	char *text = arena_alloc(a, s.n + 1);
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch == '%') {
			int high = i + 2 < s.n ? str_hex_digit(s.p[i + 1]) : -1,
			    low = i + 2 < s.n ? str_hex_digit(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return refuse(a, "has a percent sign that is not followed by two hex digits");
			ch = (unsigned char)(high << 4 | low);
			i += 2;
		}
		if (ch < 0x20 || ch == 0x7f)
			return refuse(a, "holds a control character");
		text[n++] = (char)ch;
	}
	if (!str_utf8_valid((struct str){text, n}))
		return refuse(a, "is not valid UTF-8");
	*out = text;
	return NULL;
}

static struct err *put(struct dsn *d, const char **field, struct str value, const char *twice)
{
	if (*field)
		return refuse(d->a, twice);
	return decode(d->a, value, field);
}

/* user[:password] before the last "@". */
static struct err *read_user(struct dsn *d, struct str s)
{
	struct str user = str_chop(&s, ':');

	if (memchr(user.p, '@', user.n) || (s.p && memchr(s.p, '@', s.n)))
		return refuse(d->a, "has more than one \"@\"");
	TRY(decode(d->a, user, &d->user));
	return s.p ? decode(d->a, s, &d->password) : NULL;
}

/* host[:port], [address][:port], or nothing. */
static struct err *read_host(struct dsn *d, struct str s)
{
	struct str host;

	if (memchr(s.p, ',', s.n))
		return refuse(d->a, "names more than one host");
	if (str_starts(s, STR("["))) {
		s = (struct str){s.p + 1, s.n - 1};
		host = str_chop(&s, ']');
		if (!s.p || (s.n && s.p[0] != ':'))
			return refuse(d->a, "has a bracket that is not closed before the port");
		s = s.n ? (struct str){s.p + 1, s.n - 1} : (struct str){NULL, 0};
	} else {
		host = str_chop(&s, ':');
	}
	if (host.n)
		TRY(decode(d->a, host, &d->host));
	return s.n ? decode(d->a, s, &d->port) : NULL;
}

static struct err *read_option(struct dsn *d, struct str s)
{
	struct str name = str_chop(&s, '=');

	if (str_is(name, "sslmode"))
		return put(d, &d->sslmode, s, "names sslmode twice");
	if (str_is(name, "host"))
		return put(d, &d->host, s, "names more than one host");
	if (str_is(name, "port"))
		return put(d, &d->port, s, "names more than one port");
	return refuse(d->a, "has an option other than sslmode, host and port");
}

static struct err *read_parts(struct dsn *d, struct str s)
{
	struct str options, authority;
	ptrdiff_t at;

	if (memchr(s.p, '#', s.n))
		return refuse(d->a, "holds a \"#\"");
	options = s;
	s = str_chop(&options, '?');
	authority = str_chop(&s, '/');
	if (!s.n)
		return refuse(d->a, "names no database");
	if (memchr(s.p, '/', s.n))
		return refuse(d->a, "has a \"/\" in the name of the database");
	TRY(decode(d->a, s, &d->database));
	for (at = (ptrdiff_t)authority.n - 1; at >= 0 && authority.p[at] != '@'; at--)
		;
	if (at <= 0)
		return refuse(d->a, "names no user");
	TRY(read_user(d, (struct str){authority.p, (size_t)at}));
	TRY(read_host(d, (struct str){authority.p + at + 1, authority.n - (size_t)at - 1}));
	while (options.p)
		TRY(read_option(d, str_chop(&options, '&')));
	return NULL;
}

/* What the fields themselves must be is said by the check of the source, but in the words of an address. */
static struct err *finish(struct dsn *d, struct project_source *out)
{
	struct project_source s = *out;
	struct project_check c = {.detail = buf_init(d->a, BUF_LINE)};
	int64_t port = 5432;

	if (!d->host)
		return refuse(d->a, "names no host");
	if (d->port && !str_to_i64(str_of(d->port), &port))
		return refuse(d->a, "has a port that is not a number");
	s.host = d->host;
	s.port = port;
	s.database = d->database;
	s.username = d->user;
	s.password = d->password && *d->password ? d->password : NULL;
	s.sslmode = d->sslmode ? d->sslmode : "prefer";
	*out = s;
	s.schema = "public";
	s.allowed = s.excluded = (struct db_texts){NULL, 0};
	project_check_source(&c, &s);
	return c.first ? err_detail(refuse(d->a, "cannot be used"), "%s", buf_cstr(&c.detail)) : NULL;
}

struct err *project_source_parse(struct arena *a, const char *dsn, struct project_source *out)
{
	static const struct str schemes[] = {{"postgresql://", 13}, {"postgres://", 11}};
	struct dsn d = {.a = a};
	struct str s = str_of(dsn);
	size_t i;

	if (s.n > 4096)
		return refuse(a, "is too long");
	for (i = 0; i < 2; i++) {
		if (!str_starts(s, schemes[i]))
			continue;
		TRY(read_parts(&d, (struct str){s.p + schemes[i].n, s.n - schemes[i].n}));
		return finish(&d, out);
	}
	return refuse(a, "does not begin with postgresql://");
}
