/*
 * multipart/form-data (RFC 7578), as browsers write it and nothing beside: every part is a text field. Files
 * do not come this way.
 */
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"

enum { BOUNDARY_BYTES = 70, PART_HEAD_BYTES = 1024 };

static bool is_boundary_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("'()+_,-./:=?", c));
}

static bool boundary_ok(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!is_boundary_char(s.p[i]))
			return false;
	return s.n >= 1 && s.n <= BOUNDARY_BYTES;
}

static struct str unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

/* "\r\n--BOUNDARY", or NULL. */
static char *delimiter_of(struct arena *a, struct str content_type)
{
	str_chop(&content_type, ';');
	while (content_type.p) {
		struct str value = str_chop(&content_type, ';'), name = str_trim(str_chop(&value, '='));

		if (!str_eq_nocase(name, STR("boundary")))
			continue;
		value = unquoted(str_trim(value));
		return boundary_ok(value) ? arena_printf(a, "\r\n--%.*s", STR_ARG(value)) : NULL;
	}
	return NULL;
}

static bool skip(struct str *s, struct str prefix)
{
	if (!str_starts(*s, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

/* Cuts s at the mark: returns what stands before it. False when there is none. */
static bool chop_at(struct str *s, struct str mark, struct str *before)
{
	ptrdiff_t i = str_find(*s, mark);

	if (i < 0)
		return false;
	*before = (struct str){s->p, (size_t)i};
	s->p += (size_t)i + mark.n;
	s->n -= (size_t)i + mark.n;
	return true;
}

/* name="..." as browsers escape it: no quotes, backslashes or line ends inside, %22 %0D %0A for them. */
static struct err *field_name(struct arena *a, struct str disposition, struct str *out)
{
	struct str value;
	size_t i;

	if (!skip(&disposition, STR("form-data; name=\"")) || !chop_at(&disposition, STR("\""), &value))
		return err_new(a, ERR_INVALID, "malformed multipart body");
	if (disposition.n > 0)
		return err_new(a, ERR_INVALID, "files are not accepted in this form");
	for (i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == '\\')
			return err_new(a, ERR_INVALID, "malformed field name in a multipart body");
	*out = (struct str){str_dup(a, value), value.n};
	return NULL;
}

/* The lines above a part's content: its disposition, and at most a content type. */
static struct err *part_head(struct arena *a, struct str head, struct str *name)
{
	bool named = false;

	while (head.p) {
		struct str line = head, key;
		ptrdiff_t end = str_find(head, STR("\r\n"));

		head = (struct str){NULL, 0};
		if (end >= 0) {
			head = (struct str){line.p + end + 2, line.n - (size_t)end - 2};
			line.n = (size_t)end;
		}
		key = str_chop(&line, ':');
		if (str_eq_nocase(key, STR("content-disposition")) && !named) {
			TRY(field_name(a, str_trim(line), name));
			named = true;
		} else if (!str_eq_nocase(key, STR("content-type"))) {
			return err_new(a, ERR_INVALID, "unexpected header in a multipart body");
		}
	}
	return named ? NULL : err_new(a, ERR_INVALID, "a part of the multipart body has no name");
}

static struct err *part(struct arena *a, struct str *rest, struct str delimiter, struct http_field *out)
{
	struct str head, content;

	if (!chop_at(rest, STR("\r\n\r\n"), &head) || head.n > PART_HEAD_BYTES ||
	    !chop_at(rest, delimiter, &content))
		return err_new(a, ERR_INVALID, "malformed multipart body");
	TRY(part_head(a, head, &out->name));
	out->value = (struct str){str_dup(a, content), content.n};
	if (str_has_nul(content) || !str_utf8_valid(content) || !str_utf8_valid(out->name))
		return err_new(a, ERR_INVALID, "a field is not valid UTF-8 text");
	return NULL;
}

struct err *http_multipart_parse(struct arena *a, struct str content_type, struct str body,
                                 struct http_fields *out)
{
	struct str delimiter = str_of(delimiter_of(a, content_type));

	if (!delimiter.p)
		return err_new(a, ERR_INVALID, "the multipart body has no proper boundary");
	*out = (struct http_fields){ARENA_ARRAY(a, struct http_field, HTTP_FIELDS), 0};
	if (!skip(&body, (struct str){delimiter.p + 2, delimiter.n - 2}))
		return err_new(a, ERR_INVALID, "malformed multipart body");
	while (skip(&body, STR("\r\n"))) {
		if (out->n == HTTP_FIELDS)
			return err_new(a, ERR_INVALID, "more than %d fields", HTTP_FIELDS);
		TRY(part(a, &body, delimiter, &out->v[out->n]));
		out->n++;
	}
	if (!str_is(body, "--\r\n") && !str_is(body, "--"))
		return err_new(a, ERR_INVALID, "malformed multipart body");
	return NULL;
}
