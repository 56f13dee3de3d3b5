/* Accounts: local ones with a password, and what an admin changes about any. */
#include <string.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

#define USER_COLUMNS "id, email, name, origin, is_admin, disabled_at IS NOT NULL, time_zone, groups, created_at," \
	             " last_seen_at"

DB_STMT(auth_user_insert,
        "INSERT INTO users (email, name, origin, password_hash, is_admin, groups)"
        " VALUES ($1, $2, 'local', $3, $4, $5) RETURNING id",
        DB_TEXT, DB_TEXT, DB_TEXT, DB_BOOL, DB_TEXTS);
DB_STMT(auth_user_select, "SELECT " USER_COLUMNS " FROM users WHERE email = $1", DB_TEXT);
DB_STMT0(auth_user_select_all, "SELECT " USER_COLUMNS " FROM users ORDER BY email");
DB_STMT(auth_user_set_password, "UPDATE users SET password_hash = $2 WHERE id = $1 AND origin = 'local'",
        DB_I64, DB_TEXT);
DB_STMT(auth_user_set,
        "UPDATE users SET name = $2, is_admin = $3,"
        " groups = CASE WHEN origin = 'local' THEN coalesce($5, groups) ELSE groups END,"
        " disabled_at = CASE WHEN $4 THEN coalesce(disabled_at, now()) END WHERE id = $1",
        DB_I64, DB_TEXT, DB_BOOL, DB_BOOL, DB_TEXTS);
/* Locks the admins in one order, so that two people cannot take each other away at the same moment. */
DB_STMT0(auth_admins_lock,
         "SELECT id FROM users WHERE is_admin AND disabled_at IS NULL ORDER BY id FOR UPDATE");

static const struct db_row user_row =
        DB_ROW(struct auth_user, DB_COL_I64(struct auth_user, id), DB_COL_TEXT(struct auth_user, email),
               DB_COL_TEXT(struct auth_user, name), DB_COL_TEXT(struct auth_user, origin),
               DB_COL_BOOL(struct auth_user, is_admin), DB_COL_BOOL(struct auth_user, disabled),
               DB_COL_TEXT(struct auth_user, time_zone), DB_COL_TEXTS(struct auth_user, groups),
               DB_COL_TIME(struct auth_user, created_at), DB_COL_TIME(struct auth_user, last_seen_at));
static const struct db_row id_row = DB_ROW(struct auth_user, DB_COL_I64(struct auth_user, id));

enum { EMAIL_MIN = 3, EMAIL_MAX = 254, NAME_MAX_CHARS = 200, GROUPS = 100, GROUP_MAX_CHARS = 100 };

/* Visible ASCII but what addresses only have inside quotes, and one "@" inside. */
const char *auth_email(struct arena *a, struct str text)
{
	size_t i, at = 0, ats = 0;

	text = str_trim(text);
	if (text.n < EMAIL_MIN || text.n > EMAIL_MAX)
		return NULL;
	for (i = 0; i < text.n; i++) {
		unsigned char ch = (unsigned char)text.p[i];

		if (ch <= 0x20 || ch >= 0x7f || strchr("\"(),:;<>[\\]", ch))
			return NULL;
		if (ch == '@' && ++ats)
			at = i;
	}
	return ats == 1 && at > 0 && at + 1 < text.n ? str_lower(a, text) : NULL;
}

static struct err *check_email(struct ctx *ctx, const char *text, const char **email)
{
	*email = auth_email(ctx->a, str_of(text));
	return *email ? NULL
	              : err_code(err_new(ctx->a, ERR_INVALID, "this is not an e-mail address"), "email");
}

/* One line of at most so many characters. */
static bool is_line(const char *text, size_t most)
{
	struct str s = str_of(text);
	size_t chars = 0, step;

	while (s.n > 0 && (step = str_utf8_step(s)) > 0 && (unsigned char)s.p[0] >= 0x20 && s.p[0] != 0x7f) {
		s = (struct str){s.p + step, s.n - step};
		chars++;
	}
	return s.n == 0 && chars <= most;
}

static struct err *check_name(struct ctx *ctx, const char *name)
{
	if (is_line(name, NAME_MAX_CHARS))
		return NULL;
	return err_code(
	        err_new(ctx->a, ERR_INVALID, "a name has at most %d characters on one line", NAME_MAX_CHARS),
	        "name");
}

/* *out has p NULL for NULL. */
static struct err *check_groups(struct ctx *ctx, const char *text, struct db_texts *out)
{
	bool good;

	*out = (struct db_texts){0};
	if (!text)
		return NULL;
	*out = auth_group_list(ctx->a, str_of(text));
	good = out->n <= GROUPS;
	for (size_t i = 0; good && i < out->n; i++)
		good = is_line(out->p[i], GROUP_MAX_CHARS);
	if (good)
		return NULL;
	return err_code(err_new(ctx->a, ERR_INVALID,
	                        "there may be %d groups, each a name of at most %d characters on one line",
	                        GROUPS, GROUP_MAX_CHARS),
	                "groups");
}

/* {"email": ..., "admin": ...} for the audit log. */
static const char *detail(struct ctx *ctx, const struct auth_user *u)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	if (u->email)
		json_put_cstr(&w, "email", u->email);
	json_put_bool(&w, "admin", u->is_admin);
	json_put_bool(&w, "disabled", u->disabled);
	if (u->groups.p)
		auth_put_groups(&w, u->groups);
	json_object_close(&w);
	return buf_cstr(&b);
}

struct addition {
	struct auth_user user;
	const char *hash;
};

static struct err *add(struct ctx *ctx, void *arg)
{
	struct addition *new = arg;
	struct auth_user made;
	struct err *e = db_one(ctx, &auth_user_insert,
	                       DB_ARGS(db_text(new->user.email), db_text(new->user.name), db_text(new->hash),
	                               db_bool(new->user.is_admin),
	                               db_texts(new->user.groups.p, new->user.groups.n)),
	                       &id_row, "account", &made);

	if (e && e->kind == ERR_CONFLICT)
		return err_code(
		        err_new(ctx->a, ERR_CONFLICT, "an account with this e-mail address exists already"),
		        "email");
	TRY(e);
	new->user.id = made.id;
	return audit_log(ctx, "user.create", auth_object(ctx->a, new->user.id), detail(ctx, &new->user));
}

/* What an admin says of an account, checked. */
static struct err *read_account(struct ctx *ctx, const struct auth_account *from, struct auth_user *to)
{
	to->name = from->name ? from->name : "";
	to->is_admin = from->is_admin;
	to->disabled = from->disabled;
	TRY(check_name(ctx, to->name));
	return check_groups(ctx, from->groups, &to->groups);
}

struct err *auth_user_add(struct ctx *ctx, const char *email, const char *password,
                          const struct auth_account *account, int64_t *id)
{
	static const char *none[1];
	struct addition new = {0};

	TRY(check_email(ctx, email, &new.user.email));
	TRY(read_account(ctx, account, &new.user));
	if (!new.user.groups.p)
		new.user.groups.p = none;
	TRY(auth_password_check(ctx->a, str_of(password)));
	TRY(auth_password_hash(ctx, str_of(password), &new.hash));
	TRY(db_transact(ctx, add, &new));
	*id = new.user.id;
	return NULL;
}

static struct err *set_password(struct ctx *ctx, void *arg)
{
	const struct addition *u = arg;

	TRY(db_run(ctx, &auth_user_set_password, DB_ARGS(db_i64(u->user.id), db_text(u->hash)), NULL));
	TRY(auth_session_end_others(ctx, NULL, u->user.id));
	return audit_log(ctx, "user.passwd", auth_object(ctx->a, u->user.id), NULL);
}

struct err *auth_user_passwd(struct ctx *ctx, const char *email, const char *password)
{
	struct addition u = {0};

	TRY(auth_user_by_email(ctx, email, &u.user));
	if (strcmp(u.user.origin, "local") != 0)
		return err_new(ctx->a, ERR_CONFLICT, "%s signs in by single sign-on and has no password here",
		               u.user.email);
	TRY(auth_password_check(ctx->a, str_of(password)));
	TRY(auth_password_hash(ctx, str_of(password), &u.hash));
	return db_transact(ctx, set_password, &u);
}

struct err *auth_user_by_email(struct ctx *ctx, const char *email, struct auth_user *out)
{
	const char *address;

	TRY(check_email(ctx, email, &address));
	return db_one(ctx, &auth_user_select, DB_ARGS(db_text(address)), &user_row, "account", out);
}

struct err *auth_users(struct ctx *ctx, struct auth_user **out, size_t *n)
{
	return db_all(ctx, &auth_user_select_all, DB_NO_ARGS, &user_row, out, n);
}

static struct err *count_admins(struct ctx *ctx, size_t *n)
{
	struct auth_user *admins;

	return db_all(ctx, &auth_admins_lock, DB_NO_ARGS, &id_row, &admins, n);
}

static struct err *update(struct ctx *ctx, void *arg)
{
	const struct auth_user *u = arg;
	size_t before, after;
	int64_t affected;

	TRY(count_admins(ctx, &before));
	TRY(db_run(ctx, &auth_user_set,
	           DB_ARGS(db_i64(u->id), db_text(u->name), db_bool(u->is_admin), db_bool(u->disabled),
	                   db_texts(u->groups.p, u->groups.n)),
	           &affected));
	if (!affected)
		return err_new(ctx->a, ERR_NOT_FOUND, "account not found");
	TRY(count_admins(ctx, &after));
	if (before && !after)
		return err_hint(err_new(ctx->a, ERR_CONFLICT, "the last admin cannot be taken away"),
		                "Make somebody else an admin first.");
	if (u->disabled)
		TRY(auth_session_end_others(ctx, NULL, u->id));
	return audit_log(ctx, "user.update", auth_object(ctx->a, u->id), detail(ctx, u));
}

struct err *auth_user_update(struct ctx *ctx, int64_t id, const struct auth_account *account)
{
	struct auth_user u = {.id = id};

	TRY(read_account(ctx, account, &u));
	return db_transact(ctx, update, &u);
}
