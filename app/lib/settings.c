/*
 * One row a setting, made from settings.def. Reading goes on after a wrong value, so that one start shows all
 * that has to be put right; values of secrets are never part of a message.
 */
#include "lib/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/str.h"

enum type { TEXT, SECRET, INT, KEY, CHOICE };

static const struct row {
	const char *name;
	enum type type;
	const char *dflt;
	int64_t min, max;
	unsigned need;
	const char *unit;
	const char *text;
	size_t offset;
} rows[] = {
#define SETTING(field, name, type, dflt, min, max, need, unit, text) \
	{name, type, dflt, min, max, SETTINGS_NEED_##need, unit, text, offsetof(struct settings, field)},
#include "lib/settings.def"
#undef SETTING
};

enum { ROWS = sizeof(rows) / sizeof(*rows), ENV_FILE_BYTES = 256 << 10 };

struct load {
	struct arena *a;
	struct settings *settings;
	const char *from_file[ROWS];
	struct buf wrong;
	int nwrong;
};

static void complain(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct load *l, const char *fmt, ...)
{
	va_list ap;

	if (l->nwrong++)
		buf_add_cstr(&l->wrong, "; ");
	va_start(ap, fmt);
	buf_vprintf(&l->wrong, fmt, ap);
	va_end(ap);
}

static struct str unquote(struct str s)
{
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

/* NAME=value, with "export" before it and quotes around the value allowed. Names of others are ignored. */
static bool take_env_line(struct load *l, struct str line)
{
	struct str value = line, name;
	size_t i;

	if (str_starts(value, STR("export ")))
		value = str_trim((struct str){value.p + 7, value.n - 7});
	name = str_trim(str_chop(&value, '='));
	if (!value.p || !name.n || str_has_nul(line))
		return false;
	for (i = 0; i < ROWS; i++)
		if (str_is(name, rows[i].name))
			l->from_file[i] = str_dup(l->a, unquote(str_trim(value)));
	return true;
}

static void take_env_text(struct load *l, const char *path, struct str text)
{
	int number = 0;

	while (text.p) {
		struct str line = str_trim(str_chop(&text, '\n'));

		number++;
		if (line.n && line.p[0] != '#' && !take_env_line(l, line))
			complain(l, "line %d of %s is not NAME=value", number, path);
	}
}

static void read_env_file(struct load *l, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (!f) {
		if (errno != ENOENT)
			complain(l, "%s could not be read: %s", path, strerror(errno));
		return;
	}
	text = arena_alloc(l->a, ENV_FILE_BYTES);
	n = fread(text, 1, ENV_FILE_BYTES, f);
	if (ferror(f) || n == ENV_FILE_BYTES)
		complain(l, "%s could not be read: %s", path,
		         ferror(f) ? strerror(errno) : "it is too large");
	else
		take_env_text(l, path, (struct str){text, n});
	fclose(f);
}

static bool is_choice(struct str choices, const char *value)
{
	while (choices.p)
		if (str_is(str_chop(&choices, '|'), value))
			return true;
	return false;
}

static void set_int(struct load *l, const struct row *row, const char *value, int64_t *field)
{
	if (!str_to_i64(str_of(value), field) || *field < row->min || *field > row->max)
		complain(l, "%s must be a whole number from %lld to %lld", row->name, (long long)row->min,
		         (long long)row->max);
}

static void set_key(struct load *l, const struct row *row, const char *value, const unsigned char **field)
{
	struct str key;

	if (crypto_base64_decode(l->a, str_of(value), &key) || key.n != CRYPTO_KEY_BYTES)
		complain(l, "%s must be %d bytes in base64 (openssl rand -base64 %d)", row->name,
		         CRYPTO_KEY_BYTES, CRYPTO_KEY_BYTES);
	else
		*field = (const unsigned char *)key.p;
}

static void set_text(struct load *l, const struct row *row, const char *value, const char **field)
{
	if (row->type == CHOICE && !is_choice(str_of(row->unit), value))
		complain(l, "%s must be one of %s", row->name, row->unit);
	else if (strlen(value) < (size_t)row->min)
		complain(l, "%s must have at least %lld characters", row->name, (long long)row->min);
	else if (!str_utf8_valid(str_of(value)))
		complain(l, "%s must be UTF-8", row->name);
	*field = value;
}

static void set_row(struct load *l, const struct row *row, const char *value)
{
	void *field = (char *)l->settings + row->offset;

	switch (row->type) {
	case INT: set_int(l, row, value, field); break;
	case KEY: set_key(l, row, value, field); break;
	case TEXT:
	case SECRET:
	case CHOICE: set_text(l, row, value, field); break;
	}
}

/* An empty value counts as none, as in a compose file that passes an unset variable on. */
static void load_row(struct load *l, size_t i, unsigned needs)
{
	const char *value = arena_strdup(l->a, getenv(rows[i].name));

	if (!value || !*value)
		value = l->from_file[i];
	if (!value || !*value)
		value = rows[i].dflt;
	if (value)
		set_row(l, &rows[i], value);
	else if (rows[i].need & needs)
		complain(l, "%s is missing (%s)", rows[i].name, rows[i].text);
}

struct err *settings_load(struct arena *a, const char *env_file, unsigned needs, const struct settings **out)
{
	struct load *l = ARENA_NEW(a, struct load);
	size_t i;

	l->a = a;
	l->settings = ARENA_NEW(a, struct settings);
	l->wrong = buf_init(a, BUF_LINE);
	if (env_file)
		read_env_file(l, env_file);
	for (i = 0; i < ROWS; i++)
		load_row(l, i, needs);
	*out = l->settings;
	if (!l->nwrong)
		return NULL;
	return err_hint(err_detail(err_new(a, ERR_CONFIG, "cannot start with these settings"), "%s",
	                           buf_cstr(&l->wrong)),
	                "Set them in the environment or in the file .env; see .env.example.");
}

static const char *shown_default(const struct row *row)
{
	if (row->dflt)
		return row->dflt;
	return row->need == SETTINGS_NEED_NONE ? "" : "(required)";
}

void settings_describe(struct buf *b, bool markdown)
{
	size_t i;

	if (markdown)
		buf_add_cstr(b, "| Setting | Default | Meaning |\n|---|---|---|\n");
	for (i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		const char *dflt = shown_default(row), *tick = markdown && *dflt ? "`" : "";

		buf_printf(b, markdown ? "| `%s` | %s%s%s | %s" : "%-26s %s%s%s\n    %s", row->name, tick,
		           dflt, tick, row->text);
		if (row->type == INT)
			buf_printf(b, " (%lld to %lld%s%s)", (long long)row->min, (long long)row->max,
			           *row->unit ? " " : "", row->unit);
		buf_add_cstr(b, markdown ? " |\n" : "\n");
	}
}
