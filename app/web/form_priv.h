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
	const char *row_cap;
	const char *timeout; /* seconds */
	const char *model;
	const char *default_model; /* of the instance */
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

/* What a connection test found. */
struct web_probe {
	bool ok;
	const char *message;
	const char *hint;
	struct web_line *warnings;
	size_t nwarnings;
};
struct web_line {
	const char *text;
};
extern const struct view web_probe_view;

/* As stored. */
struct web_project_form *web_project_form(struct ctx *ctx, const struct project *p);
struct web_source_form *web_source_form(struct ctx *ctx, const struct project_source *s);

/* As sent: fills *p and *s from the fields. A number that is none becomes -1, which the project module
 * refuses by name. An empty password keeps the stored one (NULL); the box "no_password" removes it (""). */
void web_project_sent(struct ctx *ctx, const struct http_request *req, struct project *p);
void web_source_sent(struct ctx *ctx, const struct http_request *req, struct project_source *s);

/* Tries the source. */
MUST_CHECK struct err *web_probe(struct ctx *ctx, const struct project_source *s, struct web_probe **out);

#endif
