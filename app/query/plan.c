/*
 * The server's plan of a statement, in words. It is asked for the cursor that would be opened, so that it is
 * the plan that would run. Figures and conditions are left out where the policy keeps something back: they
 * come from statistics over all rows, and conditions show the values that were bound.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

/* Of a node: what it does; with a table, its name follows. */
static const struct {
	const char *node;
	const char *words;
	bool table;
	bool reason; /* worth naming when a query is too dear */
} kinds[] = {
        {"Seq Scan", "Reads all of", true, true},
        {"Sample Scan", "Reads a sample of", true, true},
        {"Index Scan", "Looks up rows by index in", true, true},
        {"Index Only Scan", "Reads an index alone of", true, true},
        {"Bitmap Heap Scan", "Reads the rows found by index in", true, true},
        {"Bitmap Index Scan", "Searches an index", false, false},
        {"BitmapAnd", "Keeps what several indexes found", false, false},
        {"BitmapOr", "Adds up what several indexes found", false, false},
        {"Tid Scan", "Reads rows by their place in", true, true},
        {"Tid Range Scan", "Reads rows by their place in", true, true},
        {"Foreign Scan", "Asks another server for", true, true},
        {"Custom Scan", "Reads in a special way", true, true},
        {"Function Scan", "Reads what a function returns", false, true},
        {"Table Function Scan", "Reads what a function returns", false, true},
        {"Values Scan", "Reads a list of values", false, true},
        {"CTE Scan", "Reads a result of WITH", false, true},
        {"WorkTable Scan", "Reads the rows of the last round", false, true},
        {"Subquery Scan", "Takes the rows of a subquery", false, false},
        {"Nested Loop", "Joins each row with each that fits", false, true},
        {"Hash Join", "Joins by a hash table", false, true},
        {"Merge Join", "Joins sorted rows", false, true},
        {"Hash", "Builds a hash table", false, false},
        {"Memoize", "Remembers what it looked up", false, false},
        {"Materialize", "Keeps rows to read them again", false, false},
        {"Sort", "Sorts", false, true},
        {"Incremental Sort", "Sorts what is partly sorted", false, true},
        {"Aggregate", "Aggregates", false, true},
        {"Group", "Groups", false, true},
        {"WindowAgg", "Calculates over windows of rows", false, true},
        {"Unique", "Removes duplicates", false, false},
        {"SetOp", "Compares two sets of rows", false, true},
        {"Append", "Puts rows one after another", false, false},
        {"Merge Append", "Merges sorted rows", false, false},
        {"Recursive Union", "Repeats until nothing new is found", false, true},
        {"ProjectSet", "Makes several rows of one", false, true},
        {"Limit", "Stops after enough rows", false, false},
        {"Result", "Calculates a row", false, false},
        {"Gather", "Collects from several processes", false, false},
        {"Gather Merge", "Collects sorted from several processes", false, false},
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
	struct query_plan *plan;
	size_t room;
	size_t dearest; /* the node that adds most */
	double most;
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

static const char *detail_of(const struct walk *w, struct json_object *node)
{
	struct buf b = buf_init(w->a, BUF_LINE);

	for (size_t i = 0; i < DETAILS; i++) {
		struct json_object *value = json_get(node, details[i].key);

		if (value && (w->told || !details[i].values))
			put_detail(&b, value, details[i].words);
	}
	return b.n ? buf_cstr(&b) : NULL;
}

static const char *what_of(struct arena *a, struct json_object *node, size_t kind)
{
	const char *table = json_get_str(node, "Relation Name");

	if (kind == KINDS)
		return arena_strdup(a, json_get_str(node, "Node Type"));
	if (!kinds[kind].table || !table)
		return kinds[kind].words;
	return arena_printf(a, "%s %s", kinds[kind].words, table);
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
	                                   .what = what_of(w->a, node, kind),
	                                   .detail = detail_of(w, node),
	                                   .cost = w->told ? cost : 0,
	                                   .rows = w->told ? number(node, "Plan Rows") : 0};
	for (size_t i = 0; i < json_length(below); i++) {
		struct json_object *child = json_object_array_get_idx(below, i);

		own -= number(child, "Total Cost");
		walk(w, child, depth + 1);
	}
	if (own > w->most && (kind == KINDS || kinds[kind].reason)) {
		w->most = own;
		w->dearest = at;
	}
}

struct err *query_plan_ask(const struct query_wait *w, struct query_conn *conn, struct query_work *work,
                           struct query_plan *plan, double *cost)
{
	const struct sql_statement *s = work->statement;
	const struct query_step step = {
	        .sql = arena_printf(w->a, "EXPLAIN (FORMAT JSON) DECLARE quern NO SCROLL CURSOR FOR %s",
	                            s->sql),
	        .params = s->params,
	        .nparams = s->nparams,
	};
	struct walk walking = {.a = w->a, .plan = plan, .told = !s->nfiltered && !s->nmasked};
	struct json_object *o, *top;
	PGresult *res;
	struct err *e;

	*plan = (struct query_plan){
	        .sql_run = s->sql, .tables = s->tables, .ntables = s->ntables, .withheld = !walking.told};
	TRY(query_conn_trip(w, conn, &step, 1, &res));
	e = json_read(w->a, str_of(PQntuples(res) ? PQgetvalue(res, 0, 0) : ""), JSON_DEPTH_TREE, &o);
	PQclear(res);
	if (e)
		return err_cause(err_new(w->a, ERR_QUERY, "the database's plan could not be read"), e);
	top = json_get(json_length(o) ? json_object_array_get_idx(o, 0) : NULL, "Plan");
	walk(&walking, top, 0);
	*cost = number(top, "Total Cost");
	plan->cost = walking.told ? *cost : 0;
	plan->nodes[walking.dearest].costly = walking.told;
	return NULL;
}
