/* A result as the model reads it: the columns once, rows as arrays, cut to what it can use, with a count. */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

enum { MODEL_ROWS = 50, MODEL_BYTES = 8 << 10, MODEL_CELL_BYTES = 500 };

static bool is_number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (*text == '-')
		n = 1 + strspn(text + 1, "0123456789");
	if (n == 0 || n > 15 || (text[0] == '0' && n > 1) || text[n - 1] == '-')
		return false;
	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	return text[n] == '\0' && text[n - 1] != '.';
}

static void put_cell(struct json_writer *w, enum query_kind kind, const char *cell)
{
	struct str cut = str_utf8_cut(str_of(cell), MODEL_CELL_BYTES);

	if (!cell)
		json_put_null(w, NULL);
	else if (kind == QUERY_NUMBER && is_number(cell))
		json_put_raw(w, NULL, str_of(cell));
	else
		json_put_str(w, NULL, cut);
}

static void put_row(struct json_writer *w, const struct query_result *q, size_t row)
{
	json_array_open(w, NULL);
	for (size_t i = 0; i < q->ncolumns; i++)
		put_cell(w, q->columns[i].kind, q->cells[row * q->ncolumns + i]);
	json_array_close(w);
}

/* How many rows went in: at most MODEL_ROWS, at most MODEL_BYTES. */
static size_t put_rows(struct json_writer *w, const struct query_result *q)
{
	size_t n = 0;

	json_array_open(w, "rows");
	while (n < q->nrows && n < MODEL_ROWS && (n == 0 || w->b->n < MODEL_BYTES))
		put_row(w, q, n++);
	json_array_close(w);
	return n;
}

static const char *note(struct arena *a, const struct query_result *q, size_t shown, const char *said)
{
	const char *cut = q->cut;

	if (shown < q->nrows)
		cut = arena_printf(
		        a,
		        "Only the first %zu of %zu rows are shown to you; the person sees them all. Aggregate"
		        " in SQL if you need the rest.",
		        shown, q->nrows);
	return said && cut ? arena_printf(a, "%s %s", said, cut) : said ? said : cut;
}

static bool found_nothing(const struct query_result *q)
{
	for (size_t i = 0; i < q->ncaveats; i++)
		if (!strcmp(q->caveats[i].code, "no_rows"))
			return true;
	return false;
}

/* What to look at again, with the values that were perhaps meant. */
static const char *second_look(struct tool_env *env, const struct agent_scene *scene, const struct query_result *q,
                               struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	const char *check = agent_check(env, q, &out->doubt);
	const char *near = scene && found_nothing(q) ? agent_near_values(a, scene->catalog, q->sql_asked) : NULL;

	return check && near ? arena_printf(a, "%s %s", near, check) : near ? near : check;
}

struct str tool_rows(struct tool_env *env, const struct agent_scene *scene, const struct query_result *q,
                     const char *said, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	const char *why, *check = second_look(env, scene, q, out);

	json_object_open(&w, NULL);
	json_array_open(&w, "columns");
	for (size_t i = 0; i < q->ncolumns; i++)
		json_put_cstr(&w, NULL, q->columns[i].name);
	json_array_close(&w);
	why = note(a, q, put_rows(&w, q), said);
	json_put_i64(&w, "row_count", (int64_t)q->nrows);
	json_put_bool(&w, "truncated", q->truncated);
	json_put_i64(&w, "run", q->run_id);
	if (why)
		json_put_cstr(&w, "note", why);
	agent_caveats_put(&w, q->caveats, q->ncaveats);
	if (check)
		json_put_cstr(&w, "check", check);
	json_object_close(&w);
	out->run_id = q->run_id;
	out->rows = (int64_t)q->nrows;
	out->truncated = q->truncated;
	out->caveats = q->caveats;
	out->ncaveats = q->ncaveats;
	return buf_str(&b);
}
