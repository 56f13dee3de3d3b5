/*
 * Reading is done twice: first our own scanner holds the text to RFC 8259 and to what json-c would silently
 * change (NUL in a string, integers beyond 64 bits, deep nesting), then json-c builds the tree. The scanner
 * counts members; the tree holding fewer than were written means that a key was there twice.
 */
#include "lib/json.h"

#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"

struct scan {
	struct str text;
	size_t at;
	size_t members;
	int depth;         /* levels that may still be opened */
	const char *wrong; /* what is wrong at `at`, once something is */
};

static bool scan_value(struct scan *s);

static bool wrong(struct scan *s, const char *why)
{
	if (!s->wrong)
		s->wrong = why;
	return false;
}

static int peek(const struct scan *s)
{
	return s->at < s->text.n ? (unsigned char)s->text.p[s->at] : -1;
}

static bool take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
		s->at++;
}

static bool scan_word(struct scan *s, struct str word)
{
	if (!str_starts((struct str){s->text.p + s->at, s->text.n - s->at}, word))
		return wrong(s, "not a JSON value");
	s->at += word.n;
	return true;
}

static size_t take_digits(struct scan *s)
{
	size_t from = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - from;
}

static bool scan_number(struct scan *s)
{
	size_t from = s->at;
	bool whole = true;
	int64_t ignored;

	take(s, '-');
	if (!take(s, '0') && !take_digits(s))
		return wrong(s, "not a JSON value");
	if (take(s, '.')) {
		whole = false;
		if (!take_digits(s))
			return wrong(s, "no digit after the decimal point");
	}
	if (take(s, 'e') || take(s, 'E')) {
		whole = false;
		if (!take(s, '-'))
			take(s, '+');
		if (!take_digits(s))
			return wrong(s, "no digit in the exponent");
	}
	if (whole && !str_to_i64((struct str){s->text.p + from, s->at - from}, &ignored))
		return wrong(s, "an integer beyond 64 bits");
	return true;
}

static bool scan_escape(struct scan *s)
{
	unsigned value = 0;
	int i, c = peek(s);

	if (c >= 0 && c != 'u' && memchr("\"\\/bfnrt", c, 8)) {
		s->at++;
		return true;
	}
	if (!take(s, 'u'))
		return wrong(s, "an unknown escape");
	for (i = 0; i < 4; i++, s->at++) {
		c = str_hex_digit((char)peek(s));
		if (c < 0)
			return wrong(s, "an unknown escape");
		value = value * 16 + (unsigned)c;
	}
	return value ? true : wrong(s, "a NUL character in a string");
}

static bool scan_string(struct scan *s)
{
	if (!take(s, '"'))
		return wrong(s, "no string in double quotes");
	while (!take(s, '"')) {
		size_t step = str_utf8_step((struct str){s->text.p + s->at, s->text.n - s->at});

		if (peek(s) < 0)
			return wrong(s, "a string without its end");
		if (step == 0)
			return wrong(s, "bytes that are not UTF-8");
		if (peek(s) < 0x20)
			return wrong(s, "a control character in a string");
		if (!take(s, '\\'))
			s->at += step;
		else if (!scan_escape(s))
			return false;
	}
	return true;
}

static bool scan_member(struct scan *s)
{
	skip_space(s);
	if (!scan_string(s))
		return false;
	skip_space(s);
	if (!take(s, ':'))
		return wrong(s, "no colon after a key");
	s->members++;
	return scan_value(s);
}

/* Objects and arrays differ in their items and brackets only. */
static bool scan_items(struct scan *s, bool (*item)(struct scan *), char close)
{
	if (s->depth-- <= 0)
		return wrong(s, "nesting too deep");
	s->at++;
	skip_space(s);
	while (!take(s, close)) {
		if (!item(s))
			return false;
		skip_space(s);
		if (peek(s) == close)
			continue;
		if (!take(s, ','))
			return wrong(s, "no comma or closing bracket after an item");
		skip_space(s);
		if (peek(s) == close)
			return wrong(s, "a comma before a closing bracket");
	}
	s->depth++;
	return true;
}

static bool scan_value(struct scan *s)
{
	skip_space(s);
	switch (peek(s)) {
	case '{': return scan_items(s, scan_member, '}');
	case '[': return scan_items(s, scan_value, ']');
	case '"': return scan_string(s);
	case 't': return scan_word(s, STR("true"));
	case 'f': return scan_word(s, STR("false"));
	case 'n': return scan_word(s, STR("null"));
	case -1: return wrong(s, "no value");
	default: return scan_number(s);
	}
}

static bool scan_text(struct scan *s)
{
	if (!scan_value(s))
		return false;
	skip_space(s);
	return s->at == s->text.n || wrong(s, "text after the value");
}

static size_t count_members(struct json_object *o)
{
	size_t n = 0, i;

	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value) {
			(void)key;
			n += 1 + count_members(value);
		}
	} else if (json_object_is_type(o, json_type_array)) {
		for (i = 0; i < json_object_array_length(o); i++)
			n += count_members(json_object_array_get_idx(o, i));
	}
	return n;
}

static void release(void *o)
{
	json_object_put(o);
}

/* json-c counts the value inside the deepest brackets as a level too. */
static enum json_tokener_error build(struct str text, int depth, struct json_object **out)
{
	struct json_tokener *t = json_tokener_new_ex(depth + 2);
	enum json_tokener_error failure;

	if (!t)
		abort(); /* out of memory */
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*out = json_tokener_parse_ex(t, text.p, (int)text.n);
	failure = json_tokener_get_error(t);
	/* A number at the top could go on: the terminator ends it. */
	if (failure == json_tokener_continue) {
		*out = json_tokener_parse_ex(t, "", -1);
		failure = json_tokener_get_error(t);
	}
	json_tokener_free(t);
	return failure;
}

struct err *json_read(struct arena *a, struct str text, int depth, struct json_object **out)
{
	struct scan s = {.text = text, .depth = depth};
	enum json_tokener_error failure;

	*out = NULL;
	if (text.n > INT32_MAX)
		return err_new(a, ERR_INVALID, "cannot read JSON of %zu bytes", text.n);
	if (!scan_text(&s))
		return err_at(err_new(a, ERR_INVALID, "cannot read JSON: %s", s.wrong),
		              (int)str_utf8_count((struct str){text.p, s.at}) + 1);
	failure = build(text, depth, out);
	if (failure != json_tokener_success)
		return err_new(a, ERR_INVALID, "cannot read JSON: %s", json_tokener_error_desc(failure));
	arena_cleanup(a, release, *out);
	if (count_members(*out) != s.members) {
		*out = NULL;
		return err_new(a, ERR_INVALID, "cannot read JSON: an object has a key twice");
	}
	return NULL;
}

struct json_object *json_get(struct json_object *o, const char *key)
{
	return json_object_is_type(o, json_type_object) ? json_object_object_get(o, key) : NULL;
}

const char *json_get_str(struct json_object *o, const char *key)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

int64_t json_get_i64(struct json_object *o, const char *key, int64_t dflt)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : dflt;
}

bool json_get_bool(struct json_object *o, const char *key, bool dflt)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : dflt;
}

struct json_object *json_get_array(struct json_object *o, const char *key)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_array) ? v : NULL;
}

size_t json_length(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

/* One member of the object; false when nobody asked for it, or it comes again. */
static bool pull_member(struct scan *s, struct json_pull *members, size_t n)
{
	struct str key;
	size_t from;

	skip_space(s);
	from = s->at;
	if (!scan_string(s))
		return false;
	key = (struct str){s->text.p + from + 1, s->at - from - 2};
	skip_space(s);
	if (!take(s, ':'))
		return false;
	skip_space(s);
	from = s->at;
	if (!scan_value(s))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (members[i].raw.p || !str_is(key, members[i].key))
			continue;
		members[i].raw = (struct str){s->text.p + from, s->at - from};
		skip_space(s);
		return true;
	}
	return false;
}

bool json_pull(struct str text, struct json_pull *members, size_t n)
{
	struct scan s = {.text = text, .depth = JSON_DEPTH - 1};

	for (size_t i = 0; i < n; i++)
		members[i].raw = (struct str){NULL, 0};
	skip_space(&s);
	if (!take(&s, '{'))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && !take(&s, ',')) || !pull_member(&s, members, n))
			return false;
	if (!take(&s, '}'))
		return false;
	skip_space(&s);
	return s.at == text.n;
}
