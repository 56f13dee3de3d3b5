/* The record of a turn, both ways, and its provenance: computed from what was run, never from what the
 * model says. */
#include "agent/agent_priv.h"
#include "lib/arena.h"

static void put_step(struct json_writer *w, const struct agent_step *s)
{
	json_object_open(w, NULL);
	json_put_i64(w, "n", s->n);
	json_put_cstr(w, "name", s->name);
	json_put_cstr(w, "label", s->label);
	json_put_cstr(w, "state", s->state);
	json_put_cstr(w, "detail", s->detail);
	json_put_i64(w, "ms", s->ms);
	json_object_close(w);
}

static void put_mistake(struct json_writer *w, const struct agent_asked *q)
{
	if (q->code)
		json_put_cstr(w, "code", q->code);
	if (q->wrong)
		json_put_cstr(w, "wrong", q->wrong);
	if (q->right)
		json_put_cstr(w, "right", q->right);
	if (q->lesson)
		json_put_cstr(w, "lesson", q->lesson);
}

void agent_asked_put(struct json_writer *w, const struct agent_asked *q)
{
	json_object_open(w, NULL);
	json_put_i64(w, "run_id", q->run_id);
	json_put_cstr(w, "sql", q->sql);
	json_put_cstr(w, "sql_run", q->sql_run);
	json_put_bool(w, "ok", q->ok);
	json_put_cstr(w, "error", q->error);
	put_mistake(w, q);
	json_put_i64(w, "rows", q->rows);
	json_put_i64(w, "ms", q->ms);
	json_put_bool(w, "truncated", q->truncated);
	json_put_cstr(w, "cut", q->cut);
	json_put_i64(w, "at", q->at);
	if (q->cached)
		json_put_bool(w, "cached", true);
	agent_caveats_put(w, q->caveats, q->ncaveats);
	if (q->preview.n)
		json_put_raw(w, "preview", q->preview);
	json_object_close(w);
}

static void put_names(struct json_writer *w, const char *key, const struct agent_list *names)
{
	const char **p = names->p;

	json_array_open(w, key);
	for (size_t i = 0; i < names->n; i++)
		json_put_cstr(w, NULL, p[i]);
	json_array_close(w);
}

/* What was read, and where the numbers of the answer are from. */
static void put_proof(struct json_writer *w, const struct agent_run *r)
{
	put_names(w, "tables", &r->tables);
	put_names(w, "columns", &r->columns);
	if (r->numbers.n)
		json_put_raw(w, "numbers", r->numbers);
}

void agent_record_put(struct buf *b, const struct agent_run *r)
{
	struct json_writer w = {.b = b};
	const struct agent_step *steps = r->steps.p;
	const struct agent_asked *queries = r->queries.p;

	json_object_open(&w, NULL);
	json_array_open(&w, "steps");
	for (size_t i = 0; i < r->steps.n; i++)
		put_step(&w, &steps[i]);
	json_array_close(&w);
	json_array_open(&w, "queries");
	for (size_t i = 0; i < r->queries.n; i++)
		agent_asked_put(&w, &queries[i]);
	json_array_close(&w);
	put_proof(&w, r);
	json_put_bool(&w, "from_catalog", r->from_catalog);
	json_put_cstr(&w, "instead_of", r->instead_of);
	json_put_cstr(&w, "currency", r->project->currency);
	json_object_close(&w);
}

void agent_provenance_put(struct buf *b, const struct agent_run *r)
{
	struct json_writer w = {.b = b};
	const struct agent_asked *queries = r->queries.p;

	json_object_open(&w, NULL);
	put_proof(&w, r);
	json_array_open(&w, "queries");
	for (size_t i = 0; i < r->queries.n; i++) {
		if (!queries[i].ok)
			continue;
		json_object_open(&w, NULL);
		json_put_i64(&w, "run_id", queries[i].run_id);
		json_put_cstr(&w, "sql", queries[i].sql);
		json_put_i64(&w, "rows", queries[i].rows);
		json_put_i64(&w, "ms", queries[i].ms);
		agent_caveats_put(&w, queries[i].caveats, queries[i].ncaveats);
		json_object_close(&w);
	}
	json_array_close(&w);
	json_put_cstr(&w, "model", r->model);
	if (r->instead_of)
		json_put_cstr(&w, "instead_of", r->instead_of);
	json_put_bool(&w, "catalog", r->from_catalog);
	json_object_close(&w);
}

/* A text that pages rely on. */
static const char *word(struct json_object *o, const char *key)
{
	const char *text = json_get_str(o, key);

	return text ? text : "";
}

static void read_step(struct json_object *o, struct agent_step *s)
{
	*s = (struct agent_step){json_get_i64(o, "n", 0),   word(o, "name"),
	                         word(o, "label"),          word(o, "state"),
	                         json_get_str(o, "detail"), json_get_i64(o, "ms", 0)};
}

static struct query_caveat *read_caveats(struct arena *a, struct json_object *list, size_t *n)
{
	struct query_caveat *caveats = ARENA_ARRAY(a, struct query_caveat, json_length(list));

	*n = json_length(list);
	for (size_t i = 0; i < *n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		caveats[i] = (struct query_caveat){word(o, "code"), word(o, "text")};
	}
	return caveats;
}

void agent_asked_read(struct arena *a, struct json_object *o, struct agent_asked *q)
{
	struct json_object *preview = json_get(o, "preview");

	*q = (struct agent_asked){
	        .run_id = json_get_i64(o, "run_id", 0),
	        .sql = word(o, "sql"),
	        .sql_run = json_get_str(o, "sql_run"),
	        .ok = json_get_bool(o, "ok", false),
	        .error = json_get_str(o, "error"),
	        .code = json_get_str(o, "code"),
	        .wrong = json_get_str(o, "wrong"),
	        .right = json_get_str(o, "right"),
	        .lesson = json_get_str(o, "lesson"),
	        .rows = json_get_i64(o, "rows", 0),
	        .ms = json_get_i64(o, "ms", 0),
	        .truncated = json_get_bool(o, "truncated", false),
	        .cut = json_get_str(o, "cut"),
	        .at = json_get_i64(o, "at", 0),
	        .cached = json_get_bool(o, "cached", false),
	        .preview = str_of(preview ? json_object_to_json_string_ext(preview, JSON_C_TO_STRING_PLAIN) : ""),
	};
	q->caveats = read_caveats(a, json_get_array(o, "caveats"), &q->ncaveats);
}

static struct err *read_query(struct arena *a, struct json_object *o, struct agent_query *q)
{
	struct json_object *preview = json_get(o, "preview");

	*q = (struct agent_query){
	        .run_id = json_get_i64(o, "run_id", 0),
	        .sql = word(o, "sql"),
	        .sql_run = json_get_str(o, "sql_run"),
	        .ok = json_get_bool(o, "ok", false),
	        .error = json_get_str(o, "error"),
	        .rows = json_get_i64(o, "rows", 0),
	        .ms = json_get_i64(o, "ms", 0),
	        .truncated = json_get_bool(o, "truncated", false),
	        .cut = json_get_str(o, "cut"),
	        .at = json_get_i64(o, "at", 0),
	        .cached = json_get_bool(o, "cached", false),
	};
	q->caveats = read_caveats(a, json_get_array(o, "caveats"), &q->ncaveats);
	return preview ? query_read_json(a, preview, &q->preview) : NULL;
}

static const char **read_names(struct arena *a, struct json_object *list, size_t *n)
{
	const char **names = ARENA_ARRAY(a, const char *, json_length(list));

	*n = json_length(list);
	for (size_t i = 0; i < *n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		names[i] = text ? text : "";
	}
	return names;
}

struct err *agent_record_read(struct arena *a, const char *json, struct agent_turn *t)
{
	struct json_object *o, *steps, *queries;

	TRY(json_read(a, str_of(json), JSON_DEPTH, &o));
	steps = json_get_array(o, "steps");
	queries = json_get_array(o, "queries");
	t->nsteps = json_length(steps);
	t->steps = ARENA_ARRAY(a, struct agent_step, t->nsteps);
	for (size_t i = 0; i < t->nsteps; i++)
		read_step(json_object_array_get_idx(steps, i), &t->steps[i]);
	t->nqueries = json_length(queries);
	t->queries = ARENA_ARRAY(a, struct agent_query, t->nqueries);
	for (size_t i = 0; i < t->nqueries; i++)
		TRY(read_query(a, json_object_array_get_idx(queries, i), &t->queries[i]));
	t->tables = read_names(a, json_get_array(o, "tables"), &t->ntables);
	t->columns = read_names(a, json_get_array(o, "columns"), &t->ncolumns);
	agent_numbers_read(a, json_get(o, "numbers"), &t->numbers);
	t->from_catalog = json_get_bool(o, "from_catalog", false);
	t->instead_of = json_get_str(o, "instead_of");
	t->currency = json_get_str(o, "currency");
	return NULL;
}

struct err *agent_steps_read(struct arena *a, const char *json, struct agent_turn *t)
{
	struct json_object *o;

	TRY(json_read(a, str_of(json), JSON_DEPTH, &o));
	if (!json_object_is_type(o, json_type_array))
		return NULL;
	t->steps = ARENA_ARRAY(a, struct agent_step, json_length(o));
	for (size_t i = 0; i < json_length(o); i++) {
		struct agent_step s;

		/* A step has an event when it opens and one when it closes: the later one counts. */
		read_step(json_object_array_get_idx(o, i), &s);
		if (s.n < 1 || s.n > (int64_t)json_length(o))
			continue;
		t->steps[s.n - 1] = s;
		if ((size_t)s.n > t->nsteps)
			t->nsteps = (size_t)s.n;
	}
	return NULL;
}
