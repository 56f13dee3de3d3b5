/* Single sign-on groups and what they give, as QUERN_AUTH_ROLES maps them: group=project:role,
 * comma-separated. */
#include <stdlib.h>
#include <string.h>

#include "auth/auth_priv.h"
#include "lib/arena.h"

struct grant {
	struct str group;
	struct str slug;
	enum project_role role;
};

/* Cuts s at the last sep: *tail is what follows it. False when there is none. */
static bool cut_last(struct str *s, char sep, struct str *tail)
{
	const char *at = s->n ? memrchr(s->p, sep, s->n) : NULL;

	if (!at)
		return false;
	*tail = (struct str){at + 1, s->n - (size_t)(at + 1 - s->p)};
	s->n = (size_t)(at - s->p);
	return true;
}

static bool is_slug(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= 63 && s.p[0] != '-';
}

/* Group names may hold "=" and ":" themselves, projects and roles do not. */
static bool read_grant(struct arena *a, struct str entry, struct grant *out)
{
	struct str role;

	out->group = entry;
	if (!cut_last(&out->group, '=', &out->slug) || !cut_last(&out->slug, ':', &role))
		return false;
	out->group = str_trim(out->group);
	out->slug = str_trim(out->slug);
	out->role = project_role_of(str_dup(a, str_trim(role)));
	return out->group.n > 0 && is_slug(out->slug) && out->role != PROJECT_NONE;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct db_texts auth_group_list(struct arena *a, struct str groups)
{
	struct db_texts out = {ARENA_ARRAY(a, const char *, groups.n / 2 + 1), 0};
	size_t n = 0, i;

	while (groups.p) {
		struct str one = str_trim(str_chop(&groups, ','));

		if (one.n)
			out.p[n++] = str_dup(a, one);
	}
	qsort(out.p, n, sizeof(*out.p), by_bytes);
	for (i = 0; i < n; i++)
		if (!out.n || strcmp(out.p[out.n - 1], out.p[i]) != 0)
			out.p[out.n++] = out.p[i];
	return out;
}

void auth_put_groups(struct json_writer *w, struct db_texts groups)
{
	size_t i;

	json_array_open(w, "groups");
	for (i = 0; i < groups.n; i++)
		json_put_cstr(w, NULL, groups.p[i]);
	json_array_close(w);
}

bool auth_has_group(struct str groups, struct str group)
{
	while (groups.p && group.n)
		if (str_eq(str_trim(str_chop(&groups, ',')), group))
			return true;
	return false;
}

static void add_grant(struct arena *a, struct auth_grants *out, const struct grant *g)
{
	size_t i;

	for (i = 0; i < out->slugs.n && !str_is(g->slug, out->slugs.p[i]); i++)
		;
	if (i < out->slugs.n && project_role_of(out->roles.p[i]) >= g->role)
		return;
	if (i == out->slugs.n) {
		out->slugs.p[i] = str_dup(a, g->slug);
		out->slugs.n = out->roles.n = i + 1;
	}
	out->roles.p[i] = project_role_name(g->role);
}

struct auth_grants auth_grants_of(struct arena *a, struct str mapping, struct str groups)
{
	struct auth_grants out;
	struct grant g;
	size_t most = 1, i;

	for (i = 0; i < mapping.n; i++)
		most += mapping.p[i] == ',';
	out.slugs = (struct db_texts){ARENA_ARRAY(a, const char *, most), 0};
	out.roles = (struct db_texts){ARENA_ARRAY(a, const char *, most), 0};
	while (mapping.p)
		if (read_grant(a, str_chop(&mapping, ','), &g) && auth_has_group(groups, g.group))
			add_grant(a, &out, &g);
	return out;
}

struct err *auth_mapping_check(struct arena *a, struct str mapping)
{
	struct grant g;
	struct str entry;

	while (mapping.p) {
		entry = str_trim(str_chop(&mapping, ','));
		if (entry.n && !read_grant(a, entry, &g))
			return err_hint(err_new(a, ERR_CONFIG,
			                        "QUERN_AUTH_ROLES has a malformed entry \"%.*s\"",
			                        STR_ARG(entry)),
			                "Write group=project:role with the role viewer, analyst or admin.");
	}
	return NULL;
}
