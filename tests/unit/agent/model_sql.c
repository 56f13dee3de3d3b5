/*
 * Statements that real models wrote for 500 questions, many of them wrong: in how many does the diagnosis name what was
 * right? What each wrong name should have been stands in model_sql.def; a column that another model's statement for the
 * same question used, and ran, is right, too. One question in four; QUERN_ALL=1 takes all, QUERN_TELL=1 prints each.
 */
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "agent/scene.h"
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "policy/policy.h"
#include "query/query.h"
#include "sql/sql.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

enum { QUESTIONS = 500, MODELS = 3, DATABASES = 11, STRIDE = 4 };

static const char *const files[MODELS] = {
        "model-sql/predict_mini_dev_gpt-35-turbo_postgresql.json",
        "model-sql/predict_mini_dev_gpt-4-turbo_postgresql.json",
        "model-sql/predict_mini_dev_meta-llama-3-8b-instruct-2_postgresql.json",
};

struct database {
	const char *name;
	struct catalog *catalog;
	struct query_scope scope;
	struct sql_policy policy;
};

struct written {
	struct database *database;
	const char *sql;
	struct err *e;               /* why it failed */
	struct sql_statement *right; /* of one that ran */
};

struct trial {
	struct scene *scene;
	struct arena *a;
	struct database databases[DATABASES];
	size_t ndatabases;
	struct written written[MODELS][QUESTIONS];
};

static void open_database(struct trial *t, const char *name, struct database *d)
{
	struct project_source *source = ARENA_NEW(t->a, struct project_source);
	struct policy *policy;
	struct sql_table *tables;

	*d = (struct database){.name = arena_strdup(t->a, name)};
	assert_ok(project_source_parse(t->a, pg_url(), source));
	source->username = "agent_reader";
	source->project_id = t->scene->project.id;
	source->schema = d->name;
	source->project_id = t->scene->project.id;
	assert_ok(policy_for(&t->scene->ctx, &t->scene->project, source, PROJECT_ADMIN, &policy));
	policy->a_minute = policy->at_once = policy->a_day = 0;
	assert_ok(catalog_introspect(&t->scene->ctx, source, &d->catalog));
	d->scope = (struct query_scope){.source = source, .policy = policy};
	catalog_scope(t->a, d->catalog, &d->scope);
	tables = ARENA_ARRAY(t->a, struct sql_table, d->scope.ntables);
	for (size_t i = 0; i < d->scope.ntables; i++)
		tables[i] = (struct sql_table){.name = d->scope.tables[i].name,
		                               .columns = d->scope.tables[i].columns,
		                               .ncolumns = d->scope.tables[i].ncolumns};
	d->policy = (struct sql_policy){.schema = d->name, .tables = tables, .ntables = d->scope.ntables};
}

static struct database *database_of(struct trial *t, const char *name)
{
	for (size_t i = 0; i < t->ndatabases; i++)
		if (!strcmp(t->databases[i].name, name))
			return &t->databases[i];
	assert_true(t->ndatabases < DATABASES);
	open_database(t, name, &t->databases[t->ndatabases]);
	return &t->databases[t->ndatabases++];
}

/* Without rows nearly everything is a division by zero. */
static bool ran(const struct err *e)
{
	return !e || (e->code && !strcmp(e->code, "division_by_zero"));
}

static void try_statement(struct trial *t, struct written *w)
{
	struct query_result *result;
	struct ctx ctx = t->scene->ctx;

	ctx.a = t->a;
	w->e = query_run(&ctx, &w->database->scope, w->sql, &result);
	if (ran(w->e))
		assert_ok(sql_guard(t->a, &w->database->policy, str_of(w->sql), &w->right));
}

static void read_file(struct trial *t, size_t model, const char *path)
{
	static const char between[] = "\t----- bird -----\t";
	struct json_object *o;

	assert_ok(json_read(t->a, unit_file(t->a, path), JSON_DEPTH, &o));
	json_object_object_foreach(o, key, value) {
		const char *text = json_object_get_string(value), *at = strstr(text, between);
		struct written *w = &t->written[model][atoi(key) % QUESTIONS];

		assert_non_null(at);
		if (!getenv("QUERN_ALL") && atoi(key) % STRIDE)
			continue;
		w->sql = arena_strndup(t->a, text, (size_t)(at - text));
		w->database = database_of(t, at + sizeof(between) - 1);
		try_statement(t, w);
	}
}

static bool among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(str_of(names[i]), str_of(name)))
			return true;
	return false;
}

/* Whether a statement that ran uses the column, or reads the table. */
static bool used(struct trial *t, const struct sql_statement *s, const struct agent_fit *f)
{
	const char *schema = strchr(s->tables[0], '.');

	if (!f->column)
		return among(s->tables, s->ntables,
		             arena_printf(t->a, "%.*s.%s", (int)(schema - s->tables[0]), s->tables[0],
		                          f->table->name));
	return among(s->columns, s->ncolumns, arena_printf(t->a, "%s.%s", f->table->name, f->column->name));
}

static const struct {
	const char *database;
	const char *name;
	const char *right; /* "orders.total|orders" */
} meanings[] = {
#define MEANT(database, name, right) {#database, name, right},
#include "agent/model_sql.def"
#undef MEANT
};

/* What a name should have been; NULL where nothing is known to be right. */
static const char *meant(const struct written *w, const struct agent_diagnosis *d)
{
	const char *name = d && d->wrong ? d->wrong : "", *dot = strchr(name, '.');

	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (!strcmp(meanings[i].database, w->database->name) &&
		    (!strcmp(meanings[i].name, name) || (dot && !strcmp(meanings[i].name, dot + 1))))
			return meanings[i].right;
	return NULL;
}

static bool is_meant(struct arena *a, const char *right, const struct agent_fit *f)
{
	const char *name =
	        f->column ? arena_printf(a, "%s.%s", f->table->name, f->column->name) : f->table->name;

	for (struct str rest = str_of(right); rest.p;)
		if (str_is(str_chop(&rest, '|'), name))
			return true;
	return false;
}

/* Whether a statement that ran for the same question uses it. */
static bool is_used(struct trial *t, size_t question, const struct agent_fit *f)
{
	for (size_t i = 0; i < MODELS; i++)
		if (t->written[i][question].right && t->written[i][question].right->ntables &&
		    used(t, t->written[i][question].right, f))
			return true;
	return false;
}

enum outcome { FIRST, LATER, MISSED, OWN, UNKNOWN, WORDS, SILENT, OUTCOMES };
static const char *const outcomes[] = {[FIRST] = "right name first",
                                       [LATER] = "right name among the three",
                                       [MISSED] = "right name missing",
                                       [OWN] = "the statement's own column",
                                       [UNKNOWN] = "a name that means nothing",
                                       [WORDS] = "in words",
                                       [SILENT] = "nothing"};

static enum outcome judge(struct trial *t, const struct written *w, size_t question,
                          const struct agent_diagnosis *d)
{
	const char *right = meant(w, d);

	if (!d)
		return SILENT;
	if (d->wrong && !right)
		return UNKNOWN;
	if (!right)
		return d->nright ? OWN : WORDS;
	for (size_t k = 0; k < d->nright; k++)
		if (is_meant(t->a, right, &d->right[k]) || is_used(t, question, &d->right[k]))
			return k ? LATER : FIRST;
	return MISSED;
}

static void tell(const struct written *w, enum outcome o, const char *text)
{
	if (getenv("QUERN_TELL"))
		fprintf(stderr, "\n#### %s: %s %s\n%s\n%s\n", outcomes[o], w->database->name, w->e->code,
		        w->sql, text);
}

static void report(const size_t *n, size_t failed)
{
	printf("# %zu of %d statements failed; told:", failed, QUESTIONS * MODELS);
	for (size_t i = 0; i < OUTCOMES; i++)
		printf(" %s %zu;", outcomes[i], n[i]);
	printf("\n");
}

static struct trial *run_all(void)
{
	struct scene *s = scene_make(NULL);
	struct trial *t = ARENA_NEW(s->ctx.a, struct trial);

	t->scene = s;
	t->a = arena_create();
	(void)unit_shared(t->a, "model-sql/SOURCE.txt");
	pg_exec(unit_file(t->a, "tests/unit/agent/model_sql.sql").p);
	for (size_t i = 0; i < MODELS; i++)
		read_file(t, i, unit_shared_path(t->a, files[i]));
	return t;
}

static void test_agent__real_mistakes_get_the_right_names(void **state)
{
	struct trial *t = run_all();
	size_t n[OUTCOMES] = {0}, failed = 0;

	(void)state;
	for (size_t q = 0; q < QUESTIONS; q++)
		for (size_t i = 0; i < MODELS; i++) {
			struct written *w = &t->written[i][q];
			struct agent_diagnosis *d;
			enum outcome o;

			if (!w->sql || ran(w->e))
				continue;
			failed++;
			d = agent_diagnose(t->a, w->database->catalog, w->sql, w->e);
			o = judge(t, w, q, d);
			n[o]++;
			tell(w, o, agent_diagnosis_text(t->a, w->e, d));
		}
	report(n, failed);
	arena_free(t->a);
	/* A name is told in each case, the right one in nearly all; with words alone only where no name is wrong. */
	assert_true(failed > 100);
	assert_int_equal(n[SILENT], 0);
	assert_true(n[MISSED] * 20 <= n[FIRST] + n[LATER]);
	assert_true(n[FIRST] * 4 >= 3 * (n[FIRST] + n[LATER] + n[MISSED]));
}

/* In the loop ---------------------------------------------------------------------------------------------- */

/* A mistake, and what another model wrote for the same question that runs. */
struct played {
	const struct written *wrong;
	const struct written *right;
	const char *meant;
};

static const struct written *right_for(const struct trial *t, size_t question)
{
	for (size_t i = 0; i < MODELS; i++)
		if (t->written[i][question].sql && !t->written[i][question].e)
			return &t->written[i][question];
	return NULL;
}

static size_t choose(struct trial *t, const char *database, struct played *out, size_t most)
{
	size_t n = 0;

	for (size_t q = 0; q < QUESTIONS; q++)
		for (size_t i = 0; i < MODELS && n < most; i++) {
			struct written *w = &t->written[i][q];
			const struct written *right = right_for(t, q);

			if (!w->sql || ran(w->e) || !right || strcmp(w->database->name, database) != 0)
				continue;
			out[n] = (struct played){
			        w, right, meant(w, agent_diagnose(t->a, w->database->catalog, w->sql, w->e))};
			n += out[n].meant != NULL;
		}
	return n;
}

static void put_call(struct json_writer *w, size_t i, int call, const char *sql)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "match", arena_printf(w->b->a, "^case %zu$", i));
	json_put_i64(w, "call", call);
	json_object_open(w, "reply");
	if (sql) {
		json_array_open(w, "tools");
		json_object_open(w, NULL);
		json_put_cstr(w, "name", "execute_sql");
		json_object_open(w, "input");
		json_put_cstr(w, "sql", sql);
		json_object_close(w);
		json_object_close(w);
		json_array_close(w);
	} else {
		json_put_cstr(w, "text", "Corrected.");
	}
	json_object_close(w);
	json_object_close(w);
}

static const char *scenario(struct arena *a, const struct played *p, size_t n)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_array_open(&w, "rules");
	for (size_t i = 0; i < n; i++) {
		put_call(&w, i, 0, p[i].wrong->sql);
		put_call(&w, i, 1, p[i].right->sql);
		put_call(&w, i, 2, NULL);
	}
	json_array_close(&w);
	json_object_close(&w);
	return buf_cstr(&b);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool tells_one(struct arena *a, const char *told, const char *names)
{
	for (struct str rest = str_of(names); rest.p;) {
		struct str name = str_chop(&rest, '|'), column = name;

		str_chop(&column, '.');
		if (strstr(told, str_dup(a, column.p ? column : name)))
			return true;
	}
	return false;
}

static void play(struct scene *s, const struct played *p, size_t i)
{
	struct agent_turn turn = scene_ask(s, PROJECT_ANALYST, arena_printf(s->ctx.a, "case %zu", i), NULL);
	const char *told;

	if (turn.error)
		fail_msg("%s: %s", p->wrong->sql, turn.error);
	assert_string_equal(turn.answer, "Corrected.");
	assert_int_equal(turn.nqueries, 2);
	assert_false(turn.queries[0].ok);
	assert_true(turn.queries[1].ok);
	told = pg_value(arena_printf(
	        s->ctx.a,
	        "SELECT body->>'text' FROM turn_steps WHERE turn_id = %lld AND kind = 'result' ORDER"
	        " BY n LIMIT 1",
	        (long long)turn.id));
	told = strstr(told, "DIAGNOSIS:");
	if (!told || !tells_one(s->ctx.a, told, p->meant))
		fail_msg("%s: %s", p->wrong->sql, told ? told : "no diagnosis");
}

/* Models' own mistakes as first answers, and what another one wrote for the question as the second. */
static void test_agent__real_mistakes_are_corrected_in_the_loop(void **state)
{
	enum { PLAYED = 12 };
	struct played played[PLAYED];
	struct trial *t;
	char path[] = "/tmp/quern-played-XXXXXX";
	size_t n;

	(void)state;
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	t = run_all();
	n = choose(t, "student_club", played, PLAYED);
	assert_true(n >= 3);
	assert_true(mkstemp(path) >= 0);
	write_text(path, scenario(t->a, played, n));
	t->scene->settings.llm_url = provider_start(path);
	t->scene->settings.llm_key = "k";
	pg_exec("UPDATE sources SET schema = 'student_club', excluded_tables = '{}', version = version + 1;"
	        "UPDATE projects SET queries_a_minute = 0");
	assert_ok(project_by_slug(&t->scene->ctx, "shop", &t->scene->project));
	for (size_t i = 0; i < n; i++)
		play(t->scene, &played[i], i);
	printf("# %zu mistakes corrected in the loop, %s learnings offered\n", n,
	       pg_value("SELECT count(*) FROM learnings"));
	assert_string_not_equal(pg_value("SELECT count(*) FROM learnings"), "0");
	remove(path);
	provider_stop();
	arena_free(t->a);
}

static const struct CMUnitTest agent_model_sql_tests[] = {
        cmocka_unit_test(test_agent__real_mistakes_get_the_right_names),
        cmocka_unit_test(test_agent__real_mistakes_are_corrected_in_the_loop),
};
UNIT_SUITE(agent_model_sql_tests);
