/* What a link may say before it is made. */
#include <string.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { EMAIL_CHARS = 254, HOST_CHARS = 253 };

#define HOST_CHARSET "abcdefghijklmnopqrstuvwxyz0123456789.-"

static bool is_email(struct str s)
{
	struct str domain = s, name = str_chop(&domain, '@');

	if (!name.n || !domain.n || s.n > EMAIL_CHARS)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == ',')
			return false;
	return str_find(domain, STR("@")) < 0;
}

/* "https://host" or "https://host:port": as a browser writes an origin, and nothing that means more in a policy. */
static bool is_origin(struct str s)
{
	struct str rest = s;
	int64_t port = 0;

	if (!str_starts(s, STR("https://")))
		return false;
	rest.p += strlen("https://");
	rest.n -= strlen("https://");
	struct str host = str_chop(&rest, ':');
	if (!host.n || host.n > HOST_CHARS || host.p[0] == '.' || host.p[0] == '-')
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!strchr(HOST_CHARSET, host.p[i]) || !host.p[i])
			return false;
	return !rest.p || (str_to_i64(rest, &port) && port > 0 && port < 65536);
}

static struct err *check_people(struct arena *a, const struct artifact_link *link)
{
	bool named = !strcmp(link->audience, "people");

	if (named != (link->people.n > 0))
		return err_new(a, ERR_INVALID, named ? "a link for certain people names their e-mail addresses" :
		                                       "only a link for certain people names e-mail addresses");
	if (link->people.n > ARTIFACT_PEOPLE)
		return err_new(a, ERR_INVALID, "a link names %d people at most", ARTIFACT_PEOPLE);
	for (size_t i = 0; i < link->people.n; i++)
		if (!is_email(str_of(link->people.p[i])))
			return err_new(a, ERR_INVALID, "\"%s\" is not an e-mail address", link->people.p[i]);
	return NULL;
}

static struct err *check_origins(struct arena *a, const struct artifact_link *link)
{
	if (link->embed_origins.n && strcmp(link->audience, "public") != 0)
		return err_hint(err_new(a, ERR_INVALID, "only a link for everybody can be shown inside other sites"),
		                "Browsers do not tell a page inside another site who is signed in.");
	if (link->embed_origins.n > ARTIFACT_ORIGINS)
		return err_new(a, ERR_INVALID, "a link names %d sites at most", ARTIFACT_ORIGINS);
	for (size_t i = 0; i < link->embed_origins.n; i++)
		if (!is_origin(str_of(link->embed_origins.p[i])))
			return err_hint(err_new(a, ERR_INVALID, "\"%s\" is not the address of a site",
			                        link->embed_origins.p[i]),
			                "Write it as https://www.example.com, without a path.");
	return NULL;
}

struct err *artifact_link_check(struct arena *a, const struct artifact_link *link)
{
	const char *to = link->audience;

	if (strcmp(to, "public") != 0 && strcmp(to, "project") != 0 && strcmp(to, "people") != 0)
		return err_new(a, ERR_INVALID, "a link is for \"public\", \"project\" or \"people\"");
	if (!strcmp(to, "public") && !link->frozen)
		return err_hint(err_new(a, ERR_INVALID, "a link for everybody shows the data of one moment"),
		                "Live data is read as whoever looks, so only people who are signed in can see it.");
	if (link->frozen && strlen(link->frozen) > ARTIFACT_FROZEN_BYTES)
		return err_hint(err_new(a, ERR_TOO_LARGE, "the data is too large to be kept with a link"),
		                "Let the statements add up or leave out more, or share live data.");
	if (link->expires_at && link->expires_at <= clock_wall_us())
		return err_new(a, ERR_INVALID, "the link would end before it begins");
	TRY(check_people(a, link));
	return check_origins(a, link);
}
