/* The writer: commas and keys in one place, values as buf's JSON appenders escape them. */
#include "lib/json.h"

#include "lib/buf.h"

static void begin(struct json_writer *w, const char *key)
{
	if (w->comma)
		buf_add_char(w->b, ',');
	w->comma = true;
	if (key) {
		buf_add_json(w->b, str_of(key));
		buf_add_char(w->b, ':');
	}
}

static void open_bracket(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key);
	buf_add_char(w->b, bracket);
	w->comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
	buf_add_char(w->b, bracket);
	w->comma = true;
}

void json_object_open(struct json_writer *w, const char *key)
{
	open_bracket(w, key, '{');
}

void json_object_close(struct json_writer *w)
{
	close_bracket(w, '}');
}

void json_array_open(struct json_writer *w, const char *key)
{
	open_bracket(w, key, '[');
}

void json_array_close(struct json_writer *w)
{
	close_bracket(w, ']');
}

void json_put_str(struct json_writer *w, const char *key, struct str value)
{
	begin(w, key);
	buf_add_json(w->b, value);
}

void json_put_cstr(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_put_str(w, key, str_of(value));
	else
		json_put_null(w, key);
}

void json_put_i64(struct json_writer *w, const char *key, int64_t value)
{
	begin(w, key);
	buf_add_i64(w->b, value);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
	begin(w, key);
	buf_add_cstr(w->b, value ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	buf_add_cstr(w->b, "null");
}

void json_put_raw(struct json_writer *w, const char *key, struct str json)
{
	begin(w, key);
	buf_add_str(w->b, json);
}

void json_put_err_facts(struct json_writer *w, const struct err *e)
{
	json_put_cstr(w, "kind", err_name(e->kind));
	json_put_cstr(w, "code", e->code);
	json_put_cstr(w, "message", e->message);
	json_put_cstr(w, "detail", e->detail);
	json_put_cstr(w, "hint", e->hint);
}

void json_put_err(struct json_writer *w, const struct err *e, const char *request_id)
{
	json_object_open(w, NULL);
	json_object_open(w, "error");
	json_put_err_facts(w, e);
	json_put_i64(w, "position", e->position);
	json_put_cstr(w, "request_id", request_id);
	json_object_close(w);
	json_object_close(w);
}
