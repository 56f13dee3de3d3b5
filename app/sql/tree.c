/*
 * Nodes of the parse tree: making new ones, comparing two trees. Works by protobuf-c's descriptors, so that
 * no field of any node can be forgotten.
 */
#include <inttypes.h>

#include "sql/sql_priv.h"

void *tree_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
	void *m = arena_alloc(a, type->sizeof_message);
	protobuf_c_message_init(type, m);
	return m;
}

PgQuery__Node *tree_node(struct arena *a, PgQuery__Node__NodeCase kind, void *message)
{
	PgQuery__Node *node = tree_new(a, &pg_query__node__descriptor);
	node->node_case = kind;
	node->alias = message;
	return node;
}

PgQuery__Node *tree_string(struct arena *a, const char *text)
{
	PgQuery__String *s = tree_new(a, &pg_query__string__descriptor);
	s->sval = arena_strdup(a, text);
	return tree_node(a, PG_QUERY__NODE__NODE_STRING, s);
}

PgQuery__Node *tree_int(struct arena *a, int64_t value)
{
	PgQuery__AConst *c = tree_new(a, &pg_query__a__const__descriptor);
	if (value >= INT32_MIN && value <= INT32_MAX) {
		c->val_case = PG_QUERY__A__CONST__VAL_IVAL;
		c->ival = tree_new(a, &pg_query__integer__descriptor);
		c->ival->ival = (int32_t)value;
	} else {
		c->val_case = PG_QUERY__A__CONST__VAL_FVAL;
		c->fval = tree_new(a, &pg_query__float__descriptor);
		c->fval->fval = arena_printf(a, "%" PRId64, value);
	}
	return tree_node(a, PG_QUERY__NODE__NODE_A_CONST, c);
}

PgQuery__Node *tree_least(struct arena *a, PgQuery__Node *value, int64_t cap)
{
	PgQuery__MinMaxExpr *x = tree_new(a, &pg_query__min_max_expr__descriptor);
	x->op = PG_QUERY__MIN_MAX_OP__IS_LEAST;
	x->n_args = 2;
	x->args = ARENA_ARRAY(a, PgQuery__Node *, 2);
	x->args[0] = value;
	x->args[1] = tree_int(a, cap);
	return tree_node(a, PG_QUERY__NODE__NODE_MIN_MAX_EXPR, x);
}

ProtobufCMessage *tree_inner(PgQuery__Node *node)
{
	return node && node->node_case ? (ProtobufCMessage *)node->alias : NULL;
}

const char *tree_str(const PgQuery__Node *node)
{
	return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : NULL;
}

int tree_location(const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
	        protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "location");
	return f ? *(const int32_t *)(const void *)((const char *)m + f->offset) : -1;
}

static size_t scalar_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_DOUBLE: return 8;
	default: return 4;
	}
}

static bool value_equal(ProtobufCType type, const char *x, const char *y)
{
	if (type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessage *mx = *(const ProtobufCMessage *const *)(const void *)x;
		const ProtobufCMessage *my = *(const ProtobufCMessage *const *)(const void *)y;
		return mx && my ? tree_equal(mx, my) : mx == my;
	}
	if (type == PROTOBUF_C_TYPE_STRING)
		return !strcmp(*(const char *const *)(const void *)x, *(const char *const *)(const void *)y);
	return !memcmp(x, y, scalar_size(type));
}

static bool repeated_equal(const ProtobufCFieldDescriptor *f, const char *x, const char *y)
{
	size_t n = *(const size_t *)(const void *)(x + f->quantifier_offset);
	if (n != *(const size_t *)(const void *)(y + f->quantifier_offset))
		return false;
	bool pointers = f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_STRING;
	size_t step = pointers ? sizeof(void *) : scalar_size(f->type);
	const char *px = *(const char *const *)(const void *)(x + f->offset);
	const char *py = *(const char *const *)(const void *)(y + f->offset);
	for (size_t i = 0; i < n; i++)
		if (!value_equal(f->type, px + i * step, py + i * step))
			return false;
	return true;
}

static bool oneof_equal(const ProtobufCFieldDescriptor *f, const char *x, const char *y)
{
	uint32_t cx = *(const uint32_t *)(const void *)(x + f->quantifier_offset);
	uint32_t cy = *(const uint32_t *)(const void *)(y + f->quantifier_offset);
	if (cx != cy)
		return false;
	return cx != f->id || value_equal(f->type, x + f->offset, y + f->offset);
}

static bool field_equal(const ProtobufCFieldDescriptor *f, const char *x, const char *y)
{
	if (!strcmp(f->name, "location") || !strcmp(f->name, "stmt_location") || !strcmp(f->name, "stmt_len"))
		return true;
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return repeated_equal(f, x, y);
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return oneof_equal(f, x, y);
	return value_equal(f->type, x + f->offset, y + f->offset);
}

/* A Node has 238 fields of which one is set: looking at that one is what makes comparing fast. */
static bool node_equal(const PgQuery__Node *x, const PgQuery__Node *y)
{
	if (x->node_case != y->node_case)
		return false;
	return !x->node_case ||
	       tree_equal((const ProtobufCMessage *)x->alias, (const ProtobufCMessage *)y->alias);
}

bool tree_equal(const ProtobufCMessage *x, const ProtobufCMessage *y)
{
	if (x->descriptor != y->descriptor || x->n_unknown_fields || y->n_unknown_fields)
		return false;
	if (x->descriptor == &pg_query__node__descriptor)
		return node_equal((const PgQuery__Node *)x, (const PgQuery__Node *)y);
	for (unsigned i = 0; i < x->descriptor->n_fields; i++)
		if (!field_equal(&x->descriptor->fields[i], (const char *)x, (const char *)y))
			return false;
	return true;
}
