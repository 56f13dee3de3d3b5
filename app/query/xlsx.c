/*
 * Results as XLSX, through libxlsxwriter with constant memory: rows go to a temporary file, and the whole file
 * comes about at the end. Nothing is ever written as a formula or a link. A cell is a number only when a double
 * holds it exactly, or when it was one; a date only when Excel has it; everything else is text.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "lib/arena.h"
#include "query/query_priv.h"

enum {
	CELL_UNITS = 32767, /* of UTF-16: Excel's limit */
	EXACT_DIGITS = 15,
	FIRST_YEAR = 1900,
	LAST_YEAR = 9999,
	LOOK_EVERY = 1024, /* rows */
	ROOM_BYTES = 1 << 20,
	READ_BYTES = 64 << 10,
};

struct xlsx {
	char dir[4096]; /* only this process enters it; "" when there is none */
	int fd;         /* the file, without a name */
	lxw_workbook *book;
	lxw_worksheet *sheet, *about;
	lxw_format *bold, *date, *time, *fine_time, *wrap;
	int64_t cut_cells;
};

/* Life ------------------------------------------------------------------------------------------------- */

static void forget(void *arg)
{
	struct xlsx *x = arg;

	if (x->book)
		lxw_workbook_free(x->book);
	if (x->fd >= 0)
		close(x->fd);
	if (x->dir[0])
		rmdir(x->dir);
}

static struct err *no_room(struct query_file *f, const char *why)
{
	return err_hint(
	        err_new(f->ctx->a, ERR_UNAVAILABLE, "the file could not be written on the server: %s", why),
	        "CSV and JSON need no room there.");
}

static lxw_format *number_format(lxw_workbook *book, const char *text)
{
	lxw_format *format = workbook_add_format(book);

	format_set_num_format(format, text);
	return format;
}

static void make_book(struct xlsx *x, const char *path)
{
	lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = x->dir};

	x->book = workbook_new_opt(path, &options);
	x->sheet = workbook_add_worksheet(x->book, "Result");
	x->about = workbook_add_worksheet(x->book, "About");
	x->bold = workbook_add_format(x->book);
	format_set_bold(x->bold);
	x->wrap = workbook_add_format(x->book);
	format_set_text_wrap(x->wrap);
	x->date = number_format(x->book, "yyyy-mm-dd");
	x->time = number_format(x->book, "yyyy-mm-dd hh:mm:ss");
	x->fine_time = number_format(x->book, "yyyy-mm-dd hh:mm:ss.000");
}

static struct err *xlsx_open(struct query_file *f)
{
	struct xlsx *x = f->own = ARENA_NEW(f->a, struct xlsx);
	const char *tmp = getenv("TMPDIR"), *path;

	x->fd = -1;
	arena_cleanup(f->a, forget, x);
	(void)snprintf(x->dir, sizeof(x->dir), "%s/quern-xlsx-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(x->dir)) {
		x->dir[0] = '\0';
		return no_room(f, strerror(errno));
	}
	path = arena_printf(f->a, "%s/result", x->dir);
	x->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (x->fd < 0)
		return no_room(f, strerror(errno));
	unlink(path);
	make_book(x, arena_printf(f->a, "/proc/self/fd/%d", x->fd));
	return NULL;
}

/* Cells ------------------------------------------------------------------------------------------------- */

static struct err *wrote(struct query_file *f, lxw_error result)
{
	if (result == LXW_NO_ERROR)
		return NULL;
	return err_new(f->ctx->a, ERR_INTERNAL, "the XLSX file could not be written: %s",
	               lxw_strerror(result));
}

static const char *limit(struct query_file *f, const char *text)
{
	struct xlsx *x = f->own;
	struct str s = str_of(text);
	size_t units = 0, at = 0;

	if (s.n <= CELL_UNITS)
		return text;
	while (at < s.n) {
		size_t step = str_utf8_step((struct str){s.p + at, s.n - at});

		units += step == 4 ? 2 : 1;
		if (units > CELL_UNITS)
			break;
		at += step ? step : 1;
	}
	if (at == s.n)
		return text;
	x->cut_cells++;
	return arena_strndup(f->a, text, at);
}

static bool is_escape(const char *p)
{
	for (int i = 2; i < 6; i++)
		if (str_hex_digit(p[i]) < 0)
			return false;
	return p[0] == '_' && p[1] == 'x' && p[6] == '_';
}

/* "_x0041_" in a cell is read as "A", and XML has no U+FFFE and U+FFFF: both are written so that they survive. */
static const char *spell(struct query_file *f, const char *text)
{
	struct buf b;

	if (!strstr(text, "_x") && !strstr(text, "\xef\xbf\xbe") && !strstr(text, "\xef\xbf\xbf"))
		return text;
	b = buf_init(f->a, BUF_RESULT);
	for (; *text; text++) {
		bool none = !strncmp(text, "\xef\xbf\xbe", 3) || !strncmp(text, "\xef\xbf\xbf", 3);

		if (none)
			buf_add_cstr(&b, "\xef\xbf\xbd");
		else if (is_escape(text))
			buf_add_cstr(&b, "_x005F_");
		else
			buf_add_char(&b, *text);
		text += none ? 2 : 0;
	}
	return buf_cstr(&b);
}

static struct err *put_text(struct query_file *f, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                            const char *text, lxw_format *format)
{
	struct arena_mark mark = arena_mark(f->a);
	lxw_error result;

	result = worksheet_write_string(sheet, row, column, limit(f, spell(f, text)), format);
	arena_reset(f->a, mark);
	return wrote(f, result);
}

/* Zeros at the end of a fraction say nothing. */
static bool number_of(const struct query_column *c, const char *cell, double *number)
{
	size_t length, digits = query_digits(cell, &length);
	char *end;

	if (digits && strchr(cell, '.'))
		while (digits > 1 && cell[--length] == '0')
			digits--;
	if (!query_is_float(c) && (!digits || digits > EXACT_DIGITS))
		return false;
	*number = strtod(cell, &end);
	return *end == '\0' && *number - *number == 0;
}

static bool take_int(const char **p, int digits, int *out)
{
	for (*out = 0; digits > 0; digits--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

static bool take_char(const char **p, char c)
{
	return *(*p)++ == c;
}

/* "2025-12-31" or "2025-12-31 22:00:00.5+01"; the offset is what the sheet's zone says. Neither "infinity" nor
 * years before Christ get through. */
static bool datetime_of(const char *p, bool with_time, lxw_datetime *d, bool *fine)
{
	int second = 0;
	char *end;

	*d = (lxw_datetime){0};
	*fine = false;
	if (!take_int(&p, 4, &d->year) || !take_char(&p, '-') || !take_int(&p, 2, &d->month) ||
	    !take_char(&p, '-') || !take_int(&p, 2, &d->day) || d->year < FIRST_YEAR || d->year > LAST_YEAR)
		return false;
	if (!with_time)
		return *p == '\0';
	if (!take_char(&p, ' ') || !take_int(&p, 2, &d->hour) || !take_char(&p, ':') ||
	    !take_int(&p, 2, &d->min) || !take_char(&p, ':') || !take_int(&p, 2, &second))
		return false;
	d->sec = second;
	if (*p == '.') {
		d->sec += strtod(p, &end);
		*fine = true;
		p = end;
	}
	return p[strspn(p, "+-:0123456789")] == '\0';
}

static struct err *put_cell(struct query_file *f, lxw_row_t row, size_t i, const char *cell)
{
	struct xlsx *x = f->own;
	const struct query_column *c = &f->columns[i];
	lxw_col_t column = (lxw_col_t)i;
	lxw_datetime when;
	double number;
	bool fine;

	if (c->kind == QUERY_NUMBER && number_of(c, cell, &number))
		return wrote(f, worksheet_write_number(x->sheet, row, column, number, NULL));
	if (c->kind == QUERY_BOOL)
		return wrote(f, worksheet_write_boolean(x->sheet, row, column, !strcmp(cell, "true"), NULL));
	if (c->kind == QUERY_DATE && datetime_of(cell, false, &when, &fine))
		return wrote(f, worksheet_write_datetime(x->sheet, row, column, &when, x->date));
	if (c->kind == QUERY_TIME && datetime_of(cell, true, &when, &fine))
		return wrote(f, worksheet_write_datetime(x->sheet, row, column, &when,
		                                         fine ? x->fine_time : x->time));
	return put_text(f, x->sheet, row, column, cell, NULL);
}

/* Sheets ------------------------------------------------------------------------------------------------ */

static struct err *xlsx_columns(struct query_file *f)
{
	static const double widths[QUERY_KIND__MAX] = {
	        [QUERY_TEXT] = 24, [QUERY_NUMBER] = 14, [QUERY_DATE] = 12,  [QUERY_TIME] = 20,
	        [QUERY_BOOL] = 10, [QUERY_JSON] = 32,   [QUERY_BYTES] = 24,
	};
	struct xlsx *x = f->own;

	worksheet_freeze_panes(x->sheet, 1, 0);
	for (size_t i = 0; i < f->ncolumns; i++) {
		lxw_col_t column = (lxw_col_t)i;

		TRY(wrote(f,
		          worksheet_set_column(x->sheet, column, column, widths[f->columns[i].kind], NULL)));
		TRY(put_text(f, x->sheet, 0, column, f->columns[i].name, x->bold));
	}
	return NULL;
}

static struct err *xlsx_row(struct query_file *f, const char *const *cells)
{
	struct xlsx *x = f->own;

	for (size_t i = 0; i < f->ncolumns; i++)
		if (cells[i])
			TRY(put_cell(f, (lxw_row_t)f->rows + 1, i, cells[i]));
	/* The library does not look whether its temporary file took everything. */
	if (f->rows % LOOK_EVERY == 0 && ferror(x->sheet->optimize_tmpfile))
		return no_room(f, "the disk for temporary files is full");
	return NULL;
}

static const char *utc(struct arena *a, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&seconds, &tm));
	return arena_strdup(a, text);
}

/* What the numbers are, for whoever gets the file without the question. */
static struct err *write_about(struct query_file *f, const struct query_result *r)
{
	struct xlsx *x = f->own;
	struct arena *a = f->a;
	const char *const lines[][2] = {
	        {"Rows", arena_printf(a, "%lld", (long long)f->rows)},
	        {"Read at", utc(a, r->at)},
	        {"Times are in", r->time_zone && *r->time_zone ? r->time_zone : "UTC"},
	        {"Left out", r->cut},
	        {"Cut", x->cut_cells ? arena_printf(a, "%lld long value%s cut to %d characters",
	                                            (long long)x->cut_cells,
	                                            x->cut_cells == 1 ? " was" : "s were", CELL_UNITS)
	                             : NULL},
	        {"SQL", r->sql_asked},
	};
	lxw_row_t row = 0;

	TRY(wrote(f, worksheet_set_column(x->about, 0, 0, 14, NULL)));
	TRY(wrote(f, worksheet_set_column(x->about, 1, 1, 100, NULL)));
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (!lines[i][1])
			continue;
		TRY(put_text(f, x->about, row, 0, lines[i][0], x->bold));
		TRY(put_text(f, x->about, row++, 1, lines[i][1], x->wrap));
	}
	return NULL;
}

/* The rows are copied once more before they are packed, and none of it is looked at by the library. */
static struct err *check_room(struct query_file *f)
{
	struct xlsx *x = f->own;
	struct statvfs fs;
	uint64_t rows_bytes;

	if (fflush(x->sheet->optimize_tmpfile) != 0 || ferror(x->sheet->optimize_tmpfile))
		return no_room(f, "the disk for temporary files is full");
	rows_bytes = (uint64_t)ftello(x->sheet->optimize_tmpfile);
	if (fstatvfs(x->fd, &fs) == 0 && fs.f_bavail * fs.f_frsize < rows_bytes + rows_bytes / 2 + ROOM_BYTES)
		return no_room(f, "the disk for temporary files is nearly full");
	return NULL;
}

static struct err *xlsx_close(struct query_file *f, const struct query_result *r)
{
	struct xlsx *x = f->own;
	lxw_workbook *book = x->book;
	char *piece = arena_alloc(f->a, READ_BYTES);
	off_t at = 0;
	ssize_t n;

	TRY(write_about(f, r));
	TRY(check_room(f));
	x->book = NULL;
	TRY(wrote(f, workbook_close(book)));
	while ((n = pread(x->fd, piece, READ_BYTES, at)) > 0) {
		TRY(f->out.write(f->out.arg, (struct str){piece, (size_t)n}));
		at += n;
	}
	return n < 0 ? no_room(f, strerror(errno)) : NULL;
}

const struct query_writer query_xlsx = {
        .format = {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                   LXW_ROW_MAX - 1},
        .open = xlsx_open,
        .columns = xlsx_columns,
        .row = xlsx_row,
        .close = xlsx_close,
};
