/*
 * The route table made quick: rows are sorted so that the more literal pattern comes first, then chained by
 * their first segment. A path is split once and compared with the rows of its chain; a table of hundreds of
 * rows costs a handful of comparisons.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"

enum { SEGMENTS_MOST = 10, BUCKETS = 64, BUCKET_ANY = BUCKETS, NO_ROW = -1 };

/* From the most to the least particular. */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_INT, SEGMENT_SLUG, SEGMENT_TOKEN, SEGMENT_NAME, SEGMENT__MAX };

static const char *const kind_names[SEGMENT__MAX] = {
        [SEGMENT_LITERAL] = "",    [SEGMENT_INT] = "int",   [SEGMENT_SLUG] = "slug",
        [SEGMENT_TOKEN] = "token", [SEGMENT_NAME] = "name",
};

struct segment {
	enum segment_kind kind;
	struct str text; /* the literal, or the parameter's name */
};

struct row {
	const struct http_route *route;
	struct segment segments[SEGMENTS_MOST];
	size_t n;
	int next; /* in the chain */
};

struct http_router {
	struct row *rows;
	size_t n;
	int first[BUCKETS + 1];
};

/* Patterns ----------------------------------------------------------------------------------------------- */

static bool all_of(struct str s, const char *chars)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(chars, s.p[i]))
			return false;
	return true;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool matches_kind(enum segment_kind kind, struct str s)
{
	switch (kind) {
	case SEGMENT_INT: return s.n >= 1 && s.n <= 18 && s.p[0] != '0' && all_of(s, DIGITS);
	case SEGMENT_SLUG: return s.n >= 1 && s.n <= 63 && s.p[0] != '-' && all_of(s, LOWER DIGITS "-");
	case SEGMENT_TOKEN: return s.n == 43 && all_of(s, LOWER UPPER DIGITS "_-");
	case SEGMENT_NAME: return s.n >= 1 && s.n <= 128; /* the path is valid UTF-8 as a whole */
	default: return false;
	}
}

static bool parse_parameter(struct str inside, struct segment *out)
{
	struct str type = inside, name = str_chop(&type, ':');

	for (out->kind = SEGMENT_INT; out->kind < SEGMENT__MAX; out->kind++) {
		if (str_is(type, kind_names[out->kind])) {
			out->text = name;
			return name.n > 0 && all_of(name, LOWER "_");
		}
	}
	return false;
}

static bool parse_segment(struct str s, struct segment *out)
{
	if (s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}')
		return parse_parameter((struct str){s.p + 1, s.n - 2}, out);
	*out = (struct segment){SEGMENT_LITERAL, s};
	return s.n > 0 && all_of(s, LOWER UPPER DIGITS "-_.");
}

static bool parse_pattern(const char *pattern, struct row *row)
{
	struct str rest;

	row->n = 0;
	if (!pattern || pattern[0] != '/')
		return false;
	if (!pattern[1])
		return true;
	for (rest = str_of(pattern + 1); rest.p; row->n++)
		if (row->n == SEGMENTS_MOST || !parse_segment(str_chop(&rest, '/'), &row->segments[row->n]))
			return false;
	return true;
}

/* Order of rows; 0 for two that would match the same requests. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	size_t i;

	for (i = 0; i < x->n && i < y->n; i++) {
		const struct segment *s = &x->segments[i], *t = &y->segments[i];
		size_t n = s->text.n < t->text.n ? s->text.n : t->text.n;
		int order = (int)s->kind - (int)t->kind;

		if (order == 0 && s->kind == SEGMENT_LITERAL)
			order = memcmp(s->text.p, t->text.p, n);
		if (order == 0 && s->kind == SEGMENT_LITERAL)
			order = (s->text.n > t->text.n) - (s->text.n < t->text.n);
		if (order != 0)
			return order;
	}
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return (int)x->route->method - (int)y->route->method;
}

static struct err *check_row(struct arena *a, const struct http_route *r, struct row *row)
{
	const char *wrong = NULL;

	row->route = r;
	if ((unsigned)r->method >= HTTP__MAX || (unsigned)r->pool >= HTTP_POOL__MAX || !r->name || !r->handle)
		wrong = "has no proper method, pool or handler";
	else if (r->access == 0)
		wrong = "says nothing of who may call it";
	else if (!parse_pattern(r->pattern, row))
		wrong = "has a malformed pattern";
	if (!wrong)
		return NULL;
	return err_new(a, ERR_CONFIG, "route %s %s (%s) %s", http_method_name(r->method),
	               r->pattern ? r->pattern : "?", r->name ? r->name : "?", wrong);
}

struct err *http_routes_check(struct arena *a, const struct http_route *routes, size_t n)
{
	struct row *rows = ARENA_ARRAY(a, struct row, n);
	size_t i;

	for (i = 0; i < n; i++)
		TRY(check_row(a, &routes[i], &rows[i]));
	qsort(rows, n, sizeof(*rows), compare_rows);
	for (i = 1; i < n; i++)
		if (compare_rows(&rows[i - 1], &rows[i]) == 0)
			return err_new(a, ERR_CONFIG, "routes %s and %s match the same requests (%s %s)",
			               rows[i - 1].route->name, rows[i].route->name,
			               http_method_name(rows[i].route->method), rows[i].route->pattern);
	return NULL;
}

/* Finding ------------------------------------------------------------------------------------------------ */

static unsigned bucket_of(struct str segment)
{
	unsigned h = 2166136261u;
	size_t i;

	for (i = 0; i < segment.n; i++)
		h = (h ^ (unsigned char)segment.p[i]) * 16777619u;
	return h % BUCKETS;
}

static int *chain_of(struct http_router *r, const struct row *row)
{
	if (row->n > 0 && row->segments[0].kind != SEGMENT_LITERAL)
		return &r->first[BUCKET_ANY];
	return &r->first[bucket_of(row->n > 0 ? row->segments[0].text : STR(""))];
}

struct http_router *http_router_create(struct arena *a, const struct http_route *routes, size_t n)
{
	struct http_router *r = ARENA_NEW(a, struct http_router);
	size_t i;

	*r = (struct http_router){ARENA_ARRAY(a, struct row, n), n, {0}};
	for (i = 0; i < n; i++) {
		bool ok = parse_pattern(routes[i].pattern, &r->rows[i]);

		assert(ok);
		r->rows[i].route = &routes[i];
	}
	qsort(r->rows, n, sizeof(*r->rows), compare_rows);
	for (i = 0; i <= BUCKETS; i++)
		r->first[i] = NO_ROW;
	for (i = n; i-- > 0;) {
		int *first = chain_of(r, &r->rows[i]);

		r->rows[i].next = *first;
		*first = (int)i;
	}
	return r;
}

/* Splits "/a/b" to {"a", "b"} and "/" to nothing; false when there are more than any route has. */
static bool split(struct str path, struct str segments[SEGMENTS_MOST], size_t *n)
{
	struct str rest = {path.p + 1, path.n - 1};

	for (*n = 0; rest.p && path.n > 1; (*n)++) {
		if (*n == SEGMENTS_MOST)
			return false;
		segments[*n] = str_chop(&rest, '/');
	}
	return true;
}

static bool segment_matches(const struct segment *s, struct str text)
{
	return s->kind == SEGMENT_LITERAL ? str_eq(s->text, text) : matches_kind(s->kind, text);
}

static bool row_matches(const struct row *row, const struct str *segments, size_t n)
{
	size_t i;

	if (row->n != n)
		return false;
	for (i = 0; i < n; i++) {
		if (!segment_matches(&row->segments[i], segments[i]))
			return false;
	}
	return true;
}

static void capture(struct arena *a, const struct row *row, const struct str *segments,
                    struct http_request *req)
{
	struct http_fields *out = &req->captured;
	size_t i;

	*out = (struct http_fields){ARENA_ARRAY(a, struct http_field, row->n), 0};
	for (i = 0; i < row->n; i++)
		if (row->segments[i].kind != SEGMENT_LITERAL)
			out->v[out->n++] = (struct http_field){row->segments[i].text,
			                                       {str_dup(a, segments[i]), segments[i].n}};
	req->route = row->route;
}

struct err *http_router_find(struct arena *a, const struct http_router *r, enum http_pool_kind pool,
                             struct http_request *req)
{
	struct str segments[SEGMENTS_MOST] = {{NULL, 0}};
	unsigned bucket;
	size_t n, k;
	int i;

	req->allowed = 0;
	if (!split(req->path, segments, &n))
		return err_new(a, ERR_NOT_FOUND, "there is no such page");
	bucket = bucket_of(n > 0 ? segments[0] : STR(""));
	for (k = 0; k < 2; k++) {
		for (i = r->first[k == 0 ? bucket : BUCKET_ANY]; i != NO_ROW; i = r->rows[i].next) {
			const struct row *row = &r->rows[i];

			if (row->route->pool != pool || !row_matches(row, segments, n))
				continue;
			if (row->route->method == req->method) {
				capture(a, row, segments, req);
				return NULL;
			}
			req->allowed |= 1u << row->route->method;
		}
	}
	if (req->allowed)
		return err_new(a, ERR_METHOD, "this page cannot be called that way");
	return err_new(a, ERR_NOT_FOUND, "there is no such page");
}
