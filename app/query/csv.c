/* Results as CSV, and as text with tabs for pasting. Only what people can have typed is looked at for formulas: a number stays one, with its sign. */
#include "query/query_priv.h"

static const bool typed[QUERY_KIND__MAX] = {[QUERY_TEXT] = true, [QUERY_JSON] = true};

static struct err *put_columns(struct query_file *f)
{
	for (size_t i = 0; i < f->ncolumns; i++) {
		if (i)
			buf_add_char(&f->b, ',');
		buf_add_csv(&f->b, str_of(f->columns[i].name), false);
	}
	buf_add(&f->b, "\r\n", 2);
	return NULL;
}

static struct err *put_row(struct query_file *f, const char *const *cells)
{
	for (size_t i = 0; i < f->ncolumns; i++) {
		if (i)
			buf_add_char(&f->b, ',');
		if (cells[i])
			buf_add_csv(&f->b, str_of(cells[i]), !typed[f->columns[i].kind]);
	}
	buf_add(&f->b, "\r\n", 2);
	return NULL;
}

static struct err *put_tab_columns(struct query_file *f)
{
	for (size_t i = 0; i < f->ncolumns; i++) {
		if (i)
			buf_add_char(&f->b, '\t');
		buf_add_tsv(&f->b, str_of(f->columns[i].name), false);
	}
	return NULL;
}

static struct err *put_tab_row(struct query_file *f, const char *const *cells)
{
	buf_add_char(&f->b, '\n');
	for (size_t i = 0; i < f->ncolumns; i++) {
		if (i)
			buf_add_char(&f->b, '\t');
		buf_add_tsv(&f->b, str_of(cells[i]), !typed[f->columns[i].kind]);
	}
	return NULL;
}

const struct query_writer query_tsv = {
        .format = {"tsv", "text/tab-separated-values; charset=utf-8", INT64_MAX},
        .columns = put_tab_columns,
        .row = put_tab_row,
};

const struct query_writer query_csv = {
        .format = {"csv", "text/csv; charset=utf-8; header=present", INT64_MAX},
        .columns = put_columns,
        .row = put_row,
};
