/* Reading the trail: entries by what they are about, a page at a time. */
#include "audit/audit_priv.h"

#include "db/db.h"

#define ENTRIES \
	"SELECT id, at, user_id, email, action, object, detail, address, request_id FROM audit_log" \
	" WHERE ($1 = '' OR position(lower($1) IN lower(email)) > 0)" \
	" AND ($2 = '' OR action = $2 OR starts_with(action, $2 || '.'))" \
	" AND ($3 = '' OR object = $3) AND ($4 IS NULL OR at >= $4) AND ($5 IS NULL OR at < $5)"

DB_STMT(audit_newest, ENTRIES " AND ($6 = 0 OR id < $6) ORDER BY id DESC LIMIT $7", DB_TEXT, DB_TEXT, DB_TEXT,
        DB_TIME, DB_TIME, DB_I64, DB_I64);
DB_STMT(audit_next_newer, ENTRIES " AND id > $6 ORDER BY id LIMIT $7", DB_TEXT, DB_TEXT, DB_TEXT, DB_TIME,
        DB_TIME, DB_I64, DB_I64);
/* From one action to the next along the index: as many steps as there are actions. */
DB_STMT0(
        audit_action_names,
        "WITH RECURSIVE a AS (SELECT min(action) AS action FROM audit_log UNION ALL"
        " SELECT (SELECT min(action) FROM audit_log WHERE action > a.action) FROM a WHERE a.action IS NOT NULL)"
        " SELECT action FROM a WHERE action IS NOT NULL");

static const struct db_row entry_row =
        DB_ROW(struct audit_entry, DB_COL_I64(struct audit_entry, id), DB_COL_TIME(struct audit_entry, at),
               DB_COL_I64(struct audit_entry, user_id), DB_COL_TEXT(struct audit_entry, email),
               DB_COL_TEXT(struct audit_entry, action), DB_COL_TEXT(struct audit_entry, object),
               DB_COL_JSON(struct audit_entry, detail), DB_COL_TEXT(struct audit_entry, address),
               DB_COL_TEXT(struct audit_entry, request_id));
static const struct db_row name_row = DB_ROW(const char *, {DB_TEXT, 0});

static struct db_arg asked(const char *text)
{
	return db_text(text ? text : "");
}

static void reverse(struct audit_entry *entries, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct audit_entry e = entries[i];

		entries[i] = entries[n - 1 - i];
		entries[n - 1 - i] = e;
	}
}

struct err *audit_search(struct ctx *ctx, const struct audit_filter *f, struct audit_entry **entries,
                         size_t *n)
{
	TRY(db_all(ctx, f->after ? &audit_next_newer : &audit_newest,
	           DB_ARGS(asked(f->person), asked(f->action), asked(f->object), db_time(f->from),
	                   db_time(f->to), db_i64(f->after ? f->after : f->before), db_i64(f->most)),
	           &entry_row, entries, n));
	if (f->after)
		reverse(*entries, *n);
	return NULL;
}

struct err *audit_actions(struct ctx *ctx, const char ***actions, size_t *n)
{
	return db_all(ctx, &audit_action_names, DB_NO_ARGS, &name_row, actions, n);
}
