/*
 * What clients may send: request targets, queries and forms, multipart bodies, cookies, FastCGI parameters.
 * The first byte, a digit, chooses the parser. What is accepted must hold what http_priv.h promises.
 */
#include <assert.h>
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
	assert(s.p[s.n] == '\0' && !str_has_nul(s) && str_utf8_valid(s));
}

static void check_fields(const struct http_fields *f)
{
	size_t i;

	assert(f->n <= HTTP_FIELDS);
	for (i = 0; i < f->n; i++) {
		check_text(f->v[i].name);
		check_text(f->v[i].value);
	}
}

static void path(struct arena *a, struct str text)
{
	struct str out;

	if (http_path_parse(a, text, &out))
		return;
	check_text(out);
	assert(out.p[0] == '/' && str_find(out, STR("//")) < 0 && str_find(out, STR("/../")) < 0);
	assert(!str_ends(out, STR("/..")) && !strpbrk(out.p, "\\;#?\r\n"));
}

static void form(struct arena *a, struct str text)
{
	struct http_fields f;

	if (!http_urlencoded_parse(a, text, &f))
		check_fields(&f);
}

static void multipart(struct arena *a, struct str text)
{
	struct str body = text, type = str_chop(&body, '\n');
	struct http_fields f;

	if (!http_multipart_parse(a, type, body, &f))
		check_fields(&f);
}

static void cookie(struct arena *a, struct str text)
{
	struct str header = text, name = str_chop(&header, '\n'), value = http_cookie_find(header, name);

	assert(value.n <= header.n);
	(void)!http_cookie_check(a, header);
}

static void params(struct arena *a, struct str text)
{
	struct http_fields f;
	size_t i, n = 0;

	if (http_params_parse(a, text, &f))
		return;
	for (i = 0; i < f.n; i++)
		n += f.v[i].name.n + f.v[i].value.n;
	assert(n <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(struct arena *, struct str) = {path, form, multipart, cookie, params};
	struct arena *a;
	char *copy;

	if (size == 0)
		return 0;
	a = arena_create();
	copy = arena_alloc(a, size - 1);
	memcpy(copy, data + 1, size - 1);
	parsers[(uint8_t)(data[0] - '0') % (sizeof(parsers) / sizeof(parsers[0]))](
	        a, (struct str){copy, size - 1});
	arena_free(a);
	return 0;
}
