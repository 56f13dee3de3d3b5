/*
 * The server's plan of a statement, in words. It is asked for the cursor that would be opened, so that it is
 * the plan that would run. Figures and conditions are left out where the policy keeps something back: they
 * come from statistics over all rows, and conditions show the values that were bound. A view's plan goes
 * through to the tables behind it, of which some may be hidden: those have no name here.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

/* What makes a node dear, and so what would help. */
enum dear { NEVER, READING, JOINING, WORKING };

static const char *const help[] = {
        [NEVER] = "Ask for less: a shorter period, fewer tables, or an aggregate.",
        [READING] = "Narrow what is read with WHERE: a shorter period, or a column with an index.",
        [JOINING] =
                "Join by columns that are equal, one of them a key, and narrow the tables with WHERE first.",
        [WORKING] = "Narrow the rows with WHERE before they are sorted or aggregated.",
};

/* Of a node: what it does; with a table, its name follows. */
static const struct {
	const char *node;
	const char *words;
	bool table;
	enum dear dear;
} kinds[] = {
        {"Seq Scan", "Reads all of", true, READING},
        {"Sample Scan", "Reads a sample of", true, READING},
        {"Index Scan", "Looks up rows by index in", true, READING},
        {"Index Only Scan", "Reads an index alone of", true, READING},
        {"Bitmap Heap Scan", "Reads the rows found by index in", true, READING},
        {"Bitmap Index Scan", "Searches an index", false, NEVER},
        {"BitmapAnd", "Keeps what several indexes found", false, NEVER},
        {"BitmapOr", "Adds up what several indexes found", false, NEVER},
        {"Tid Scan", "Reads rows by their place in", true, READING},
        {"Tid Range Scan", "Reads rows by their place in", true, READING},
        {"Foreign Scan", "Asks another server for", true, READING},
        {"Custom Scan", "Reads in a special way", true, READING},
        {"Function Scan", "Reads what a function returns", false, READING},
        {"Table Function Scan", "Reads what a function returns", false, READING},
        {"Values Scan", "Reads a list of values", false, READING},
        {"CTE Scan", "Reads a result of WITH", false, READING},
        {"WorkTable Scan", "Reads the rows of the last round", false, READING},
        {"Subquery Scan", "Takes the rows of a subquery", false, NEVER},
        {"Nested Loop", "Joins each row with each that fits", false, JOINING},
        {"Hash Join", "Joins by a hash table", false, JOINING},
        {"Merge Join", "Joins sorted rows", false, JOINING},
        {"Hash", "Builds a hash table", false, NEVER},
        {"Memoize", "Remembers what it looked up", false, NEVER},
        {"Materialize", "Keeps rows to read them again", false, NEVER},
        {"Sort", "Sorts", false, WORKING},
        {"Incremental Sort", "Sorts what is partly sorted", false, WORKING},
        {"Aggregate", "Aggregates", false, WORKING},
        {"Group", "Groups", false, WORKING},
        {"WindowAgg", "Calculates over windows of rows", false, WORKING},
        {"Unique", "Removes duplicates", false, NEVER},
        {"SetOp", "Compares two sets of rows", false, WORKING},
        {"Append", "Puts rows one after another", false, NEVER},
        {"Merge Append", "Merges sorted rows", false, NEVER},
        {"Recursive Union", "Repeats until nothing new is found", false, WORKING},
        {"ProjectSet", "Makes several rows of one", false, WORKING},
        {"Limit", "Stops after enough rows", false, NEVER},
        {"Result", "Calculates a row", false, NEVER},
        {"Gather", "Collects from several processes", false, NEVER},
        {"Gather Merge", "Collects sorted from several processes", false, NEVER},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const struct {
	const char *key;
	const char *words;
	bool values; /* may show values that were bound or stored */
} details[] = {
        {"Index Name", "index", false},  {"Join Type", "join", false},
        {"Strategy", "strategy", false}, {"Index Cond", "looked up by", true},
        {"Hash Cond", "where", true},    {"Merge Cond", "where", true},
        {"Join Filter", "where", true},  {"Recheck Cond", "where", true},
        {"Filter", "where", true},       {"Sort Key", "by", true},
        {"Group Key", "by", true},
};

enum { DETAILS = sizeof(details) / sizeof(*details) };

/* A walk over the plan. */
struct walk {
	struct arena *a;
	const struct query_scope *scope;
	struct query_plan *plan;
	size_t room;
	size_t dearest; /* the node that adds most, and why and how many rows it gives */
	double most, rows;
	enum dear dear;
	bool told; /* figures and conditions may be shown */
};

static double number(struct json_object *o, const char *key)
{
	return json_object_get_double(json_get(o, key));
}

static void put_detail(struct buf *b, struct json_object *value, const char *words)
{
	size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;

	buf_printf(b, "%s%s ", b->n ? "; " : "", words);
	if (json_object_is_type(value, json_type_string))
		buf_add_cstr(b, json_object_get_string(value));
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? ", " : "",
		           json_object_get_string(json_object_array_get_idx(value, i)));
}

/* Whether the dictionary of this person has the table; without a dictionary, whether they may read it. */
static bool is_seen(const struct query_scope *scope, const char *table)
{
	bool known = !scope->ntables;

	for (size_t i = 0; i < scope->ntables && !known; i++)
		known = !strcmp(scope->tables[i].name, table);
	return known && policy_allows_table(scope->policy, table);
}

static bool is_ruled(const struct policy *p, const char *table)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (str_eq_nocase(str_of(p->tables[i].name), str_of(table)))
			return true;
	return false;
}

/* Whether every table of the plan may be spoken of freely. */
static bool is_open(const struct query_scope *scope, struct json_object *node)
{
	struct json_object *below = json_get_array(node, "Plans");
	const char *table = json_get_str(node, "Relation Name");

	if (table && (!is_seen(scope, table) || is_ruled(scope->policy, table)))
		return false;
	for (size_t i = 0; i < json_length(below); i++)
		if (!is_open(scope, json_object_array_get_idx(below, i)))
			return false;
	return true;
}

static const char *detail_of(const struct walk *w, struct json_object *node)
{
	const char *table = json_get_str(node, "Relation Name");
	struct buf b = buf_init(w->a, BUF_LINE);

	/* The name of an index tells the table's, and its own node has no other. */
	if (!w->told && (!table || !is_seen(w->scope, table)) && json_get(node, "Index Name"))
		return NULL;
	for (size_t i = 0; i < DETAILS; i++) {
		struct json_object *value = json_get(node, details[i].key);

		if (value && (w->told || !details[i].values))
			put_detail(&b, value, details[i].words);
	}
	return b.n ? buf_cstr(&b) : NULL;
}

static const char *what_of(const struct walk *w, struct json_object *node, size_t kind)
{
	const char *table = json_get_str(node, "Relation Name");

	if (kind == KINDS)
		return arena_strdup(w->a, json_get_str(node, "Node Type"));
	if (!kinds[kind].table || !table)
		return kinds[kind].words;
	return arena_printf(w->a, "%s %s", kinds[kind].words,
	                    is_seen(w->scope, table) ? table : "a table behind a view");
}

static size_t kind_of(struct json_object *node)
{
	const char *type = json_get_str(node, "Node Type");
	size_t i = 0;

	while (i < KINDS && (!type || strcmp(kinds[i].node, type) != 0))
		i++;
	return i;
}

static struct query_plan_node *add(struct walk *w)
{
	struct query_plan *p = w->plan;

	if (p->nnodes == w->room) {
		size_t room = w->room ? w->room * 2 : 16;

		p->nodes = arena_grow(w->a, p->nodes, w->room * sizeof(*p->nodes), room * sizeof(*p->nodes));
		w->room = room;
	}
	return &p->nodes[p->nnodes++];
}

static void walk(struct walk *w, struct json_object *node, int64_t depth)
{
	struct json_object *below = json_get_array(node, "Plans");
	size_t kind = kind_of(node), at = w->plan->nnodes;
	double cost = number(node, "Total Cost"), own = cost;

	*add(w) = (struct query_plan_node){.depth = depth,
	                                   .what = what_of(w, node, kind),
	                                   .detail = detail_of(w, node),
	                                   .cost = w->told ? cost : 0,
	                                   .rows = w->told ? number(node, "Plan Rows") : 0};
	for (size_t i = 0; i < json_length(below); i++) {
		struct json_object *child = json_object_array_get_idx(below, i);

		own -= number(child, "Total Cost");
		walk(w, child, depth + 1);
	}
	if (own > w->most && (kind == KINDS || kinds[kind].dear != NEVER)) {
		w->most = own;
		w->dearest = at;
		w->dear = kind == KINDS ? NEVER : kinds[kind].dear;
		w->rows = number(node, "Plan Rows");
	}
}

static struct err *ask(const struct query_wait *w, struct query_conn *conn, const struct sql_statement *s,
                       struct json_object **top)
{
	const struct query_step step = {
	        .sql = arena_printf(w->a, "EXPLAIN (FORMAT JSON) DECLARE quern NO SCROLL CURSOR FOR %s",
	                            s->sql),
	        .params = s->params,
	        .nparams = s->nparams,
	};
	struct json_object *o;
	PGresult *res;
	struct err *e;

	TRY(query_conn_trip(w, conn, &step, 1, &res));
	e = json_read(w->a, str_of(PQntuples(res) ? PQgetvalue(res, 0, 0) : ""), JSON_DEPTH_TREE, &o);
	PQclear(res);
	*top = e || !json_length(o) ? NULL : json_get(json_object_array_get_idx(o, 0), "Plan");
	if (*top)
		return NULL;
	return err_cause(err_new(w->a, ERR_QUERY, "the database's plan could not be read"), e);
}

/* 1234567 as "1,234,567"; above what people read digit by digit, in powers of ten. */
static const char *round_number(struct arena *a, double v)
{
	const char *digits = arena_printf(a, "%.0f", v);
	struct buf b = buf_init(a, BUF_LINE);
	size_t n = strlen(digits);

	if (v >= 1e15)
		return arena_printf(a, "%.0e", v);
	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buf_add_char(&b, ',');
		buf_add_char(&b, digits[i]);
	}
	return buf_cstr(&b);
}

static struct err *too_dear(const struct walk *w, double cost, int64_t most)
{
	struct arena *a = w->a;
	const char *ceiling = round_number(a, (double)most);
	struct err *e;

	if (!w->told) {
		e = err_new(a, ERR_REFUSED, "the query would cost more than the %s that this project allows",
		            ceiling);
	} else {
		e = err_new(a, ERR_REFUSED, "the query would cost about %s, and this project allows %s",
		            round_number(a, cost), ceiling);
		err_detail(e, "Most of it is one step: %s, about %s rows.", w->plan->nodes[w->dearest].what,
		           round_number(a, w->rows));
	}
	return err_hint(err_code(e, "too_dear"), "%s", help[w->told ? w->dear : NEVER]);
}

struct err *query_plan_ask(const struct query_wait *w, struct query_conn *conn, struct query_work *work,
                           struct query_plan *plan)
{
	const struct sql_statement *s = work->statement;
	int64_t most = work->scope->policy->max_cost;
	struct walk walking = {.a = w->a, .scope = work->scope, .plan = plan};
	struct json_object *top = NULL;
	double cost;

	TRY(ask(w, conn, s, &top));
	walking.told = !s->nfiltered && !s->nmasked && !s->nparams && is_open(work->scope, top);
	*plan = (struct query_plan){.sql_run = s->sql,
	                            .tables = s->tables,
	                            .ntables = s->ntables,
	                            .withheld = !walking.told && work->scope->policy->tells_hidden};
	walk(&walking, top, 0);
	cost = number(top, "Total Cost");
	plan->cost = work->r->plan_cost = walking.told ? cost : 0;
	plan->nodes[walking.dearest].costly = walking.told;
	return most > 0 && cost > (double)most && plan != work->plan ? too_dear(&walking, cost, most) : NULL;
}
