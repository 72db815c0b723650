// SPDX-License-Identifier: GPL-2.0
/* Tables: alignment, width, colours, and the cells of `show`. */
#include <fcntl.h>

#include "line.h"
#include "tap.h"
#include "text.h"

#define UNL RESCORE_UNLIMITED

static char *printed(const struct table *table, bool colours)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || table_print(table, out, colours))
		exit(2);
	fclose(out);
	return text;
}

static void test_alignment(void)
{
	static const struct table_column columns[] = {
		{ "NAME", false },
		{ "N", true },
		{ "WHERE", false },
	};
	struct table *table = table_new(columns, 3);
	char *text;

	table_row(table);
	table_cell(table, COLOUR_NONE, "web");
	table_cell(table, COLOUR_BAD, "%d", 1234);
	table_cell(table, COLOUR_NONE, "/a");
	table_row(table);
	table_cell(table, COLOUR_NONE, "database");
	table_cell(table, COLOUR_NEAR, "%d", 7);
	table_row(table);
	table_cell(table, COLOUR_NONE, "m\xc3\xbcller");
	table_cell(table, COLOUR_NONE, "%s", "");
	table_cell(table, COLOUR_NONE, "a\nb\033[0m");
	table_note(table, "one two");

	text = printed(table, false);
	tap_is_text(text,
		    "NAME         N  WHERE\n"
		    "web       1234  /a\n"
		    "database     7\n"
		    "m\xc3\xbcller          a\\nb\\x1b[0m\n"
		    "    one two\n",
		    "aligned, no space at the end, control characters shown");
	free(text);
	text = printed(table, true);
	tap_is_text(text,
		    "NAME         N  WHERE\n"
		    "web       \033[31m1234\033[0m  /a\n"
		    "database     \033[33m7\033[0m\n"
		    "m\xc3\xbcller          a\\nb\\x1b[0m\n"
		    "    one two\n",
		    "colours do not move columns");
	free(text);
	table_free(table);
}

static size_t widest(const char *text)
{
	size_t len, most = 0;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len > most)
			most = len;
	}
	return most;
}

static void test_note(void)
{
	static const struct table_column columns[] = { { "A", false } };
	struct table *table = table_new(columns, 1);
	char *text, note[200];

	table_row(table);
	table_note(table, "words  words words words words words words words "
			  "words words words words words words");
	table_row(table);
	memset(note, 'x', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	table_note(table, note);
	table_row(table);
	table_note(table, "");
	text = printed(table, false);
	tap_is_text(strtok(text, "\n"), "A", "title");
	tap_is_text(strtok(NULL, "\n"),
		    "    words words words words words words words words words "
		    "words words words",
		    "a note is folded at 80 columns");
	tap_is_text(strtok(NULL, "\n"), "    words words", "its second line");
	tap_is_int((int64_t)strlen(strtok(NULL, "\n")), 203,
		   "one long word is not cut");
	free(text);
	table_free(table);
	tap_ok(!table_new(columns, TABLE_COLUMNS_MAX + 1), "too many columns");
	table = table_new(columns, 1);
	text = printed(table, false);
	tap_is_text(text, "A\n", "no rows: the titles");
	free(text);
	table_cell(table, COLOUR_NONE, "a cell before any row is ignored");
	table_free(table);
	table_free(NULL);
}

static void test_cells(void)
{
	static const struct {
		int64_t amount;
		unsigned int unit;
		bool raw;
		const char *want;
	} amounts[] = {
		{ UNL, RESCORE_COUNT, false, "-" },
		{ UNL, RESCORE_COUNT, true, "-" },
		{ 9999999, RESCORE_COUNT, false, "9999999" },
		{ 10000000, RESCORE_COUNT, false, "10.0M" },
		{ 10000000, RESCORE_COUNT, true, "10000000" },
		{ 1LL << 62, RESCORE_COUNT, false, "4.61E" },
		{ -12345678, RESCORE_COUNT, false, "-12.3M" },
		{ 1LL << 62, RESCORE_BYTES, false, "4.00E" },
		{ 1LL << 62, RESCORE_PAGES, false, "16.0Z" },
		{ 65536, RESCORE_PAGES, false, "256M" },
		{ 65536, RESCORE_PAGES, true, "65536" },
		{ INT64_MIN, RESCORE_PAGES, false, "-32.0Z" },
		{ 1LL << 62, RESCORE_NSEC, false, "53376d" },
		{ 1LL << 62, RESCORE_PERCENT, false, "4.61E" },
		{ 999499999, RESCORE_COUNT, false, "999M" },
		{ 999999999, RESCORE_COUNT, false, "1.00G" },
	};
	char buf[CELL_LEN];
	size_t i;

	for (i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		tap_is_text(amount_cell(amounts[i].amount, amounts[i].unit,
					amounts[i].raw, buf),
			    amounts[i].want, amounts[i].want);
	tap_is_text(count_cell(UINT64_MAX, false, buf), "18.4E", "all counts");
	tap_is_text(count_cell(UINT64_MAX, true, buf), "18446744073709551615",
		    "all counts, raw");
	tap_is_text(percent_cell(-1, buf), "-", "no percent");
	tap_is_text(percent_cell(100, buf), "100%", "percent");
	tap_is_text(percent_cell(1000, buf), ">999%", "too many percent");
}

static struct rescore_line line_of(int64_t held, int64_t barrier, int64_t limit)
{
	return (struct rescore_line){
		.held = held,
		.maxheld = held,
		.barrier = barrier,
		.limit = limit,
	};
}

static const struct rescore_resource plain = { .unit = RESCORE_COUNT };

static void test_levels(void)
{
	static const struct {
		int64_t held, barrier, limit, percent;
		enum line_level level;
		bool notable;
	} lines[] = {
		{ 0, UNL, UNL, -1, LINE_FINE, false },
		{ 5, UNL, UNL, -1, LINE_FINE, false },
		{ 5, 10, 10, 50, LINE_FINE, false },
		{ 6, 10, 10, 60, LINE_FINE, true },
		{ 79, 100, 100, 79, LINE_FINE, true },
		{ 80, 100, 100, 80, LINE_NEAR, true },
		{ 100, 100, 200, 100, LINE_NEAR, true },
		{ 101, 100, 200, 101, LINE_OVER, true },
		{ 8, 0, 10, 80, LINE_NEAR, true },	/* barrier 0: the limit */
		{ 8, 0, UNL, -1, LINE_FINE, false },
		{ 0, 0, 0, 0, LINE_FINE, false },
		{ 1, 0, 0, INT64_MAX, LINE_OVER, true },
		{ -1, 10, 10, 0, LINE_FINE, false },
		{ 1LL << 62, 1, 1, INT64_MAX, LINE_OVER, true },
		{ 1LL << 62, 1LL << 62, 1LL << 62, 100, LINE_NEAR, true },
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct rescore_line line = line_of(lines[i].held,
						   lines[i].barrier,
						   lines[i].limit);

		if (!tap_ok(line_percent(&plain, &line) == lines[i].percent &&
				    line_level(&plain, &line) ==
					    lines[i].level &&
				    line_is_notable(&plain, &line) ==
					    lines[i].notable,
			    "level of line %zu", i))
			printf("# %" PRId64 "%%, level %d\n",
			       line_percent(&plain, &line),
			       line_level(&plain, &line));
	}
}

static void test_idle(void)
{
	struct rescore_line line = line_of(0, UNL, UNL);

	tap_ok(line_is_idle(&plain, &line), "idle");
	line.failcnt = 1;
	tap_ok(!line_is_idle(&plain, &line) && line_is_notable(&plain, &line),
	       "refusals are notable");
	line = line_of(0, 5, UNL);
	tap_ok(!line_is_idle(&plain, &line), "a bound is not idle");
	line = line_of(0, UNL, UNL);
	line.maxheld = 3;
	tap_ok(!line_is_idle(&plain, &line), "a use in the past is not idle");
}

static void add_random_row(struct table *table, uint64_t *state)
{
	struct rescore_resource resource = {
		.name = "fifteen_letters",
		.unit = tap_random(state) % 5,
		.state = tap_random(state) % 8 ? RESCORE_ON : RESCORE_OFF,
	};
	struct rescore_line line = {
		.held = (int64_t)tap_random(state),
		.maxheld = (int64_t)tap_random(state),
		.barrier = (int64_t)(tap_random(state) >> 1),
		.limit = (int64_t)(tap_random(state) >> 1),
		.failcnt = tap_random(state),
		.flags = (uint32_t)tap_random(state) & RESCORE_OBSERVE,
	};

	show_table_add(table, &resource, &line, false);
}

/* The widest that `show` can get, with every value beyond reason. */
static void test_show_width(void)
{
	struct table *table = show_table_new(true);
	uint64_t state = 5;
	unsigned int i;
	char *text;

	for (i = 0; i < 5000; i++)
		add_random_row(table, &state);
	text = printed(table, false);
	tap_ok(widest(text) <= TABLE_WIDTH,
	       "show never exceeds %d columns: %zu", TABLE_WIDTH, widest(text));
	free(text);
	table_free(table);
}

static void test_show(void)
{
	static const struct rescore_resource resources[] = {
		{ .name = "numproc",
		  .unit = RESCORE_COUNT,
		  .state = RESCORE_ON },
		{ .name = "privvmpages",
		  .unit = RESCORE_PAGES,
		  .state = RESCORE_ON },
		{ .name = "numsiginfo",
		  .unit = RESCORE_COUNT,
		  .state = RESCORE_OFF },
	};
	struct rescore_line line = line_of(95, 100, 110);
	struct table *table = show_table_new(true);
	char *text;

	line.failcnt = 3;
	show_table_add(table, &resources[0], &line, false);
	line = line_of(65536, UNL, UNL);
	line.flags = RESCORE_OBSERVE;
	show_table_add(table, &resources[1], &line, false);
	show_table_add(table, &resources[2], &line, false);
	text = printed(table, true);
	tap_is_text(
		text,
		"RESOURCE     HELD  MAXHELD  BARRIER  LIMIT  USED  FAILCNT  MODE\n"
		"numproc        \033[33m95\033[0m       95      100    110   "
		"\033[33m95%\033[0m        \033[31m3\033[0m  enforce\n"
		"privvmpages  256M     256M        -      -     -        0  observe\n"
		"numsiginfo    off\n",
		"show");
	free(text);
	table_free(table);
}

static FILE *open_terminal(void)
{
	int leader = posix_openpt(O_RDWR | O_NOCTTY);
	FILE *terminal = NULL;

	if (leader >= 0 && !grantpt(leader) && !unlockpt(leader))
		terminal = fopen(ptsname(leader), "w");
	return terminal;
}

static void test_want_colours(void)
{
	FILE *terminal = open_terminal(), *file = tmpfile();

	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	tap_ok(file && !want_colours(file), "no colours in a file");
	if (file)
		fclose(file);
	if (!terminal) {
		tap_ok(true, "colours # SKIP no terminal can be made here");
		return;
	}
	tap_ok(want_colours(terminal), "colours on a terminal");
	setenv("NO_COLOR", "", 1);
	tap_ok(want_colours(terminal), "an empty NO_COLOR is none");
	setenv("NO_COLOR", "1", 1);
	tap_ok(!want_colours(terminal), "NO_COLOR");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	tap_ok(!want_colours(terminal), "a dumb terminal");
	unsetenv("TERM");
	tap_ok(!want_colours(terminal), "an unknown terminal");
	fclose(terminal);
}

int main(void)
{
	test_want_colours();
	test_alignment();
	test_note();
	test_cells();
	test_levels();
	test_idle();
	test_show_width();
	test_show();
	return tap_done();
}
