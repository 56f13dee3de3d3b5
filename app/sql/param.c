/*
 * Parameters of the statement that is sent. Values that are not the statement's own (who asks, the key of
 * hashed columns) are bound by the server and never become SQL text: nothing in them can be read as SQL, and
 * the key is in no log of statements. Only policies make parameters; a $1 that somebody wrote is refused.
 */
#include "lib/buf.h"
#include "sql/sql_priv.h"

static const struct {
	const char *name; /* as a row filter writes it; NULL: not for filters */
	const char *type;
} kinds[PARAM__MAX] = {
        [PARAM_EMAIL] = {"{user.email}", "text"},
        [PARAM_GROUPS] = {"{user.groups}", "text[]"},
        [PARAM_KEY] = {NULL, "text"},
};

void param_put(struct guard *g, enum param kind, struct buf *b)
{
	if (!g->params[kind])
		g->params[kind] = ++g->nparams;
	buf_printf(b, "($%d::%s)", g->params[kind], kinds[kind].type);
}

static enum param param_at(const char *text)
{
	int k = 0;
	while (k < PARAM__MAX && (!kinds[k].name || strncmp(text, kinds[k].name, strlen(kinds[k].name)) != 0))
		k++;
	return k;
}

const char *param_expand(struct guard *g, const char *text, struct param_slots *slots)
{
	struct buf b = buf_init(g->a, SQL_BYTES);
	*slots = (struct param_slots){.at = ARENA_ARRAY(g->a, int, strlen(text) / 2 + 1)};
	while (*text) {
		enum param kind = *text == '{' ? param_at(text) : PARAM__MAX;
		if (kind == PARAM__MAX) {
			buf_add_char(&b, *text++);
			continue;
		}
		buf_add_char(&b, ' ');
		slots->at[slots->n++] = (int)b.n + EXPRESSION_OFFSET + 1; /* behind the parenthesis */
		param_put(g, kind, &b);
		text += strlen(kinds[kind].name);
	}
	return b.full ? NULL : buf_cstr(&b);
}

struct err *param_ref(struct guard *g, const PgQuery__ParamRef *p)
{
	for (size_t i = 0; g->slots && i < g->slots->n; i++)
		if (g->slots->at[i] == p->location) {
			g->slots->met++;
			return NULL;
		}
	return err_hint(refuse(g, "parameter_not_allowed", p->location, "parameters are not allowed"),
	                "Write the value in place of the parameter.");
}

/* {"a","b"}: every element quoted, so that none is read as NULL or as more than one. */
static const char *array_literal(struct arena *a, const char *const *values, size_t n)
{
	struct buf b = buf_init(a, BUF_PAGE);
	buf_add_char(&b, '{');
	for (size_t i = 0; i < n; i++) {
		buf_add_cstr(&b, i ? ",\"" : "\"");
		for (const char *p = values[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_add_char(&b, '\\');
			buf_add_char(&b, *p);
		}
		buf_add_char(&b, '"');
	}
	buf_add_char(&b, '}');
	return b.full ? NULL : buf_cstr(&b);
}

static const char *value_of(struct guard *g, enum param kind)
{
	const struct sql_policy *p = g->policy;
	switch (kind) {
	case PARAM_EMAIL: return p->user_email && *p->user_email ? arena_strdup(g->a, p->user_email) : NULL;
	case PARAM_GROUPS: return array_literal(g->a, p->user_groups, p->nuser_groups);
	default: return arena_strdup(g->a, p->mask_key);
	}
}

struct err *param_values(struct guard *g, struct sql_statement *out)
{
	out->params = ARENA_ARRAY(g->a, const char *, (size_t)g->nparams + 1);
	out->nparams = (size_t)g->nparams;
	out->secret_param = (size_t)g->params[PARAM_KEY];
	for (int k = 0; k < PARAM__MAX; k++) {
		if (!g->params[k])
			continue;
		const char *value = value_of(g, k);
		if (!value && k == PARAM_GROUPS)
			return refuse(g, "policy_invalid", -1, "the list of groups is too long");
		out->params[g->params[k] - 1] = value;
	}
	return NULL;
}
