/*
 * Fields as browsers encode them in queries and in ordinary forms (WHATWG URL, section 5.1), but strict: a
 * wrong escape, a NUL or text that is not UTF-8 is refused, where browsers' rules would repair it.
 */
#include "http/http_priv.h"
#include "lib/arena.h"

static struct err *decode(struct arena *a, struct str raw, struct str *out)
{
	char *text = arena_alloc(a, raw.n + 1);
	size_t i, n = 0;

	for (i = 0; i < raw.n; i++) {
		int c = raw.p[i] == '+' ? ' ' : raw.p[i];

		if (c == '%') {
			c = http_percent_byte(raw, i);
			if (c < 0)
				return err_new(a, ERR_INVALID, "malformed percent escape in a field");
			i += 2;
		}
		text[n++] = (char)c;
	}
	*out = (struct str){text, n};
	if (str_has_nul(*out) || !str_utf8_valid(*out))
		return err_new(a, ERR_INVALID, "a field is not valid UTF-8 text");
	return NULL;
}

static size_t count_fields(struct str text)
{
	size_t n = 0;

	while (text.p && n <= HTTP_FIELDS)
		n += str_chop(&text, '&').n > 0;
	return n;
}

struct err *http_urlencoded_parse(struct arena *a, struct str text, struct http_fields *out)
{
	size_t n = count_fields(text);

	if (n > HTTP_FIELDS)
		return err_new(a, ERR_INVALID, "more than %d fields", HTTP_FIELDS);
	out->v = ARENA_ARRAY(a, struct http_field, n);
	out->n = 0;
	while (text.p) {
		struct str value = str_chop(&text, '&'), name;

		if (value.n == 0)
			continue;
		name = str_chop(&value, '=');
		TRY(decode(a, name, &out->v[out->n].name));
		TRY(decode(a, value, &out->v[out->n].value));
		out->n++;
	}
	return NULL;
}

bool http_media_is(struct str content_type, const char *type)
{
	return str_eq_nocase(str_trim(str_chop(&content_type, ';')), str_of(type));
}
