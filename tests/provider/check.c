/* What the checks of both formats share. */
#include <json-c/linkhash.h>
#include <string.h>

#include "lib/arena.h"
#include "provider.h"

bool check_known(const char *key, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return false;
}

const char *check_unknown_key(struct json_object *o, const char *const *known, size_t n)
{
	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_foreach(o, key, value) {
		(void)value;
		if (!check_known(key, known, n))
			return key;
	}
	return NULL;
}

bool check_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n >= 1 && n <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

bool check_call_open(struct check *c, const char *id)
{
	if (check_known(id, c->seen, c->nseen) || c->nseen == CHECK_CALLS)
		return false;
	c->seen[c->nseen++] = c->open[c->nopen++] = id;
	return true;
}

bool check_call_close(struct check *c, const char *id, const char *result)
{
	for (size_t i = 0; id && i < c->nopen; i++) {
		if (strcmp(c->open[i], id) != 0)
			continue;
		c->open[i] = c->open[--c->nopen];
		c->q->call++;
		c->answered = true;
		c->q->result = result ? result : "";
		return true;
	}
	return false;
}

/* What is said together with results is no question. */
void check_question(struct check *c, const char *text)
{
	if (c->answered)
		return;
	c->q->text = text;
	c->q->call = 0;
	c->q->result = "";
}
