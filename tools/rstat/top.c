// SPDX-License-Identifier: GPL-2.0
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "say.h"
#include "show.h"
#include "top.h"

#define DELAY		2
#define DELAY_MAX	60
#define KEY_ESC		27

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* --- paper --------------------------------------------------------------------- */

static bool coloured;

static attr_t attribute(enum ink ink)
{
	static const attr_t plain[INKS] = {
		[INK_SOFT] = A_DIM,
		[INK_TITLE] = A_REVERSE,
		[INK_NEAR] = A_BOLD,
		[INK_FULL] = A_BOLD,
	};

	return plain[ink] | (coloured ? (attr_t)COLOR_PAIR(ink) : 0);
}

void paper_line(struct paper *paper, int y, bool selected)
{
	paper->x = 0;
	paper->y = y;
	paper->selected = selected;
	if (paper->screen)
		move(y, 0);
}

/* Columns: one for each character of ours. */
static int columns(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* How many bytes @n characters are. */
static int bytes(const char *text, int n)
{
	const char *c = text;

	while (*c && n-- > 0)
		do
			c++;
		while (((unsigned char)*c & 0xc0) == 0x80);
	return (int)(c - text);
}

static void put_raw(struct paper *paper, const char *text, int n)
{
	int len;

	if (n > paper->width - paper->x)
		n = paper->width - paper->x;
	if (n <= 0)
		return;
	len = bytes(text, n);
	if (paper->screen)
		addnstr(text, len);
	else
		write_output(text, (size_t)len);
	paper->x += n;
}

static void put_blanks(struct paper *paper, int n)
{
	for (; n > 0; n--)
		put_raw(paper, " ", 1);
}

void paper_put(struct paper *paper, enum ink ink, int width, const char *text)
{
	int have = columns(text), room = abs(width);

	if (paper->screen)
		attrset(paper->selected ? A_REVERSE : attribute(ink));
	if (width && have > room)
		have = room;
	if (width < 0)
		put_blanks(paper, room - have);
	put_raw(paper, text, have);
	if (width > 0)
		put_blanks(paper, room - have);
}

void paper_end(struct paper *paper)
{
	if (!paper->screen) {
		putchar('\n');
		return;
	}
	attrset(paper->selected ? A_REVERSE : A_NORMAL);
	if (paper->selected)
		put_blanks(paper, paper->width - paper->x);
	if (paper->x < paper->width)
		clrtoeol();
	attrset(A_NORMAL);
}

/* --- what is shown --------------------------------------------------------------- */

/* The bar stays on its container; when that is gone, at its place. */
static void find_selected(struct top *top)
{
	for (size_t i = 0; i < top->nr; i++) {
		const struct live_container *c = top->rank[i].container;

		if (c->slot != top->slot || c->id.serial != top->serial)
			continue;
		top->selected = i;
		return;
	}
	if (top->mode == TOP_DETAIL)
		top->selected = SIZE_MAX;	/* "it is gone" */
	else if (top->selected >= top->nr)
		top->selected = top->nr ? top->nr - 1 : 0;
}

static void select_row(struct top *top, size_t n)
{
	if (!top->nr)
		return;
	if (n >= top->nr)
		n = top->nr - 1;
	top->selected = n;
	top->slot = top->rank[n].container->slot;
	top->serial = top->rank[n].container->id.serial;
}

static void rerank(struct top *top)
{
	free(top->rank);
	top->rank = NULL;
	top->nr = 0;
	if (top->resource >= (int)top->live.nr_resources)
		top->resource = -1;
	if (rank_all(&top->live, &top->trend, top->resource, top->order,
		     *top->filter ? top->filter : NULL, &top->rank, &top->nr))
		snprintf(top->why, sizeof(top->why), "%s", failure());
	find_selected(top);
	if (!top->serial && top->mode != TOP_DETAIL)
		select_row(top, 0);
}

static void look(struct top *top)
{
	int err = 0;

	*top->why = '\0';
	if (!top->source)
		err = live_open(&top->source);
	if (!err)
		err = top->source->read(top->source, &top->live);
	if (!err)
		err = trend_add(&top->trend, &top->live);
	if (err) {
		snprintf(top->why, sizeof(top->why), "%s", failure());
		if (top->source)
			top->source->close(top->source);
		top->source = NULL;
		live_empty(&top->live);
	}
	rerank(top);
}

/* --- keys -------------------------------------------------------------------------- */

static void filter_key(struct top *top, int key)
{
	size_t len = strlen(top->filter);

	if (key == KEY_ESC)
		*top->filter = '\0';
	if (key == KEY_ESC || key == '\n' || key == KEY_ENTER)
		top->mode = TOP_LIST;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len)
		top->filter[len - 1] = '\0';
	else if (key > ' ' && key < 127 && len + 1 < sizeof(top->filter)) {
		top->filter[len] = (char)key;
		top->filter[len + 1] = '\0';
	}
	top->serial = 0;	/* the first that is left */
}

static void turn_resource(struct top *top, int by)
{
	int n = (int)top->live.nr_resources;

	do {
		top->resource += by;
		if (top->resource >= n)
			top->resource = -1;
		if (top->resource < -1)
			top->resource = n - 1;
	} while (top->resource >= 0 && !top->live.resource[top->resource].on);
}

static void turn_order(struct top *top, int by)
{
	top->order = (enum rank_order)(((int)top->order + by + RANK_ORDERS) %
				       RANK_ORDERS);
}

static void move_bar(struct top *top, int key, size_t rows)
{
	size_t n = top->selected;

	switch (key) {
	case KEY_UP:
	case 'k':
		n -= n > 0;
		break;
	case KEY_DOWN:
	case 'j':
		n++;
		break;
	case KEY_PPAGE:
		n = n > rows ? n - rows : 0;
		break;
	case KEY_NPAGE:
		n += rows;
		break;
	case KEY_HOME:
	case 'g':
		n = 0;
		break;
	case KEY_END:
	case 'G':
		n = top->nr;
		break;
	}
	if (top->selected != SIZE_MAX)
		select_row(top, n);
}

/* Keys that mean the same in the list and in the details. */
static bool common_key(struct top *top, int key, size_t rows)
{
	switch (key) {
	case 'q':
	case 'Q':
		stopped = 1;
		return true;
	case '?':
	case 'h':
	case KEY_F(1):
		top->mode = TOP_HELP;
		return true;
	case 'p':
	case ' ':
		top->paused = !top->paused;
		return true;
	case '+':
		top->delay += top->delay < DELAY_MAX;
		return true;
	case '-':
		top->delay -= top->delay > 1;
		return true;
	}
	move_bar(top, key, rows);

	return false;
}

static void list_key(struct top *top, int key)
{
	switch (key) {
	case KEY_ESC:
		*top->filter = '\0';
		break;
	case '/':
		top->mode = TOP_FILTER;
		break;
	case KEY_LEFT:
		turn_resource(top, -1);
		break;
	case KEY_RIGHT:
	case '\t':
		turn_resource(top, 1);
		break;
	case 's':
		turn_order(top, 1);
		break;
	case 'S':
		turn_order(top, -1);
		break;
	case '\n':
	case KEY_ENTER:
		if (top->nr)
			top->mode = TOP_DETAIL;
		break;
	}
}

static void handle_key(struct top *top, int key, size_t rows)
{
	bool back = top->mode == TOP_HELP || key == KEY_ESC || key == '\n' ||
		    key == KEY_ENTER || key == KEY_BACKSPACE || key == KEY_LEFT;

	if (top->mode == TOP_FILTER)
		filter_key(top, key);
	else if (top->mode != TOP_HELP && common_key(top, key, rows))
		return;
	else if (top->mode == TOP_LIST)
		list_key(top, key);
	else if (back)
		top->mode = TOP_LIST;
	rerank(top);
}

/* --- the two ways to run --------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void start_screen(void)
{
	const char *no = getenv("NO_COLOR");

	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if ((no && *no) || !has_colors())
		return;
	coloured = true;
	start_color();
	use_default_colors();
	init_pair(INK_PLAIN, -1, -1);
	init_pair(INK_SOFT, -1, -1);
	init_pair(INK_TITLE, -1, -1);
	init_pair(INK_NEAR, COLOR_YELLOW, -1);
	init_pair(INK_FULL, COLOR_RED, -1);
	init_pair(INK_BAR, COLOR_BLUE, -1);
}

static void scroll_to_selected(struct top *top, size_t rows)
{
	if (top->selected == SIZE_MAX || !rows)
		return;
	if (top->selected < top->first)
		top->first = top->selected;
	if (top->selected >= top->first + rows)
		top->first = top->selected - rows + 1;
	if (top->nr <= rows)
		top->first = 0;
	else if (top->first > top->nr - rows)
		top->first = top->nr - rows;
}

static void show_screen(struct top *top, struct paper *paper)
{
	getmaxyx(stdscr, paper->height, paper->width);
	scroll_to_selected(top, top_rows(paper));
	top_draw(top, paper);
	refresh();
}

static int run_screen(struct top *top, struct paper *paper)
{
	int64_t next = now_ms() + top->delay * 1000;

	start_screen();
	while (!stopped) {
		int64_t left = next - now_ms();
		int key;

		show_screen(top, paper);
		timeout(top->paused ? 1000 : left > 0 ? (int)left : 0);
		key = getch();
		if (key == 'r' && top->mode != TOP_FILTER)
			next = 0;
		else if (key != ERR && key != KEY_RESIZE)
			handle_key(top, key, top_rows(paper));
		if (!next || (!top->paused && now_ms() >= next)) {
			look(top);
			next = now_ms() + top->delay * 1000;
		}
	}
	endwin();

	return 0;
}

/* Lines on standard output, @count times; a rate needs two looks. */
static int run_batch(struct top *top, struct paper *paper, long count)
{
	for (long i = 0; !stopped; i++) {
		top_draw(top, paper);
		if (fflush(stdout) || (count && i + 1 >= count))
			break;
		putchar('\n');
		sleep((unsigned int)top->delay);
		if (!stopped)
			look(top);
	}

	return *top->why ? -EIO : 0;
}

static int start(const struct args *args, struct top *top)
{
	int err;

	err = live_open(&top->source);
	if (err)
		return err;
	look(top);
	err = show_sort_key(&top->live, args->sort, &top->order,
			    &top->resource);
	if (!err)
		rerank(top);

	return err;
}

static int run(const struct args *args, struct top *top)
{
	bool screen = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) &&
		      !args->batch;
	struct sigaction action = { .sa_handler = stop };
	struct paper paper = { .screen = screen, .width = 100, .height = 24 };
	int err;

	setlocale(LC_ALL, "");
	paper.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	setlocale(LC_NUMERIC, "C");
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	err = start(args, top);
	if (err)
		return err;
	if (screen)
		return run_screen(top, &paper);
	/* In a pipe one look is enough, unless more are asked for. */
	return run_batch(top, &paper,
			 args->count ? args->count :
			 args->batch ? 0 :
				       1);
}

int top_run(const struct args *args)
{
	struct top top = {
		.order = RANK_TROUBLE,
		.resource = -1,
		.delay = args->delay ? args->delay : DELAY,
	};
	int err = run(args, &top);

	if (err)
		say("%s", *top.why ? top.why : failure());
	if (top.source)
		top.source->close(top.source);
	free(top.rank);
	live_free(&top.live);
	trend_free(&top.trend);

	return err ? RSTAT_FAILED : RSTAT_OK;
}
