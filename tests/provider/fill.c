/*
 * Placeholders, so that an answer quotes what the tool really said: {{question}}, {{tool_result}},
 * {{row_count}}, {{columns.N}}, {{rows.R.C}}, {{table}} (all rows as a Markdown table) and {{asked_us}}.
 */
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "provider.h"

static const char *cell_text(struct json_object *v)
{
	return v ? json_object_get_string(v) : "null";
}

static void add_row(struct buf *b, struct json_object *row)
{
	for (size_t i = 0; i < json_object_array_length(row); i++)
		buf_printf(b, "| %s ", cell_text(json_object_array_get_idx(row, i)));
	buf_add_cstr(b, "|\n");
}

static void add_table(struct buf *b, struct json_object *columns, struct json_object *rows)
{
	if (!columns || !rows)
		return;
	add_row(b, columns);
	for (size_t i = 0; i < json_object_array_length(columns); i++)
		buf_add_cstr(b, "|---");
	buf_add_cstr(b, "|\n");
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		add_row(b, json_object_array_get_idx(rows, i));
}

static struct json_object *at(struct json_object *array, struct str *path)
{
	int64_t i = -1;

	if (!str_to_i64(str_chop(path, '.'), &i) || i < 0 || !json_object_is_type(array, json_type_array))
		return NULL;
	return json_object_array_get_idx(array, (size_t)i);
}

static void add_value(struct buf *b, const struct question *q, struct json_object *result, struct str name)
{
	struct str path = name, head = str_chop(&path, '.');

	if (str_is(head, "question"))
		buf_add_cstr(b, q->text);
	else if (str_is(head, "tool_result"))
		buf_add_cstr(b, q->result);
	else if (str_is(head, "row_count"))
		buf_add_i64(b, json_get_i64(result, "row_count", 0));
	else if (str_is(head, "columns"))
		buf_add_cstr(b, cell_text(at(json_get(result, "columns"), &path)));
	else if (str_is(head, "rows"))
		buf_add_cstr(b, cell_text(at(at(json_get(result, "rows"), &path), &path)));
	else if (str_is(head, "asked_us"))
		buf_add_i64(b, q->asked_us);
	else if (str_is(head, "table"))
		add_table(b, json_get_array(result, "columns"), json_get_array(result, "rows"));
	else
		buf_printf(b, "{{%.*s}}", STR_ARG(name));
}

char *fill(struct arena *a, const struct question *q, const char *text)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_object *result = NULL;
	struct str rest = str_of(text);
	ptrdiff_t from, to;

	if (json_read(a, str_of(q->result), JSON_DEPTH, &result))
		result = NULL;
	while ((from = str_find(rest, STR("{{"))) >= 0 && (to = str_find(rest, STR("}}"))) > from) {
		buf_add(&b, rest.p, (size_t)from);
		add_value(&b, q, result, (struct str){rest.p + from + 2, (size_t)(to - from - 2)});
		rest = (struct str){rest.p + to + 2, rest.n - (size_t)to - 2};
	}
	buf_add_str(&b, rest);
	return arena_strdup(a, buf_cstr(&b));
}
