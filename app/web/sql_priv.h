/* What the SQL page, the pages of saved queries and the page of a run share. */
#ifndef WEB_SQL_PRIV_H
#define WEB_SQL_PRIV_H

#include "sql/sql.h"
#include "web/web_priv.h"

/* Source, policy and dictionary of the request's project for its person. */
MUST_CHECK struct err *web_scope(struct ctx *ctx, struct http_request *req, enum query_origin origin,
                                 struct query_scope *out);
/* A text with its line ends as they were typed: browsers send CR LF. */
const char *web_sql_field(struct ctx *ctx, const struct http_request *req, const char *name);

/* Parameters --------------------------------------------------------------------------------------------- */

struct web_param {
	const char *name;
	const char *type;
	const char *value;
	bool number;
	bool date;
};
struct web_params {
	struct web_param *list;
	size_t nlist;
	bool some;
	bool asked; /* the form did not hold all of them: nothing was run */
};
extern const struct view web_params_view;

/* Those of the text with the values that the form sent as fields "p.NAME", else those that were last. */
MUST_CHECK struct err *web_params_read(struct ctx *ctx, const struct http_request *req, const char *sql,
                                       const struct query_parameter *last, size_t nlast,
                                       struct web_params **out);
MUST_CHECK struct err *web_params_bind(struct ctx *ctx, const struct web_params *p, const char *sql,
                                       struct sql_bound *out);
/* For keeping: into s->parameters. */
void web_params_keep(struct arena *a, const struct web_params *p, struct query_saved *s);

/* Answers ------------------------------------------------------------------------------------------------ */

/* A failed statement, and where in the text it went wrong. */
struct web_sql_problem {
	const char *message;
	const char *detail;
	const char *hint;
	int64_t position;                 /* 1-based character, 0: not known */
	const char *line;                 /* "Line 2, column 8" */
	const char *before, *at, *behind; /* of that line */
	bool slow;                        /* it hit the time limit */
};
struct web_result {
	const char *chart; /* as of a card */
	int64_t run_id;
	int64_t total;
	struct web_meta *meta;
	const char *cut; /* NULL when a caveat says it */
	struct web_table *table;
	const char *range; /* "1 to 100 of 250", NULL when all are shown */
	bool has_previous, has_next;
	int64_t previous, next; /* first rows of those pages */
	const char *sql_run_html;
};
struct web_plan_node {
	int64_t depth;
	const char *what;
	const char *detail;
	const char *rows;
	const char *cost;
	bool costly;
};
struct web_plan {
	struct web_plan_node *nodes;
	size_t nnodes;
	const char *cost;
	bool withheld;
};
/* What came of running a text: at most one of them. */
struct web_answer {
	struct web_sql_problem *problem;
	struct web_result *result;
	struct web_plan *plan;
	bool refreshable; /* there is a form on the page that runs it again */
	bool background;  /* and that can be told to do so in the background */
	bool exports;     /* the person may take the rows away as a file */
};
extern const struct view web_answer_view;
extern const struct view web_result_view;

/* Rows from `first` on, a page of them. */
struct web_result *web_result(struct arena *a, const struct query_result *r, size_t first);
struct web_plan *web_plan(struct arena *a, const struct query_plan *p);
/* NULL for an error that is not for people to mend: then it is the request's. bound may be NULL. */
struct web_sql_problem *web_sql_problem(struct arena *a, const char *sql, const struct sql_bound *bound,
                                        const struct err *e);

/* Runs or explains a text with its parameters and fills the answer; sets the status of the page. `saved` is what it was
 * opened from, or NULL: its parameters keep their values. */
struct web_sql_run {
	enum query_origin origin;
	const char *sql;
	bool explain;
	struct query_saved *saved;
};
MUST_CHECK struct err *web_sql_answer(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                      const struct web_sql_run *run, struct web_params **params,
                                      struct web_answer *answer);

/* The page asked for only what changes (script on it puts that into place). */
bool web_partial(const struct http_request *req);

#endif
