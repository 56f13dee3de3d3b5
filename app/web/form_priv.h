/* The forms of a project and its source, as shown and as sent; used for a new project and for the settings
 * of one. */
#ifndef WEB_FORM_PRIV_H
#define WEB_FORM_PRIV_H

#include "web/web_priv.h"

struct web_project_form {
	const char *slug;
	const char *name;
	const char *description;
	const char *prompt;
	const char *suggestions; /* a line each */
};
extern const struct view web_project_form_view;

struct web_option {
	const char *value;
	const char *label;
	bool selected;
};

struct web_source_form {
	const char *host;
	const char *port;
	const char *database;
	const char *username;
	bool has_password; /* one is stored; it is never shown */
	struct web_option *sslmodes;
	size_t nsslmodes;
	const char *schema;
	const char *allowed; /* a line each; empty: all */
	const char *excluded;
};
extern const struct view web_source_form_view;

struct web_limit {
	const char *name;
	const char *label;
	const char *unit;
	const char *help;
	const char *value;
	int64_t min, max;
	bool wrong;          /* as it was sent */
	bool amount;         /* with decimals */
	const char *heading; /* before the first of its kind */
};
struct web_limits {
	struct web_limit *fields;
	size_t nfields;
	const char *costs; /* a sentence on what queries cost lately, or NULL */
};
extern const struct view web_limits_view;

/* A model of a project: place 1, or the one that it falls back to. */
struct web_price {
	const char *name;
	const char *label;
	const char *value;
	const char *wrong; /* why it was refused, as below; or NULL */
};
struct web_tried {
	bool ok;
	const char *message;
	const char *detail;
	const char *hint;
};
struct web_model_form {
	int64_t place;
	bool first;
	bool stored; /* the project has one at this place */
	bool open;   /* shown unfolded */
	const char *summary;
	struct web_option *formats;
	size_t nformats;
	const char *url;
	const char *model;
	const char *default_model; /* of the instance */
	bool has_key;              /* one is stored; it is never shown */
	struct web_price *prices;
	size_t nprices;
	const char *currency;
	bool in_clear; /* what goes there can be read on the way */
	const char *format_wrong, *url_wrong, *model_wrong, *key_wrong, *currency_wrong;
	struct web_problem *problem;
	struct web_tried *tried;
};
extern const struct view web_model_form_view;

/* What a project's turns took this month. */
struct web_used {
	const char *person, *model, *turns, *tokens_in, *tokens_cached, *tokens_out, *cost;
};
struct web_usage {
	struct web_used *lines;
	size_t nlines;
	struct web_used *total; /* NULL where it is the only line */
	bool none;
	bool more; /* lines than are shown */
};
extern const struct view web_usage_view;

/* What a connection test found. */
struct web_warning {
	const char *text;
	const char *mend;
	bool sql; /* mend is a statement */
};
struct web_probe {
	bool ok;
	const char *message;
	const char *hint;
	struct web_warning *grave; /* the role can do more than read */
	size_t ngrave;
	bool any_grave;
	struct web_warning *warnings; /* the others */
	size_t nwarnings;
	const char *when;
};
extern const struct view web_probe_view;

/* As stored. */
struct web_project_form *web_project_form(struct ctx *ctx, const struct project *p);
MUST_CHECK struct err *web_limits(struct ctx *ctx, const struct project *p, struct web_limits **out);
struct web_source_form *web_source_form(struct ctx *ctx, const struct project_source *s);

/* As sent: fills *p and *s from the fields. A number that is none becomes -1, which the project module
 * refuses by name. An empty password keeps the stored one (NULL); the box "no_password" removes it (""). */
void web_project_sent(struct ctx *ctx, const struct http_request *req, struct project *p);
void web_limits_sent(const struct http_request *req, struct project *p);
void web_source_sent(struct ctx *ctx, const struct http_request *req, struct project_source *s);
/* Whether the source is only to be tried: the "Test connection" button. */
bool web_only_test(const struct http_request *req);
/* A number as sent; -1 when it is none. */
int64_t web_number(const struct http_request *req, const char *name);
/* Shows the limits as they were typed, and which was refused. */
void web_limits_refused(struct ctx *ctx, const struct http_request *req, struct web_limits *f,
                        const struct err *e);

/* A model as it is given; stored: the project has it. And both places as they are stored. */
struct web_model_form *web_model_form(struct ctx *ctx, const struct project *p, const struct project_model *m,
                                      bool stored);
MUST_CHECK struct err *web_model_forms(struct ctx *ctx, const struct project *p,
                                       struct web_model_form *out[PROJECT_MODELS]);
/* As sent; an empty key keeps the stored one (NULL), the box "no_key" removes it (""). */
void web_model_sent(struct ctx *ctx, const struct http_request *req, struct project_model *m);
/* Shows what was typed, and what was refused of it; e may be NULL. */
void web_model_again(struct ctx *ctx, const struct http_request *req, struct web_model_form *f,
                     const struct err *e);
/* typed: with a key that is not stored. */
struct web_tried *web_model_tried(struct ctx *ctx, const struct agent_tried *tried, bool typed,
                                  const struct err *e);
/* "0.3" as sent, in millionths; -1 for what is no amount. And back. */
int64_t web_amount(const struct http_request *req, const char *name);
const char *web_amount_text(struct arena *a, int64_t millionths);
MUST_CHECK struct err *web_usage(struct ctx *ctx, const struct project *p, struct web_usage **out);

/* For a page. */
struct web_probe *web_probe(struct ctx *ctx, const struct query_probe *found);

#endif
