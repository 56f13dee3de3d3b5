/*
 * What stands between a statement and the data, layer by layer: the guard with a superuser behind it, and the role with the
 * session's settings without a guard before them. The corpora are our own (tests/guard) and the shared ones where they are.
 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

enum { ATTACK_MS = 400, MUTANTS = 10000, ROWS = 20000 };

struct line {
	const char *sql;
	bool accept;
};

struct lines {
	struct line *p;
	size_t n;
	size_t size;
};

static void lines_add(struct arena *a, struct lines *l, struct line line)
{
	if (l->n == l->size) {
		struct line *grown = ARENA_ARRAY(a, struct line, l->size = l->size ? 2 * l->size : 256);

		for (size_t i = 0; i < l->n; i++)
			grown[i] = l->p[i];
		l->p = grown;
	}
	l->p[l->n++] = line;
}

/* Lines of a corpus. What has a NUL cannot be a C string. */
static void lines_read(struct arena *a, struct lines *l, const char *path)
{
	struct str rest = unit_file(a, path);

	while (rest.p) {
		struct str text = str_trim(str_chop(&rest, '\n'));
		struct json_object *o;

		if (!text.n || str_find(text, STR("\\u0000")) >= 0)
			continue;
		assert_ok(json_read(a, text, JSON_DEPTH, &o));
		const char *expect = json_get_str(o, "expect");

		if (!expect || strcmp(expect, "either") != 0)
			lines_add(a, l, (struct line){json_get_str(o, "sql"), expect && !strcmp(expect, "accept")});
	}
}

static struct lines lines_all(struct arena *a)
{
	struct lines l = {0};

	lines_read(a, &l, "tests/guard/shop.jsonl");
	if (unit_has_shared(a, "attacks/attacks.jsonl"))
		lines_read(a, &l, unit_shared_path(a, "attacks/attacks.jsonl"));
	return l;
}

static struct place attacked(struct sql_policy **policy)
{
	struct place p = place_make();

	pg_exec("DROP SCHEMA shop CASCADE");
	pg_exec(arena_strndup(p.ctx->a, unit_file(p.ctx->a, "tests/guard/shop.sql").p,
	                      unit_file(p.ctx->a, "tests/guard/shop.sql").n));
	assert_ok(sql_policy_read(p.ctx->a, unit_file(p.ctx->a, "tests/guard/shop-policy.json"), policy));
	(*policy)->max_rows = ROWS;
	return p;
}

static PGconn *superuser(void)
{
	PGconn *pg = PQconnectdb(pg_url());

	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	PQclear(PQexec(pg, "SET statement_timeout = '4s'; SET search_path = shop, pg_catalog; SET TimeZone = 'UTC';"
	                   "SET client_min_messages = error"));
	return pg;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Rows in any order, as one text; NULL when the statement failed. */
static const char *rows_text(struct arena *a, const PGresult *res)
{
	struct buf b = buf_init(a, BUF_RESULT);
	int n = PQntuples(res), columns = PQnfields(res);
	const char **rows = ARENA_ARRAY(a, const char *, (size_t)n + 1);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return NULL;
	for (int i = 0; i < n; i++) {
		struct buf row = buf_init(a, BUF_RESULT);

		for (int k = 0; k < columns; k++)
			buf_printf(&row, "%s|", PQgetisnull(res, i, k) ? "\x01" : PQgetvalue(res, i, k));
		rows[i] = buf_cstr(&row);
	}
	qsort(rows, (size_t)n, sizeof(*rows), by_text);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s\n", rows[i]);
	return buf_cstr(&b);
}

static PGresult *run_direct(PGconn *pg, const char *sql, const char *const *params, size_t n)
{
	return PQexecParams(pg, sql, (int)n, NULL, params, NULL, NULL, 0);
}

/* The same rows as the person's own text gives, where that gives the same rows twice. */
static void test_query__accepted_statements_give_the_rows_that_were_asked_for(void **state)
{
	struct sql_policy *policy;
	struct place p = attacked(&policy);
	struct lines l = lines_all(p.ctx->a);
	PGconn *pg = superuser();
	size_t same = 0, chance = 0, wrong = 0;

	(void)state;
	for (size_t i = 0; i < l.n; i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;

		if (l.p[i].accept) {
			assert_ok(sql_guard(a, policy, str_of(l.p[i].sql), &s));
			PGresult *asked = run_direct(pg, l.p[i].sql, NULL, 0);
			PGresult *sent = run_direct(pg, s->sql, s->params, s->nparams);
			const char *x = rows_text(a, asked), *y = rows_text(a, sent);

			if (x && y && !strcmp(x, y))
				same++;
			else if (x && y && !s->repeatable && PQntuples(asked) == PQntuples(sent))
				chance++;
			else if (x || y) {
				wrong++;
				printf("# other rows: %s\n# sent: %s %s\n", l.p[i].sql, s->sql,
				       PQresultErrorMessage(sent));
			}
			PQclear(asked);
			PQclear(sent);
		}
		arena_free(a);
	}
	PQfinish(pg);
	printf("# %zu accepted statements give the same rows, %zu others depend on chance or time\n", same,
	       chance);
	assert_int_equal(wrong, 0);
	assert_true(same > 30);
}

/* Everything that a statement could leave behind. */
static const char traces[] =
        "SELECT md5(concat_ws('|',"
        " (SELECT string_agg(t::text, ',' ORDER BY id) FROM shop.customers t),"
        " (SELECT string_agg(t::text, ',' ORDER BY id) FROM shop.orders t),"
        " (SELECT string_agg(t::text, ',' ORDER BY id) FROM shop.salaries t),"
        " (SELECT count(*) || '.' || max(oid) FROM pg_class), (SELECT count(*) || '.' || max(oid) FROM pg_proc),"
        " (SELECT string_agg(relname || relacl::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'shop'::regnamespace),"
        " (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_database),"
        " (SELECT string_agg(rolname || rolconfig::text, ',') FROM pg_roles), (SELECT count(*) FROM pg_db_role_setting),"
        " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT last_value FROM trap.hits),"
        " (SELECT last_value FROM shop.order_seq), (SELECT count(*) FROM pg_replication_slots),"
        " (SELECT count(*) FROM pg_prepared_xacts), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')))";

/* Sends what people wrote as the run would send what the guard returns. True when it gave rows. */
static bool run_unguarded(struct place *p, const char *sql)
{
	struct query_conn *conn;
	PGresult *res[2];
	const struct query_step steps[] = {
	        {.sql = arena_printf(p->ctx->a, "DECLARE quern NO SCROLL CURSOR FOR %s", sql)},
	        {.sql = "FETCH FORWARD 501 FROM quern"}};

	struct query_opening opening = {.timeout_ms = ATTACK_MS};

	assert_ok(query_transaction_begin(p->ctx, &p->source, &opening, &conn));
	struct query_wait w = query_wait_ms(p->ctx, 4 * ATTACK_MS);
	struct err *e = query_conn_trip(&w, conn, steps, 2, res);

	for (int i = 0; !e && i < 2; i++)
		PQclear(res[i]);
	query_transaction_end(conn);
	return !e;
}

static void test_query__without_a_guard_an_attack_leaves_no_trace(void **state)
{
	struct sql_policy *policy;
	struct place p = attacked(&policy);
	struct lines l = lines_all(p.ctx->a);
	const char *before = arena_strdup(p.ctx->a, pg_value(traces));
	size_t ran = 0, all = 0;

	(void)state;
	for (size_t i = 0; i < l.n; i++) {
		struct arena_mark mark = arena_mark(p.ctx->a);

		if (!l.p[i].accept) {
			all++;
			ran += run_unguarded(&p, l.p[i].sql);
			if (strcmp(pg_value(traces), before) != 0)
				fail_msg("left a trace: %s", l.p[i].sql);
		}
		arena_reset(p.ctx->a, mark);
	}
	printf("# role and session alone: %zu of %zu attacks stopped\n", all - ran, all);
	assert_true(ran < all);
}

static void test_query__with_a_superuser_behind_it_the_guard_stops_attacks(void **state)
{
	struct arena *a = arena_create();
	struct sql_policy *policy;
	struct lines l = lines_all(a);
	size_t all = 0, stopped = 0;

	(void)state;
	assert_ok(sql_policy_read(a, unit_file(a, "tests/guard/shop-policy.json"), &policy));
	for (size_t i = 0; i < l.n; i++) {
		struct sql_statement *s;

		if (l.p[i].accept)
			continue;
		all++;
		if (sql_guard(a, policy, str_of(l.p[i].sql), &s))
			stopped++;
		else
			printf("# accepted: %s\n", l.p[i].sql);
	}
	printf("# guard alone: %zu of %zu attacks stopped\n", stopped, all);
	assert_int_equal(stopped, all);
	arena_free(a);
}

/* Words that lead into a trap where the server takes them for a function, a type or an operator. */
static const char *const bait[] = {
        "secret",        "doubled",      "count",     "lower",         "sum",      "month",   "key",
        "hr.leak()",     "shop.lower",   "salaries",  "shop.salaries", "v_all",    "evil",    "hr.evil_domain",
        "shop.customers", "OPERATOR(hr.+)", "c.secret", "(c).secret",   "public.employees", "evil_domain",
        "integer",       "trap.spring()", "customers", "orders",       "shop.sum", "upper",   "initcap",
        "::shop.evil_domain", "::integer", "COLLATE hr.evil", "name", "id", "total", "*", "(customers)", "c", "o",
};
enum { BAIT = sizeof(bait) / sizeof(*bait) };

static uint64_t chance_next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

static bool in_word(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One word of the statement for another one, for bait, or bait put after it. */
static const char *mutate(struct arena *a, const struct lines *l, const char *sql, uint64_t *seed)
{
	size_t n = strlen(sql), from = chance_next(seed) % n, to;

	while (from < n && !in_word(sql[from]))
		from++;
	while (from && in_word(sql[from - 1]))
		from--;
	for (to = from; to < n && in_word(sql[to]); to++)
		;
	const char *word = bait[chance_next(seed) % BAIT];

	if (chance_next(seed) % 4 == 0) {
		const char *other = l->p[chance_next(seed) % l->n].sql;
		size_t at = chance_next(seed) % (strlen(other) + 1), end = at;

		while (at && in_word(other[at - 1]))
			at--;
		while (end < strlen(other) && in_word(other[end]))
			end++;
		word = arena_strndup(a, other + at, end - at);
	}
	size_t kept = chance_next(seed) % 3 == 0 ? to : from;

	return arena_printf(a, "%.*s%s%s%s", (int)kept, sql, kept == to ? " " : "", word, sql + to);
}

/* Excluded tables that the open transaction has read. */
static const char touched[] =
        "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('shop.salaries'::regclass,"
        " 'hr.employees'::regclass, 'public.employees'::regclass, 'shop.v_all'::regclass)";

static void begin(PGconn *pg, const char *path)
{
	PQclear(PQexec(pg, "BEGIN; SET LOCAL statement_timeout = '300ms'"));
	PQclear(run_direct(pg, "SELECT set_config('search_path', $1, true)", &path, 1));
}

static bool sprung(PGconn *pg, const char *path, const struct sql_statement *s)
{
	begin(pg, path);
	PQclear(run_direct(pg, s->sql, s->params, s->nparams));
	PGresult *res = PQexec(pg, "ROLLBACK; SELECT last_value FROM trap.hits WHERE is_called");
	bool hit = PQntuples(res) > 0;

	PQclear(res);
	return hit;
}

static bool reads_excluded(PGconn *pg, const struct sql_statement *s)
{
	begin(pg, "pg_catalog");
	PQclear(run_direct(pg, "SAVEPOINT s", NULL, 0));
	PGresult *res = run_direct(pg, s->sql, s->params, s->nparams);
	bool failed = PQresultStatus(res) != PGRES_TUPLES_OK, read;

	PQclear(res);
	/* A lock of a statement that failed goes with its savepoint: what failed gave no rows. */
	if (failed)
		PQclear(PQexec(pg, "ROLLBACK TO s"));
	res = PQexec(pg, touched);
	read = PQntuples(res) && strcmp(PQgetvalue(res, 0, 0), "0") != 0;
	PQclear(res);
	PQclear(PQexec(pg, "ROLLBACK"));
	return read;
}

static struct lines accepted_of(struct arena *a, const struct lines *l)
{
	struct lines good = {0};

	for (size_t i = 0; i < l->n; i++)
		if (l->p[i].accept)
			lines_add(a, &good, l->p[i]);
	return good;
}

/* QUERN_MUTANTS=1000000 for a long run. */
static size_t mutants_wanted(void)
{
	const char *text = getenv("QUERN_MUTANTS");
	int64_t n;

	return text && str_to_i64(str_of(text), &n) && n > 0 ? (size_t)n : MUTANTS;
}

static void test_query__no_accepted_mutant_springs_a_trap(void **state)
{
	struct sql_policy *policy;
	struct place p = attacked(&policy);
	struct lines l = lines_all(p.ctx->a), good = accepted_of(p.ctx->a, &l);
	PGconn *pg = superuser();
	uint64_t seed = 20261121;
	size_t accepted = 0, mutants = mutants_wanted();

	(void)state;
	policy->max_rows = 50;
	for (size_t i = 0; i < mutants; i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		const char *sql = mutate(a, &l, good.p[chance_next(&seed) % good.n].sql, &seed);

		if (i % 2)
			sql = mutate(a, &l, sql, &seed);
		if (!sql_guard(a, policy, str_of(sql), &s)) {
			accepted++;
			if (sprung(pg, "pg_catalog", s))
				fail_msg("sprang a trap: %s\nas %s", sql, s->sql);
			if (reads_excluded(pg, s))
				fail_msg("read what is excluded: %s\nas %s", sql, s->sql);
		}
		arena_free(a);
	}
	PQfinish(pg);
	printf("# %zu mutants, %zu accepted and run, no trap sprung\n", mutants, accepted);
	assert_true(accepted > mutants / 20);
}

/* Other values for all that the policy hides: the rest of an address after its first letter, the day of a date, every value
 * of a hidden row. What may be seen stays. */
static const char other_secrets[] =
        "BEGIN; CREATE TEMP TABLE kept AS TABLE shop.customers; TRUNCATE shop.customers CASCADE;"
        "INSERT INTO shop.customers SELECT id, CASE WHEN region = 'EU' THEN name ELSE 'Somebody ' || id % 17 END,"
        " CASE WHEN region = 'EU' THEN 'u' || md5(id::text) ELSE 'z' || id END || '@example.com',"
        " CASE WHEN region = 'EU' THEN region ELSE (ARRAY['US','APAC','ZZ'])[1 + id % 3] END,"
        " CASE WHEN region = 'EU' THEN created_at + 11 * interval '1 day' ELSE created_at - interval '900 days' END"
        " FROM kept ORDER BY id; COMMIT; ANALYZE";

/* What somebody gets to see of a statement: its rows, or the words of its error. */
static uint64_t seen(struct arena *a, PGconn *pg, const struct sql_statement *s)
{
	unsigned char hash[CRYPTO_HASH_BYTES];
	uint64_t h;

	begin(pg, "pg_catalog");
	PGresult *res = run_direct(pg, s->sql, s->params, s->nparams);
	const char *rows = rows_text(a, res);

	crypto_sha256(hash, str_of(rows ? rows : PQresultErrorMessage(res)));
	memcpy(&h, hash, sizeof(h));
	PQclear(res);
	PQclear(PQexec(pg, "ROLLBACK"));
	return h;
}

/* The i-th statement: those of the corpora, then mutants of them. */
static const char *nth(struct arena *a, const struct lines *l, size_t i, uint64_t *seed)
{
	return i < l->n ? l->p[i].sql : mutate(a, l, l->p[chance_next(seed) % l->n].sql, seed);
}

static size_t look_at_all(struct sql_policy *policy, const struct lines *l, uint64_t *saw, size_t n, bool again)
{
	PGconn *pg = superuser();
	uint64_t seed = 7;
	size_t accepted = 0;

	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_create();
		const char *sql = nth(a, l, i, &seed);
		struct sql_statement *s;

		if (!sql_guard(a, policy, str_of(sql), &s) && s->repeatable) {
			uint64_t now = seen(a, pg, s);

			accepted++;
			if (again && saw[i] != now)
				fail_msg("tells of what is hidden: %s\nas %s", sql, s->sql);
			saw[i] = now;
		}
		arena_free(a);
	}
	PQfinish(pg);
	return accepted;
}

/* Nobody can tell a database from another one that differs only in what the policy hides. */
static void test_query__what_is_hidden_changes_nothing_that_is_seen(void **state)
{
	struct sql_policy *policy;
	struct place p = attacked(&policy);
	struct lines l = {0};
	size_t mutants = mutants_wanted() / 4, n, accepted;

	(void)state;
	assert_ok(sql_policy_read(p.ctx->a, unit_file(p.ctx->a, "tests/guard/shop-masked-policy.json"), &policy));
	lines_read(p.ctx->a, &l, "tests/guard/shop-masking.jsonl");
	if (unit_has_shared(p.ctx->a, "attacks/masking.jsonl"))
		lines_read(p.ctx->a, &l, unit_shared_path(p.ctx->a, "attacks/masking.jsonl"));
	n = l.n + mutants;
	uint64_t *saw = ARENA_ARRAY(p.ctx->a, uint64_t, n);

	pg_exec("ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey");
	accepted = look_at_all(policy, &l, saw, n, false);
	pg_exec(other_secrets);
	look_at_all(policy, &l, saw, n, true);
	printf("# %zu statements and mutants over masked data tell nothing\n", accepted);
	assert_true(accepted > l.n / 2);
}

/* The traps do work: what the guard keeps away springs them. */
static void test_query__the_traps_work(void **state)
{
	static const char *const baits[] = {
	        "SELECT c.secret FROM shop.customers c LIMIT 1",
	        "SELECT (c).lower FROM shop.customers c LIMIT 1",
	        "SELECT hr.leak()",
	        "SELECT 1 OPERATOR(hr.+) 2",
	        "SELECT 'x'::hr.evil_domain",
	        "SELECT c::integer FROM shop.customers c LIMIT 1",
	};
	struct sql_policy *policy;
	struct place p = attacked(&policy);
	PGconn *pg = superuser();

	(void)state;
	(void)p;
	for (size_t i = 0; i < sizeof(baits) / sizeof(*baits); i++) {
		pg_exec("ALTER SEQUENCE trap.hits RESTART");
		if (!sprung(pg, "shop, pg_catalog", &(struct sql_statement){.sql = baits[i]}))
			fail_msg("not sprung: %s", baits[i]);
	}
	PQfinish(pg);
}

static const struct CMUnitTest query_layers_tests[] = {
        cmocka_unit_test(test_query__the_traps_work),
        cmocka_unit_test(test_query__accepted_statements_give_the_rows_that_were_asked_for),
        cmocka_unit_test(test_query__with_a_superuser_behind_it_the_guard_stops_attacks),
        cmocka_unit_test(test_query__without_a_guard_an_attack_leaves_no_trace),
        cmocka_unit_test(test_query__no_accepted_mutant_springs_a_trap),
        cmocka_unit_test(test_query__what_is_hidden_changes_nothing_that_is_seen),
};
UNIT_SUITE(query_layers_tests);
