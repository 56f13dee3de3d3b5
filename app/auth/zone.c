/* A person's time zone: an IANA name that the platform's PostgreSQL knows, so that others do too. */
#include <string.h>

#include "audit/audit.h"
#include "auth/auth_priv.h"
#include "lib/arena.h"

DB_STMT(auth_time_zone_known,
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_timezone_names WHERE name = $1)", DB_TEXT);
DB_STMT(auth_time_zone_set, "UPDATE users SET time_zone = $2 WHERE id = $1 AND ($3 OR time_zone = '')",
        DB_I64, DB_TEXT, DB_BOOL);

enum { ZONE_BYTES = 64 };

static const struct db_row known_row = DB_ROW(bool, {DB_BOOL, 0});

bool auth_time_zone_form(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-";

	return strlen(name) <= ZONE_BYTES && !name[strspn(name, allowed)];
}

struct err *auth_time_zone_check(struct ctx *ctx, const char *name)
{
	bool known = !*name, found;

	if (*name && auth_time_zone_form(name))
		TRY(db_find(ctx, &auth_time_zone_known, DB_ARGS(db_text(name)), &known_row, &known, &found));
	if (known)
		return NULL;
	return err_hint(err_code(err_new(ctx->a, ERR_INVALID, "this is not the name of a time zone"),
	                         "time_zone"),
	                "Names are like Europe/Berlin, America/New_York or UTC.");
}

struct choice {
	const char *name;
	bool replace;
};

static struct err *choose(struct ctx *ctx, void *arg)
{
	const struct choice *c = arg;
	int64_t changed;

	TRY(db_run(ctx, &auth_time_zone_set,
	           DB_ARGS(db_i64(ctx->user_id), db_text(c->name), db_bool(c->replace)), &changed));
	/* A name of a time zone has nothing to escape. */
	return changed ? audit_log(ctx, "auth.time_zone", auth_object(ctx->a, ctx->user_id),
	                           arena_printf(ctx->a, "{\"time_zone\":\"%s\"}", c->name))
	               : NULL;
}

struct err *auth_set_time_zone(struct ctx *ctx, const char *name, bool replace)
{
	TRY(auth_time_zone_check(ctx, name));
	return db_transact(ctx, choose, &(struct choice){name, replace});
}
