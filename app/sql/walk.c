/*
 * The walk: every message of the tree is looked up in nodes.def and refused if it is not there; every field
 * that holds messages is walked unless the check of that kind has dealt with it. So what this code does not
 * know, in kinds or in fields, cannot pass.
 */
#include <assert.h>

#include "sql/sql_priv.h"

typedef struct err *check_fn(struct guard *g, void *m);

struct rule {
	const ProtobufCMessageDescriptor *type;
	check_fn *check;
};

static struct err *check_constant(struct guard *g, void *m)
{
	vary_constant(g, m);
	return bound_constant(g, m);
}

static struct err *check_cast(struct guard *g, void *m)
{
	TRY(bound_cast(g, m));
	return walk_fields(g, m, 0);
}

static struct err *check_param(struct guard *g, void *m)
{
	return param_ref(g, m);
}

static struct err *check_column(struct guard *g, void *m)
{
	return column_ref(g, m);
}

static struct err *check_indirection(struct guard *g, void *m)
{
	return column_indirection(g, m);
}

static struct err *check_call(struct guard *g, void *m)
{
	return func_call(g, m);
}

static const char *const operators[] = {
#define OPERATOR(text) text,
#include "sql/operators.def"
#undef OPERATOR
};

static struct err *operator_ok(struct guard *g, PgQuery__Node **names, size_t n, int location,
                               const char **out)
{
	TRY(func_name(g, names, n, "operator", "operator_not_allowed", location, out));
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (!strcmp(operators[i], *out))
			return NULL;
	return refuse(g, "operator_not_allowed", location,
	              "operator %s is not on the list of allowed operators", *out);
}

static struct err *check_operator(struct guard *g, void *m)
{
	PgQuery__AExpr *x = m;
	const char *name;
	TRY(operator_ok(g, x->name, x->n_name, x->location, &name));
	TRY(bound_operator(g, name, x));
	return walk_fields(g, x, FIELD(2));
}

static const char *const types[] = {
#define TYPE(name) #name,
#include "sql/types.def"
#undef TYPE
};

enum { TYPE_LENGTH = 10000 };

/* bpchar(100000000) would make values of that length. */
static struct err *type_length(struct guard *g, const char *name, const PgQuery__TypeName *t)
{
	double length;
	for (size_t i = 0; i < t->n_typmods; i++)
		if (strcmp(name, "interval") != 0 &&
		    (!bound_number(t->typmods[i], &length) || length > TYPE_LENGTH))
			return refuse(g, "too_large", t->location, "length of type %s is above %d", name,
			              TYPE_LENGTH);
	return NULL;
}

static struct err *check_type(struct guard *g, void *m)
{
	PgQuery__TypeName *t = m;
	const char *name;
	TRY(func_name(g, t->names, t->n_names, "type", "type_not_allowed", t->location, &name));
	if (t->setof || t->pct_type || t->type_oid)
		return refuse(g, "type_not_allowed", t->location, "this form of a type is not allowed");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i], name)) {
			TRY(type_length(g, name, t));
			return walk_fields(g, t, FIELD(1));
		}
	return err_hint(refuse(g, "type_not_allowed", t->location,
	                       "type %s is not on the list of allowed types", name),
	                "Cast to text, numbers, dates, times, intervals, booleans, uuid, json or ranges.");
}

static struct err *check_value_function(struct guard *g, void *m)
{
	const PgQuery__SQLValueFunction *f = m;
	if (f->op < PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE ||
	    f->op > PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N)
		return err_hint(refuse(g, "function_not_allowed", f->location,
		                       "names of users and databases are not allowed"),
		                "Only current_date, current_timestamp and their like are.");
	g->varies = true;
	return walk_fields(g, m, 0);
}

static struct err *check_sublink(struct guard *g, void *m)
{
	PgQuery__SubLink *s = m;
	const char *name;
	if (g->filter_of)
		return refuse(g, "policy_invalid", -1, "the row filter of %s has a subquery",
		              g->filter_of->name);
	if (s->n_oper_name)
		TRY(operator_ok(g, s->oper_name, s->n_oper_name, s->location, &name));
	return walk_fields(g, s, FIELD(5));
}

static struct err *check_row(struct guard *g, void *m)
{
	return walk_fields(g, m, FIELD(5)); /* names given by the parser */
}

static struct err *check_collate(struct guard *g, void *m)
{
	PgQuery__CollateClause *c = m;
	const char *name;
	TRY(func_name(g, c->collname, c->n_collname, "collation", "collation_not_allowed", c->location,
	              &name));
	return walk_fields(g, c, FIELD(2));
}

static struct err *check_target(struct guard *g, void *m)
{
	const PgQuery__ResTarget *t = m;
	if (t->n_indirection)
		return refuse(g, "statement_not_allowed", t->location,
		              "this form of an output column is not allowed");
	if (t->val && t->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return column_target(g, t->val->column_ref);
	return walk_fields(g, m, 0);
}

static struct err *check_sort(struct guard *g, void *m)
{
	PgQuery__SortBy *s = m;
	const char *name;
	if (s->n_use_op)
		TRY(operator_ok(g, s->use_op, s->n_use_op, s->location, &name));
	return walk_fields(g, s, FIELD(4));
}

static struct err *check_select(struct guard *g, void *m)
{
	struct cols unused = {0};
	return select_walk(g, m, &unused);
}

/* SEARCH and CYCLE: lists of column names, and names of new columns. */
static struct err *check_search(struct guard *g, void *m)
{
	return walk_fields(g, m, FIELD(1));
}

static struct err *check_cycle(struct guard *g, void *m)
{
	return walk_fields(g, m, FIELD(1));
}

static const struct rule rules[] = {
#define NONE NULL
#define NODE(type, check) {&pg_query__##type##__descriptor, check},
#include "sql/nodes.def"
#undef NODE
#undef NONE
};

/* Better words for what people and models do write. */
static const struct {
	const ProtobufCMessageDescriptor *type;
	const char *code;
	const char *message;
	const char *hint;
} refusals[] = {
        {&pg_query__into_clause__descriptor, "statement_not_allowed", "SELECT INTO is not allowed",
         "Leave out INTO; the result is shown and can be saved as a query."},
        {&pg_query__locking_clause__descriptor, "statement_not_allowed", "row locks are not allowed",
         "Leave out FOR UPDATE and FOR SHARE."},
        {&pg_query__xml_expr__descriptor, "function_not_allowed", "XML is not allowed",
         "Use JSON functions."},
        {&pg_query__xml_serialize__descriptor, "function_not_allowed", "XML is not allowed",
         "Use JSON functions."},
        {&pg_query__range_table_func__descriptor, "function_not_allowed", "XML is not allowed",
         "Use JSON functions."},
        {&pg_query__insert_stmt__descriptor, "statement_not_allowed", "INSERT is not allowed",
         "Only reading is."},
        {&pg_query__update_stmt__descriptor, "statement_not_allowed", "UPDATE is not allowed",
         "Only reading is."},
        {&pg_query__delete_stmt__descriptor, "statement_not_allowed", "DELETE is not allowed",
         "Only reading is."},
        {&pg_query__variable_set_stmt__descriptor, "statement_not_allowed", "SET is not allowed",
         "Settings are the platform's; send the SELECT alone."},
        {&pg_query__transaction_stmt__descriptor, "statement_not_allowed",
         "transaction control is not allowed", "Send the SELECT alone; it runs in a transaction of its own."},
        {&pg_query__copy_stmt__descriptor, "statement_not_allowed", "COPY is not allowed",
         "Send the SELECT alone; results can be exported."},
        {&pg_query__explain_stmt__descriptor, "statement_not_allowed", "EXPLAIN is not allowed",
         "Send the SELECT itself; plans are shown on request."},
};

static struct err *refuse_kind(struct guard *g, const ProtobufCMessage *m)
{
	int location = tree_location(m);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (refusals[i].type == m->descriptor)
			return err_hint(refuse(g, refusals[i].code, location, "%s", refusals[i].message),
			                "%s", refusals[i].hint);
	return err_hint(
	        refuse(g, "statement_not_allowed", location, "%s is not allowed", m->descriptor->short_name),
	        "Only one SELECT that reads the allowed tables is.");
}

static const struct rule *rule_of(const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

struct err *walk(struct guard *g, void *message)
{
	ProtobufCMessage *m = message;
	if (m && m->descriptor == &pg_query__node__descriptor) {
		if (m->n_unknown_fields)
			return refuse_kind(g, m);
		m = tree_inner(message);
	}
	if (!m)
		return NULL;
	const struct rule *rule = rule_of(m->descriptor);
	if (!rule || m->n_unknown_fields)
		return refuse_kind(g, m);
	return rule->check ? rule->check(g, m) : walk_fields(g, m, 0);
}

static struct err *walk_nodes(struct guard *g, PgQuery__Node **nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		TRY(walk(g, nodes[i]));
	return NULL;
}

static struct err *walk_field(struct guard *g, char *m, const ProtobufCFieldDescriptor *f)
{
	void *at = m + f->offset;
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return walk_nodes(g, *(PgQuery__Node ***)at, *(size_t *)(void *)(m + f->quantifier_offset));
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
	    *(uint32_t *)(void *)(m + f->quantifier_offset) != f->id)
		return NULL;
	return walk(g, *(void **)at);
}

struct err *walk_fields(struct guard *g, void *m, unsigned skip)
{
	const ProtobufCMessageDescriptor *type = ((ProtobufCMessage *)m)->descriptor;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		assert(f->id < 32);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE && !(skip & FIELD(f->id)))
			TRY(walk_field(g, m, f));
	}
	return NULL;
}
