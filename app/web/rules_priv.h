/* The access rules of a project as a page: what is shared by showing and changing them. */
#ifndef WEB_RULES_PRIV_H
#define WEB_RULES_PRIV_H

#include "policy/policy.h"
#include "web/web_priv.h"

/* The form of a rule, as filled in: one rule for each of the roles. */
struct rules_form {
	const char *table; /* "": not chosen yet */
	const char *kind;
	const char *column;
	const char *condition;
	const char *mask;
	bool roles[PROJECT_ROLE__MAX];
};

/* From the fields of a form that was sent, or from the address (a rule that is to be changed). */
typedef struct str rules_get(const struct http_request *req, const char *name);
struct rules_form rules_form_read(struct ctx *ctx, const struct http_request *req, rules_get *get);

/* The rule of it for a role. */
struct policy_rule rules_form_rule(const struct rules_form *form, enum project_role role);

/* The policy of an admin, and all of the dictionary: rules are about what somebody does not see. */
MUST_CHECK struct err *rules_sight(struct ctx *ctx, const struct project *project, struct web_sight *out);

/* The page; with a problem it shows the form as it was sent. */
MUST_CHECK struct err *rules_show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                  const struct rules_form *form, const struct err *problem);

#endif
