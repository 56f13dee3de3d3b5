/* The parameters of a text in its form: {{from:date}} is the field "p.from". */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/sql_priv.h"

static const struct view param_view =
        VIEW(struct web_param, VIEW_STR(struct web_param, name), VIEW_STR(struct web_param, type),
             VIEW_STR(struct web_param, value), VIEW_BOOL(struct web_param, number),
             VIEW_BOOL(struct web_param, date));
const struct view web_params_view =
        VIEW(struct web_params, VIEW_LIST(struct web_params, list, nlist, &param_view),
             VIEW_BOOL(struct web_params, some), VIEW_BOOL(struct web_params, asked));

static const char *last_value(const struct query_parameter *last, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (last[i].name && !strcmp(last[i].name, name))
			return last[i].value;
	return NULL;
}

struct err *web_params_read(struct ctx *ctx, const struct http_request *req, const char *sql,
                            const struct query_parameter *last, size_t nlast, struct web_params **out)
{
	struct web_params *p = *out = ARENA_NEW(ctx->a, struct web_params);
	struct sql_placeholder *found;

	TRY(sql_placeholders(ctx->a, str_of(sql), &found, &p->nlist));
	p->list = ARENA_ARRAY(ctx->a, struct web_param, p->nlist);
	p->some = p->nlist > 0;
	for (size_t i = 0; i < p->nlist; i++) {
		const char *field = arena_printf(ctx->a, "p.%s", found[i].name);
		bool sent = http_has_field(req, field);

		p->asked = p->asked || !sent;
		p->list[i] = (struct web_param){
		        .name = found[i].name,
		        .type = sql_value_type_name(found[i].type),
		        .value = sent ? str_dup(ctx->a, http_field(req, field))
		                      : last_value(last, nlast, found[i].name),
		        .number = found[i].type == SQL_VALUE_NUMBER,
		        .date = found[i].type == SQL_VALUE_DATE,
		};
	}
	return NULL;
}

struct err *web_params_bind(struct ctx *ctx, const struct web_params *p, const char *sql,
                            struct sql_bound *out)
{
	const char **values = ARENA_ARRAY(ctx->a, const char *, p->nlist);

	for (size_t i = 0; i < p->nlist; i++)
		values[i] = p->list[i].value;
	return sql_bind(ctx->a, str_of(sql), values, out);
}

void web_params_keep(struct arena *a, const struct web_params *p, struct query_saved *s)
{
	s->nparameters = p->nlist;
	s->parameters = ARENA_ARRAY(a, struct query_parameter, p->nlist);
	for (size_t i = 0; i < p->nlist; i++)
		s->parameters[i] =
		        (struct query_parameter){p->list[i].name, p->list[i].type, p->list[i].value};
}
